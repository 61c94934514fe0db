// The budget is hard: what the kernel says is mapped of the file, in both views, stays within it
// while a file thirty times larger is read and written, with everything that a kernel may lack
// taken away in turn.
#define BOOST_TEST_MODULE pool_budget
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "pinyon/mmap/buffer_pool.hpp"
#include "pinyon/mmap/memory_file.hpp"
#include "support/paged_file.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace pinyon;
using io::page_number;
using io::residency;

constexpr std::uint64_t budget = std::uint64_t{8} << 20;
constexpr std::uint64_t pages = 30 * budget / 4096;

// Bytes of all mappings of the file that are in this process's page tables. `path` may be a part of
// the file's name.
std::uint64_t mapped_bytes(const std::string& path) {
    std::ifstream smaps("/proc/self/smaps");
    std::uint64_t total = 0;
    bool ours = false;
    for (std::string line; std::getline(smaps, line);) {
        if (line.compare(0, 4, "Rss:") == 0) {
            total += ours ? std::stoull(line.substr(4)) * 1024 : 0;
        } else if (line.find('-') < line.find(' ') && line.find(':') > line.find(' ')) {
            ours = line.find(path) != std::string::npos;
        }
    }
    return total;
}

// smaps is not read at one moment: what leaves one view and enters the other meanwhile counts
// twice. What is there for longer is there when one looks again.
std::uint64_t sampled_bytes(const std::string& path) {
    std::uint64_t bytes = mapped_bytes(path);
    for (int again = 0; again != 2 && bytes > budget; ++again) {
        bytes = std::min(bytes, mapped_bytes(path));
    }
    return bytes;
}

class sampler {
public:
    explicit sampler(const std::string& path) : thread_([this, path] { run(path); }) {}
    ~sampler() { stop(); }
    void stop() {
        done_ = true;
        if (thread_.joinable()) { thread_.join(); }
    }

    std::atomic<std::uint64_t> samples{0};
    std::atomic<std::uint64_t> most{0};

private:
    void run(const std::string& path) {
        while (!done_) {
            most = std::max(most.load(), sampled_bytes(path));
            ++samples;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
    }

    std::atomic<bool> done_{false};
    std::thread thread_;
};

// The last quarter of the file is the writer's.
page_number first_free(const test::paged_file& store) { return store.pages * 3 / 4; }

void read_randomly(io::page_source& source, const test::paged_file& store, int visits,
                   std::uint32_t seed, std::atomic<std::uint64_t>& wrong) {
    std::minstd_rand random(seed);
    for (int i = 0; i < visits; ++i) {
        const page_number page = 2 + random() % (first_free(store) - 2);
        const io::page_view view = source.fetch(
            store.reference(page, page % 50 == 0 ? residency::inner : residency::leaf));
        wrong += test::word_at(view.data, 8) == page ? 0u : 1u;
    }
}

// Two transactions of three pages an operation.
void write_randomly(io::page_source& source, test::paged_file& store, std::uint32_t version) {
    std::minstd_rand random(version);
    for (int transaction = 0; transaction < 2; ++transaction) {
        std::vector<page_number> created;
        for (int operation = 0; operation < 500; ++operation) {
            for (int i = 0; i < 3; ++i) {
                const page_number first = first_free(store);
                const page_number page = first + random() % (store.pages - first);
                created.push_back(page);
                (void)source.create(page, residency::leaf, store.content(page, version));
            }
            source.relieve();
        }
        for (const page_number page : created) {
            store.seal(source, page);
            source.relieve();
        }
        source.publish();
        for (const page_number page : created) {
            const io::page_view view = source.fetch(store.reference(page));
            BOOST_REQUIRE_EQUAL(test::version_of(view.data), version);
        }
        for (const page_number page : created) { source.forget({page, 1}); }
    }
}

struct variant {
    const char* name;
    io::capabilities allowed;
    bool release = false;
};

std::vector<variant> variants() {
    std::vector<variant> all = {{"all", {}, false}, {"all, release", {}, true}};
    const auto without = [&](const char* name, bool io::capabilities::*member) {
        io::capabilities allowed;
        allowed.*member = false;
        all.push_back({name, allowed, false});
    };
    without("no userfaultfd", &io::capabilities::userfaultfd);
    without("no pagemap_scan", &io::capabilities::pagemap_scan);
    without("no process_madvise", &io::capabilities::process_madvise);
    without("no populate", &io::capabilities::populate);
    without("no large_reservation", &io::capabilities::large_reservation);
    all.push_back({"nothing", {false, false, false, false, false, false}, false});
    return all;
}

// Reads and writes at once, sampled from beside. `path` is what smaps calls the file.
void run(const variant& one, io::file_system& files, test::paged_file& store,
         const std::string& path, int visits, std::uint32_t version) {
    test::counting_warden warden;
    const auto source =
        io::make_buffer_pool(*store.file, files, warden, 4096,
                             {budget, one.release, false, false, io::view_choice_default});
    source->set_limit(store.pages);
    std::atomic<std::uint64_t> wrong{0};
    sampler samples(path);
    std::thread reader([&] { read_randomly(*source, store, visits, 1, wrong); });
    write_randomly(*source, store, version);
    read_randomly(*source, store, visits, 2, wrong);
    reader.join();
    samples.stop();
    const io::source_statistics s = source->statistics();
    std::cout << one.name << ": " << samples.samples << " samples, at most " << samples.most / 1024
              << " of " << budget / 1024 << " KiB, " << s.evictions << " evictions, " << s.swept
              << " pages swept\n";
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(samples.samples >= 3u);
    BOOST_TEST(samples.most <= budget + budget / 20);
    BOOST_TEST(samples.most >= budget / 2);  // it is used, and the samples see it
    BOOST_TEST(s.evictions > s.frames_max);
    BOOST_TEST(s.write_backs > 0u);
    source->evict_all();
    BOOST_TEST(mapped_bytes(path) == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_mapped_stays_within_the_budget) {
    for (const variant& one : variants()) {
        BOOST_TEST_CONTEXT("with " << one.name) {
            io::memory_file_system files(one.allowed);
            test::paged_file store(files, "budget-data", pages);
            run(one, files, store, "/memfd:pinyon", 3000, 1);
        }
    }
}

// The same on a disk, where opening has dropped the cache: fewer visits of a smaller file, each a
// read.
BOOST_AUTO_TEST_CASE(the_same_over_a_file_on_disk) {
    const test::temporary_directory directory;
    const std::string path = directory / "data";
    test::paged_file store(io::posix_file_system(), path, pages / 8);
    std::uint32_t version = 0;
    for (const variant& one : variants()) {
        // Those that change how pages are mapped.
        if (one.allowed.userfaultfd) { continue; }
        BOOST_TEST_CONTEXT("with " << one.name) {
            const auto files = io::make_posix_file_system(one.allowed);
            store.file.reset();
            store.file = files->open(path, io::open_mode::read_write);
            run(one, *files, store, path, 500, ++version);
        }
    }
}

// Faults through views that a program keeps happen behind the pool's back: a sweep at the latest.
BOOST_AUTO_TEST_CASE(kept_views_are_swept) {
    const test::temporary_directory directory;
    const std::string path = directory / "data";
    test::paged_file store(io::posix_file_system(), path, 6000);
    test::counting_warden warden;
    const auto source =
        io::make_buffer_pool(*store.file, io::posix_file_system(), warden, 4096,
                             {budget, false, false, false, io::view_choice_default});
    source->set_limit(6000);
    std::vector<io::page_view> kept;
    for (page_number page = 2; page < 6000; ++page) {
        kept.push_back(source->fetch(store.reference(page)));
    }
    std::uint64_t sum = 0;
    for (const io::page_view& view : kept) { sum += test::word_at(view.data, 8); }
    BOOST_TEST(sum == (std::uint64_t{5999} * 6000 / 2) - 1);
    BOOST_TEST(mapped_bytes(path) > budget + budget / 20);
    dynamic_cast<io::buffer_pool&>(*source).sweep();
    BOOST_TEST(mapped_bytes(path) <= budget);
}

}  // namespace
