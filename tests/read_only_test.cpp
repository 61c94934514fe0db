// What inspects changes nothing: the files and their folder are the same before and after, the
// operating system was asked for nothing that writes, creates or locks, and a file that nobody may
// write to in a folder that nobody may write to can be inspected by anyone.
#define BOOST_TEST_MODULE read_only
#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "support/command_process.hpp"
#include "support/long_run.hpp"
#include "support/matrix_plan.hpp"
#include "tools/arguments.hpp"
#include "tools/inspected_file.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace pinyon;
using namespace pinyon::test;

namespace {

const std::string strace = "/usr/bin/strace";
const std::string setpriv = "/usr/bin/setpriv";

// Of everything in a folder: name, size, time of the last change, and XXH3 of 128 bits.
using listing = std::map<std::string, std::string>;

listing listing_of(const fs::path& place) {
    listing all;
    for (const auto& each : fs::directory_iterator(place)) {
        const std::string content = read_file(each.path().string());
        const XXH128_hash_t sum = XXH3_128bits(content.data(), content.size());
        struct stat facts {};
        BOOST_REQUIRE(::stat(each.path().c_str(), &facts) == 0);
        std::ostringstream line;
        line << content.size() << ' ' << sum.high64 << ' ' << sum.low64 << ' '
             << facts.st_mtim.tv_sec << '.' << facts.st_mtim.tv_nsec << ' ' << facts.st_ino;
        all[each.path().filename().string()] = line.str();
    }
    return all;
}

// Files of every kind: closed, with a log, and damaged ones.
struct inspected {
    std::string name;
    const golden_sample* sample = nullptr;
    saved_files files;
};

const std::vector<golden_sample>& samples() {
    static const std::vector<golden_sample> all = make_golden_samples();
    return all;
}

std::vector<inspected> files_to_inspect() {
    std::vector<inspected> all;
    for (const golden_sample& each : samples()) {
        if (each.name != "slotted" && each.name != "log" && each.name != "pending") { continue; }
        all.push_back({each.name, &each, each.files});
        for (const std::uint64_t page : {std::uint64_t{1}, each.forged->meta.catalog.page}) {
            inspected damaged{each.name + ", page " + std::to_string(page), &each, each.files};
            damaged.files.at(sample_name).set(page * each.page_bytes + 60, std::byte{0x5a});
            all.push_back(std::move(damaged));
        }
    }
    return all;
}

// One call of each form of every verb but those that change FILE; %o lies in `output`.
std::vector<planned_call> calls_of(const golden_sample& sample, const folder& output) {
    matrix_plan plan(sample);
    std::mt19937_64 random(1);
    std::vector<planned_call> calls;
    for (planned_call& each : plan.calls({}, true, random)) {
        if (each.row->effect == verb_effect::changes) { continue; }
        std::replace(each.arguments.begin(), each.arguments.end(), made_name, output / made_name);
        calls.push_back(std::move(each));
    }
    return calls;
}

// One call of each verb.
std::vector<planned_call> one_of_each(const golden_sample& sample, const folder& output) {
    std::vector<planned_call> calls = calls_of(sample, output);
    std::set<std::string_view> seen;
    std::erase_if(calls,
                  [&](const planned_call& each) { return !seen.insert(each.row->verb).second; });
    return calls;
}

}  // namespace

BOOST_AUTO_TEST_CASE(files_and_folder_are_the_same_before_and_after) {
    for (const inspected& each : files_to_inspect()) {
        const folder here;
        const folder output;
        put_files(here.path(), each.files);
        const listing before = listing_of(here.path());
        fs::current_path(here.path());
        for (const planned_call& call : calls_of(*each.sample, output)) {
            (void)test::call(call.arguments, std::string(call.row->input));
            fs::remove(output / made_name);
            BOOST_TEST((listing_of(here.path()) == before),
                       each.name << ": changed by pinyon " << call.text());
            BOOST_TEST(output.names().empty(), call.text());
        }
        fs::current_path("/");
    }
}

// --- what the operating system is asked for ------------------------------------------------------

namespace {

bool can_trace() {
    const command_end told = run_command({"-f", "-o", "/dev/null", "true"}, {.command = strace});
    return told.code == 0;
}

// What a file shows must not change while these read it: they hold a shared lock meanwhile.
bool may_hold(std::string_view verb) { return verb == "backup" || verb == "bench"; }

// A line of strace, "PID NAME(ARGUMENTS) = RESULT"; says why an inspector may not ask for that.
std::string why_forbidden(const std::string& line, const std::string& output,
                          bool may_share_lock = false) {
    static const std::regex form(R"(^\d+ +(\w+)\((.*)$)");
    static const std::set<std::string> never{
        "pwrite64",  "pwritev",   "pwritev2",        "ftruncate",      "truncate", "fallocate",
        "rename",    "renameat",  "renameat2",       "link",           "linkat",   "symlink",
        "symlinkat", "unlink",    "unlinkat",        "mkdir",          "mkdirat",  "rmdir",
        "chmod",     "fchmod",    "fchmodat",        "chown",          "fchown",   "fchownat",
        "utimensat", "setxattr",  "fsetxattr",       "flock",          "fsync",    "fdatasync",
        "sendfile",  "splice",    "creat",           "mknod",          "mknodat",  "sync",
        "syncfs",    "futimesat", "sync_file_range", "copy_file_range"};
    std::smatch parts;
    if (!std::regex_search(line, parts, form)) { return {}; }
    const std::string name = parts[1];
    const std::string arguments = parts[2];
    // What it makes is another file.
    if (!output.empty() && contains(arguments, output)) { return {}; }
    // Memory of its own, in which a log is replayed.
    if (contains(arguments, "</memfd:pinyon>")) { return {}; }
    if (never.count(name) != 0) { return "it calls " + name; }
    if (name.starts_with("write") && !arguments.starts_with("1,") && !arguments.starts_with("1<") &&
        !arguments.starts_with("2,") && !arguments.starts_with("2<")) {
        return "it writes elsewhere than to descriptors 1 and 2";
    }
    if (name.starts_with("open") || name == "memfd_create") {
        for (const char* flag : {"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE"}) {
            if (contains(arguments, flag)) { return std::string("it opens with ") + flag; }
        }
    }
    // Asking who holds a lock takes none.
    if (name == "fcntl" && contains(arguments, "SETLK") &&
        !(may_share_lock && !contains(arguments, "F_WRLCK"))) {
        return "it takes a lock";
    }
    if (name == "mmap" && contains(arguments, "PROT_WRITE") && contains(arguments, "MAP_SHARED") &&
        !contains(arguments, "MAP_ANONYMOUS")) {
        return "it maps a file to be written to";
    }
    return {};
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_operating_system_is_asked_for_nothing_that_changes) {
    if (!fs::exists(strace)) { return skipped("system calls of inspectors", "there is no strace"); }
    if (!can_trace()) { return skipped("system calls of inspectors", "ptrace is not allowed"); }
    std::uint64_t lines = 0;
    for (const inspected& each : files_to_inspect()) {
        const folder here;
        const folder output;
        const folder traces;
        put_files(here.path(), each.files);
        for (const planned_call& call : one_of_each(*each.sample, output)) {
            words all{"-f", "-y", "-o", traces / "trace", command_path()};
            all.insert(all.end(), call.arguments.begin(), call.arguments.end());
            (void)run_command(all, {.command = strace, .folder = here.path()});
            const bool makes = call.row->effect != verb_effect::tells;
            std::ifstream trace(traces / "trace");
            for (std::string line; std::getline(trace, line); ++lines) {
                const std::string why = why_forbidden(line, makes ? output.path() : std::string(),
                                                      may_hold(call.row->verb));
                BOOST_TEST(why.empty(),
                           each.name << ": pinyon " << call.text() << ": " << why << ": " << line);
            }
            fs::remove(output / made_name);
        }
    }
    BOOST_TEST(lines > 1000U);
}

// What the test above would find.
BOOST_AUTO_TEST_CASE(what_is_forbidden_is_seen) {
    for (const char* line :
         {"7 pwrite64(3</a>, \"x\", 1, 0) = 1", "7 write(3</a>, \"x\", 1) = 1",
          "7  openat(AT_FDCWD, \"a\", O_RDWR|O_CLOEXEC) = 3", "7 unlink(\"a\") = 0",
          "7 openat(AT_FDCWD, \"a\", O_WRONLY|O_CREAT, 0600) = 3",
          "7 fcntl(3</a>, F_OFD_SETLK, {l_type=F_RDLCK}) = 0",
          "7 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3</a>, 0) = 0x7f"}) {
        BOOST_TEST(!why_forbidden(line, "").empty(), line);
    }
    const char* const exclusive = "7 fcntl(3</a>, F_OFD_SETLK, {l_type=F_WRLCK}) = 0";
    BOOST_TEST(!why_forbidden(exclusive, "", true).empty());
    for (const char* line : {"7 write(1</b>, \"x\", 1) = 1", "7 pread64(3</a>, \"x\", 1, 0) = 1",
                             "7 openat(AT_FDCWD, \"a\", O_RDONLY|O_CLOEXEC) = 3",
                             "7 fcntl(3</a>, F_OFD_GETLK, {l_type=F_UNLCK}) = 0"}) {
        BOOST_TEST(why_forbidden(line, "").empty(), line);
    }
}

// A program that was stopped may be started again while someone looks at what it left.
BOOST_AUTO_TEST_CASE(who_looks_keeps_no_writer_out) {
    for (const golden_sample& each : samples()) {
        const folder here;
        put_files(here.path(), each.files);
        const database shown = tool::open_to_read(here / sample_name, false);
        const content_digest before = digest_of(shown.begin_read());
        options how;
        how.access = access_mode::must_exist;
        how.background = background::none;
        const database live = database::open(here / sample_name, how);
        BOOST_TEST(digest_of(live.begin_read()) == before);
        BOOST_TEST(digest_of(shown.begin_read()) == before);
    }
}

// --- without the right to write ------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(nobody_may_inspect_what_nobody_may_write) {
    if (::geteuid() != 0) { return skipped("inspection as user nobody", "it needs root"); }
    if (!fs::exists(setpriv)) {
        return skipped("inspection as user nobody", "there is no " + setpriv);
    }
    // The command itself may stand where nobody may look.
    const folder place;
    ::chmod(place.path().c_str(), 0755);
    fs::copy_file(command_path(), place / "pinyon");
    ::chmod((place / "pinyon").c_str(), 0755);
    for (const inspected& each : files_to_inspect()) {
        const folder here;
        const folder output;
        ::chmod(output.path().c_str(), 0777);
        ::chmod(each.sample->states.front().place->path().c_str(), 0755);
        put_files(here.path(), each.files);
        const std::vector<planned_call> calls = one_of_each(*each.sample, output);
        std::vector<command_end> before;
        for (const planned_call& call : calls) {
            before.push_back(run_command(call.arguments, {.folder = here.path()}));
            fs::remove(output / made_name);
        }
        for (const auto& entry : fs::directory_iterator(here.path())) {
            ::chmod(entry.path().c_str(), 0444);
        }
        ::chmod(here.path().c_str(), 0555);
        const listing was = listing_of(here.path());
        for (std::size_t i = 0; i < calls.size(); ++i) {
            words all{"--reuid=65534", "--regid=65534", "--clear-groups", place / "pinyon"};
            all.insert(all.end(), calls[i].arguments.begin(), calls[i].arguments.end());
            const command_end told = run_command(all, {.command = setpriv, .folder = here.path()});
            BOOST_TEST(told.code == before[i].code,
                       each.name << ": pinyon " << calls[i].text() << ": " << told.code
                                 << " instead of " << before[i].code << ": " << told.err);
            // What is measured differs each time.
            if (calls[i].row->promise != verb_promise::nothing) {
                BOOST_TEST((told.out == before[i].out),
                           each.name << ": pinyon " << calls[i].text());
            }
            fs::remove(output / made_name);
        }
        BOOST_TEST((listing_of(here.path()) == was), each.name);
        ::chmod(here.path().c_str(), 0755);
    }
}
