// Accesses to mapped pages that fail: an error comes of them where the engine reads, the process
// lives, and what is not ours goes its old way.
#define BOOST_TEST_MODULE sigbus
#define BOOST_TEST_NO_MAIN  // see the end
#include <sys/mman.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csetjmp>
#include <csignal>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pinyon/mmap/buffer_pool.hpp"
#include "pinyon/mmap/memory_file.hpp"
#include "pinyon/mmap/raw_mapping.hpp"
#include "support/errors.hpp"
#include "support/forked_child.hpp"
#include "support/paged_file.hpp"
#include "support/store_rig.hpp"

namespace {

using namespace pinyon;
using io::page_number;
using io::residency;
using pinyon::test::in_child;

constexpr std::uint64_t pages = 400;

struct fixture {
    explicit fixture(bool raw, bool read_only = false, std::uint32_t page_bytes = 4096)
        : store(files, "data", pages, page_bytes) {
        if (raw) {
            source = io::make_raw_mapping(*store.file, files, warden, page_bytes, read_only);
        } else {
            io::pool_options options;
            options.budget_bytes = std::uint64_t{8} << 20;
            options.read_only = read_only;
            source = io::make_buffer_pool(*store.file, files, warden, page_bytes, options);
        }
        source->set_limit(pages);
        source->guard_from_sigbus();
    }

    io::page_view fetch(page_number page) { return source->fetch(store.reference(page)); }
    void cut(page_number page) { store.file->truncate(page * store.page_bytes); }

    io::memory_file_system files;
    test::paged_file store;
    test::counting_warden warden;
    std::unique_ptr<io::page_source> source;
};

void for_each_source(const std::function<void(bool raw, std::uint32_t page_bytes)>& body) {
    for (const bool raw : {false, true}) {
        for (const std::uint32_t page_bytes : {4096u, 16384u}) {
            BOOST_TEST_CONTEXT((raw ? "raw mapping" : "pool") << ", pages of " << page_bytes) {
                body(raw, page_bytes);
            }
        }
    }
}

// The byte, read here and now. That another thread's handler puts zeros under it is the point, and
// no race.
[[nodiscard]] __attribute__((no_sanitize("thread"))) unsigned char touch(const std::byte* place) {
    return *reinterpret_cast<const volatile unsigned char*>(place);
}

[[nodiscard]] page_number page_of_error(const std::function<void()>& body) {
    try {
        body();
    } catch (const error& caught) {
        BOOST_TEST(name(caught.kind()) == std::string(name(errc::io)));
        return caught.page().value_or(0);
    }
    return 0;
}

// A mapped page of a file that has no such page: touching it is SIGBUS, and nobody's.
class foreign_page {
public:
    foreign_page() : file_(::memfd_create("foreign", MFD_CLOEXEC)) {
        data_ = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file_, 0);
        BOOST_REQUIRE(data_ != MAP_FAILED);
    }
    ~foreign_page() {
        ::munmap(data_, 4096);
        ::close(file_);
    }
    foreign_page(const foreign_page&) = delete;
    foreign_page& operator=(const foreign_page&) = delete;
    [[nodiscard]] const std::byte* data() const { return static_cast<const std::byte*>(data_); }

private:
    int file_;
    void* data_;
};

void reset_handler() { ::signal(SIGBUS, SIG_DFL); }

sigjmp_buf jump;
volatile std::sig_atomic_t handled = 0;
void jumping_handler(int) {
    handled = handled + 1;
    siglongjmp(jump, 1);
}
const void* volatile reported = nullptr;
void informed_handler(int, ::siginfo_t* info, void*) {
    reported = info->si_addr;
    siglongjmp(jump, 1);
}
void counting_handler(int) { handled = handled + 1; }

}  // namespace

// Runs first: the handler is installed once in a process, over the one that is there then.
BOOST_AUTO_TEST_CASE(the_handler_before_ours_gets_what_is_not_ours) {
    const int end = in_child([] {
        struct sigaction action {};
        action.sa_handler = jumping_handler;
        action.sa_flags = SA_NODEFER;
        ::sigaction(SIGBUS, &action, nullptr);
        fixture f(false);
        const foreign_page other;
        if (sigsetjmp(jump, 1) == 0) { (void)touch(other.data()); }
        if (handled != 1) { ::_exit(1); }
        const io::page_view view = f.fetch(9);
        f.cut(5);
        if (touch(view.data) != 0 || handled != 1 || f.source->failures() != 1) { ::_exit(2); }
        if (sigsetjmp(jump, 1) == 0) { (void)touch(other.data()); }
        ::_exit(handled == 2 ? 0 : 3);
    });
    BOOST_TEST(end == 0);
    const int informed = in_child([] {
        struct sigaction action {};
        action.sa_sigaction = informed_handler;
        action.sa_flags = SA_SIGINFO | SA_NODEFER;
        ::sigaction(SIGBUS, &action, nullptr);
        const fixture f(true);
        const foreign_page other;
        if (sigsetjmp(jump, 1) == 0) { (void)touch(other.data()); }
        ::_exit(reported == other.data() ? 0 : 1);
    });
    BOOST_TEST(informed == 0);
}

BOOST_AUTO_TEST_CASE(other_accesses_end_the_process_as_ever) {
    const int access = in_child([] {
        reset_handler();
        const fixture f(false);
        const foreign_page other;
        (void)touch(other.data());
    });
    BOOST_TEST(access == 1000 + SIGBUS);
    const int sent = in_child([] {
        reset_handler();
        const fixture f(false);
        ::raise(SIGBUS);
    });
    BOOST_TEST(sent == 1000 + SIGBUS);
    // A view whose guard has gone is nobody's again.
    const int gone = in_child([] {
        reset_handler();
        { const fixture f(true); }
        const foreign_page other;
        (void)touch(other.data());
    });
    BOOST_TEST(gone == 1000 + SIGBUS);
}

BOOST_AUTO_TEST_CASE(a_signal_that_a_program_sends_goes_the_old_way) {
    const int ignored = in_child([] {
        ::signal(SIGBUS, SIG_IGN);
        const fixture f(false);
        ::raise(SIGBUS);
        ::_exit(7);
    });
    BOOST_TEST(ignored == 7);
    const int counted = in_child([] {
        ::signal(SIGBUS, counting_handler);
        const fixture f(false);
        ::raise(SIGBUS);
        ::_exit(handled);
    });
    BOOST_TEST(counted == 1);
}

BOOST_AUTO_TEST_CASE(a_view_of_a_file_that_was_cut_is_not_taken_for_data) {
    for_each_source([](bool raw, std::uint32_t page_bytes) {
        for (const bool read_only : {false, true}) {
            fixture f(raw, read_only, page_bytes);
            const io::page_view lost = f.fetch(300);
            const io::page_view kept = f.fetch(50);
            BOOST_TEST(f.source->unchanged(lost));
            f.cut(200);
            BOOST_TEST(f.source->failures() == 0u);
            BOOST_TEST(touch(lost.data + page_bytes - 1) == 0);
            BOOST_TEST(f.source->failures() == 1u);
            BOOST_TEST(!f.source->unchanged(lost));
            BOOST_TEST(page_of_error([&] { (void)f.fetch(300); }) == 300u);
            BOOST_TEST(page_of_error([&] { (void)f.source->pin(f.store.reference(300)); }) == 300u);
            BOOST_TEST(pinyon::test::code_of([&] {
                           static_cast<void>(f.source->require_readable({lost.data, 100}));
                       }) == errc::io);
            BOOST_TEST(pinyon::test::code_of([&] {
                           static_cast<void>(
                               f.source->require_readable({f.fetch(199).data, 102 * page_bytes}));
                       }) == errc::io);
            // The rest is as it was.
            f.source->require_readable({kept.data, page_bytes});
            BOOST_TEST(f.source->unchanged(kept));
            BOOST_TEST(test::holds(f.fetch(50).data, 50, 0, page_bytes));
            BOOST_TEST(test::holds(f.fetch(60).data, 60, 0, page_bytes));
        }
    });
}

BOOST_AUTO_TEST_CASE(what_failed_stays_failed_until_the_file_is_reopened) {
    for_each_source([](bool raw, std::uint32_t page_bytes) {
        fixture f(raw, true, page_bytes);
        const io::page_view lost = f.fetch(300);
        f.cut(200);
        BOOST_TEST(touch(lost.data) == 0);
        f.store.file->grow(pages * page_bytes);
        f.source->evict_all();
        BOOST_TEST(page_of_error([&] { (void)f.fetch(300); }) == 300u);
        f.source.reset();
        // Another view at any address has nothing of it.
        f.source = io::make_raw_mapping(*f.store.file, f.files, f.warden, page_bytes, true);
        f.source->set_limit(pages);
        f.source->guard_from_sigbus();
        BOOST_TEST(test::holds(f.fetch(50).data, 50, 0, page_bytes));
        BOOST_TEST(f.source->failures() == 0u);
    });
}

// A hole of a sparse file is zeros, no failure; it is the checksum that tells.
BOOST_AUTO_TEST_CASE(a_hole_is_no_failure) {
    for_each_source([](bool raw, std::uint32_t page_bytes) {
        fixture f(raw, true, page_bytes);
        f.cut(200);
        f.store.file->truncate(pages * page_bytes);
        BOOST_TEST(pinyon::test::code_of([&] { static_cast<void>(f.fetch(300)); }) ==
                   errc::corrupt);
        BOOST_TEST(f.source->failures() == 0u);
        BOOST_TEST(test::holds(f.fetch(150).data, 150, 0, page_bytes));
    });
}

// The page goes between its arrival and its admission, as seen by the one who admits it.
BOOST_AUTO_TEST_CASE(a_page_that_fails_while_it_is_verified_is_no_corruption) {
    class cutting_warden final : public io::page_warden {
    public:
        explicit cutting_warden(io::file& file) : file_(file) {}
        void admit(const io::page_reference& reference, std::span<const std::byte> page) override {
            if (reference.page == 300) { file_.truncate(0); }
            if (test::page_checksum(reference.page, page) != reference.checksum) {
                raise(errc::corrupt, "wrong checksum", reference.page);
            }
        }
        [[nodiscard]] std::uint32_t seal(std::uint64_t, std::span<std::byte>) override { return 1; }

    private:
        io::file& file_;
    };
    for (const bool raw : {false, true}) {
        io::memory_file_system files;
        const test::paged_file store(files, "data", pages);
        cutting_warden warden(*store.file);
        const auto source = raw ? io::make_raw_mapping(*store.file, files, warden, 4096, true)
                                : io::make_buffer_pool(*store.file, files, warden, 4096, {});
        source->set_limit(pages);
        source->guard_from_sigbus();
        (void)source->fetch(store.reference(10));
        BOOST_TEST(page_of_error([&] { (void)source->fetch(store.reference(300)); }) == 300u);
        BOOST_TEST(page_of_error([&] { (void)source->fetch(store.reference(300)); }) == 300u);
    }
}

BOOST_AUTO_TEST_CASE(a_writer_whose_store_is_lost_writes_no_more) {
    for_each_source([](bool raw, std::uint32_t page_bytes) {
        fixture f(raw, false, page_bytes);
        std::byte* place = f.source->create(300, residency::leaf, f.store.content(300, 1));
        (void)f.source->create(301, residency::leaf, f.store.content(301, 1));
        f.cut(200);
        place[17] = std::byte{5};
        BOOST_TEST(f.source->failures() == 1u);
        BOOST_TEST(pinyon::test::code_of([&] { static_cast<void>(f.source->require_sound()); }) ==
                   errc::io);
        BOOST_TEST(pinyon::test::code_of([&] {
                       static_cast<void>(f.source->writable(f.store.reference(300)));
                   }) == errc::io);
        BOOST_TEST(pinyon::test::code_of([&] {
                       static_cast<void>(
                           f.source->create(302, residency::leaf, f.store.content(302, 1)));
                   }) == errc::io);
        BOOST_TEST(pinyon::test::code_of([&] { static_cast<void>(f.source->flush()); }) ==
                   errc::io);
        // A private page, too, is read as what it is not.
        BOOST_TEST(page_of_error([&] { (void)f.source->fetch(f.store.reference(300)); }) == 300u);
        f.source->forget({300, 2});
        f.source->publish();
        BOOST_TEST(page_of_error([&] { (void)f.source->fetch(f.store.reference(300)); }) == 300u);
        BOOST_TEST(test::holds(f.fetch(50).data, 50, 0, page_bytes));
    });
}

BOOST_AUTO_TEST_CASE(many_threads_fail_at_once) {
    for_each_source([](bool raw, std::uint32_t page_bytes) {
        fixture f(raw, true, page_bytes);
        std::vector<io::page_view> views;
        for (page_number page = f.store.first_page(); page < pages; ++page) {
            views.push_back(f.fetch(page));
        }
        f.cut(100);
        std::vector<std::thread> threads;
        std::atomic<unsigned> taken_for_data{0};
        for (int thread = 0; thread != 4; ++thread) {
            threads.emplace_back([&] {
                for (const io::page_view& view : views) {
                    const bool right =
                        touch(view.data + 9) ==
                        std::to_integer<unsigned char>(f.store.content(view.page, 0)[9]);
                    if (f.source->unchanged(view) && (!right || view.page >= 100)) {
                        ++taken_for_data;
                    }
                }
            });
        }
        for (std::thread& thread : threads) { thread.join(); }
        BOOST_TEST(taken_for_data == 0u);
        BOOST_TEST(f.source->failures() >= pages - 100);
    });
}

BOOST_AUTO_TEST_CASE(searches_of_a_tree_throw) {
    for (const std::uint64_t pool_bytes : {std::uint64_t{8} << 20, std::uint64_t{0}}) {
        BOOST_TEST_CONTEXT((pool_bytes == 0 ? "raw mapping" : "pool")) {
            test::store_rig rig(test::slotted_schema(), pool_bytes);
            rig.source->guard_from_sigbus();
            rig.begin();
            for (std::uint64_t key = 0; key < 5000; ++key) {
                rig.put(test::key_of(key), std::string(100, 'v'));
            }
            rig.commit();
            for (std::uint64_t key = 0; key < 5000; ++key) {
                BOOST_REQUIRE(rig.get(test::key_of(key)).has_value());
            }
            rig.file->truncate(rig.file->size() / 4);
            unsigned failed = 0;
            unsigned wrong = 0;
            for (std::uint64_t key = 0; key < 5000; ++key) {
                try {
                    const auto found = find(*rig.store, rig.tree, as_bytes(test::key_of(key)));
                    const std::string value = found ? test::text_of(*found) : "nothing";
                    if (found) { rig.source->require_readable(*found); }
                    wrong += value == std::string(100, 'v') ? 0 : 1;
                } catch (const error& caught) {
                    BOOST_TEST(caught.page().has_value());
                    BOOST_TEST_REQUIRE((caught.kind() == errc::io), caught.what());
                    ++failed;
                }
            }
            BOOST_TEST(wrong == 0u);
            BOOST_TEST(failed > 0u);
            // The writer sees it at its next operation.
            rig.begin();
            BOOST_TEST(pinyon::test::code_of([&] { static_cast<void>(rig.put("new", "value")); }) ==
                       errc::io);
            rig.abort();
        }
    }
}

// The addresses of a parent's views are the child's to use.
BOOST_AUTO_TEST_CASE(a_child_inherits_no_ranges) {
    reset_handler();
    fixture f(true, true);
    const io::page_view view = f.fetch(300);
    const int end = in_child([&] {
        const foreign_page other;
        auto* place = reinterpret_cast<void*>(const_cast<std::byte*>(view.data));
        if (::mremap(const_cast<std::byte*>(other.data()), 4096, 4096,
                     MREMAP_MAYMOVE | MREMAP_FIXED, place) != place) {
            ::_exit(1);
        }
        (void)touch(view.data);
    });
    BOOST_TEST(end == 1000 + SIGBUS);
    BOOST_TEST(test::holds(view.data, 300, 0, 4096));
}

BOOST_AUTO_TEST_CASE(ranges_are_given_back) {
    for (std::size_t round = 0; round < 2 * io::sigbus_guard::ranges_max; ++round) {
        io::page_word words[4];
        std::atomic<page_number> first{0};
        std::atomic<std::uint64_t> failures{0};
        const io::sigbus_guard guard({nullptr, 12, false, words, &first, &failures}, 1, 2);
    }
    std::vector<std::unique_ptr<io::sigbus_guard>> guards;
    const auto take = [&guards] {
        guards.push_back(std::make_unique<io::sigbus_guard>(io::guarded_pages{nullptr, 12}, 1, 2));
    };
    for (std::size_t i = 0; i < io::sigbus_guard::ranges_max; ++i) { take(); }
    BOOST_TEST(pinyon::test::code_of([&] { static_cast<void>(take()); }) == errc::no_space);
}

// The framework's own handlers, set and taken back around each case, would hide what is tested.
int main(int argc, char** argv) {
    ::setenv("BOOST_TEST_CATCH_SYSTEM_ERRORS", "no", 1);
    return boost::unit_test::unit_test_main(&init_unit_test, argc, argv);
}
