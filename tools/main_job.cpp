// The main job: real input through the whole of Pinyon, from text to the table that compares the
// pool with a raw mapping. Every count it depends on is asserted.
//
//     pinyon-main-job UnicodeData.txt FOLDER
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "pinyon/engine/pinyon.hpp"
#include "tools/escape.hpp"
#include "tools/run.hpp"
#include "tools/table.hpp"

namespace {

using namespace pinyon::tool;

constexpr pinyon::tree_spec<std::uint64_t, std::string_view> characters{"characters"};
constexpr pinyon::tree_spec<std::string_view, std::string_view> names{"names"};

// What Debian's unicode-data holds (Unicode 15.0).
constexpr std::uint64_t characters_expected = 34924;
constexpr std::uint64_t names_expected = 34860;

constexpr std::uint64_t evergreen_tree = 0x1F332;
// Small enough that the pool has to choose.
constexpr std::uint64_t pool_bytes = std::uint64_t{1} << 20;

class failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class main_job {
public:
    main_job(std::string data, std::string file, const streams& streams)
        : data_(std::move(data)), file_(std::move(file)), streams_(streams) {}

    void run_all() {
        import_both();
        look_up();
        count_and_rank();
        show_statistics();
        check();
        title("Pool against raw mapping");
        command({"bench", file_, "--tree", "characters", "--seconds", "2"});
    }

private:
    void title(const std::string& text) const {
        streams_.out << '\n'
                     << painted(text, colour::bold, streams_.out_colour) << '\n'
                     << std::flush;
    }
    // Shows the command, runs it in this process; it has to succeed.
    void command(const std::vector<std::string>& words) const {
        std::string line = "  $ pinyon";
        for (const std::string& word : words) { line += " " + shell_quoted(word); }
        streams_.out << painted(line, colour::dim, streams_.out_colour) << '\n' << std::flush;
        std::ostringstream out;
        streams inner{.out = out,
                      .err = streams_.err,
                      .in = streams_.in,
                      .out_colour = streams_.out_colour,
                      .err_colour = streams_.err_colour,
                      .err_is_terminal = streams_.err_is_terminal,
                      .columns = streams_.columns};
        const int code = run(words, inner);
        std::istringstream lines(out.str());
        for (std::string each; std::getline(lines, each);) { streams_.out << "  " << each << '\n'; }
        streams_.out << std::flush;
        if (code != 0) { throw failure(fmt::format("the command ended with {}", code)); }
    }
    [[nodiscard]] std::uint64_t counted(const std::string& tree) const {
        std::ostringstream out;
        streams inner{.out = out, .err = streams_.err, .in = streams_.in};
        if (run({"count", file_, "--tree", tree}, inner) != 0) { throw failure("cannot count"); }
        return std::stoull(out.str());
    }
    void expect(const std::string& what, std::uint64_t found, std::uint64_t expected) const {
        if (found != expected) {
            throw failure(
                fmt::format("{}: found {}, expected {}", what, grouped(found), grouped(expected)));
        }
        streams_.out << fmt::format("  {} {}: {}, as expected\n",
                                    painted("\u2713", colour::green, streams_.out_colour), what,
                                    grouped(found));
    }

    void import_both() const {
        title("Import: UnicodeData.txt by code point, then by name");
        command({"import", file_, data_, "--tree", "characters", "--format", "csv", "--delimiter",
                 ";", "--key", "1", "--key-type", "hex"});
        command({"import", file_, data_, "--tree", "names", "--format", "csv", "--delimiter", ";",
                 "--key", "2", "--duplicates", "first"});
        expect("records by code point", counted("characters"), characters_expected);
        expect("records by name", counted("names"), names_expected);
    }

    void look_up() const {
        title("Look up a character, a range and a prefix of names");
        command({"get", file_, "1F332", "--tree", "characters"});
        command({"scan", file_, "--tree", "characters", "--from", "1F330", "--to", "1F336"});
        command({"scan", file_, "--tree", "names", "--prefix", "PINE"});
    }

    void count_and_rank() const {
        title("Count, rank and nth, from C++");
        const auto database = pinyon::database::open(file_, reading());
        const auto snapshot = database.begin_read();
        const auto by_code = snapshot.open(characters);
        const auto by_name = snapshot.open(names);
        text_table table({"", ">"});
        table.row({"characters from U+1F300 to U+1F5FF", grouped(by_code.count(0x1F300, 0x1F600))});
        table.row({"characters before U+1F332 (its rank)", grouped(by_code.rank(evergreen_tree))});
        table.row({"names that begin with LATIN", grouped(by_name.prefix("LATIN").count())});
        const auto middle = by_name.nth(by_name.size() / 2);
        if (!middle) { throw failure("the middle name is missing"); }
        table.row({"the name in the middle", middle->key});
        streams_.out << table.text(streams_.out_colour);
        const auto again = by_code.nth(by_code.rank(evergreen_tree));
        if (!again || again->key != evergreen_tree || !again->value.starts_with("EVERGREEN TREE")) {
            throw failure("nth(rank(1F332)) is not 1F332");
        }
    }

    void show_statistics() const {
        title(
            fmt::format("Statistics: a pool of {} over every name, twice", byte_size(pool_bytes)));
        const auto database = pinyon::database::open(file_, reading());
        const auto snapshot = database.begin_read();
        const auto by_name = snapshot.open(names);
        std::uint64_t seen = 0;
        for (int round = 0; round < 2; ++round) {
            for (const auto& each : by_name) {
                seen += by_name.get(each.key)->size() == each.value.size();
            }
        }
        expect("names looked up", seen, 2 * by_name.size());
        const auto pool = database.statistics().pool;
        text_table table({"", ">"});
        const double hit_rate =
            pool.visits == 0 ? 0
                             : static_cast<double>(pool.hits()) / static_cast<double>(pool.visits);
        table.row({"pages visited", grouped(pool.visits)});
        table.row({"hits", fmt::format("{} ({})", grouped(pool.hits()), percentage(hit_rate))});
        table.row({"misses", grouped(pool.misses)});
        table.row({"read", byte_size(pool.bytes_read)});
        table.row({"evictions", grouped(pool.evictions)});
        table.row({"frames in use, of at most",
                   fmt::format("{} of {}", grouped(pool.frames), grouped(pool.frames_max))});
        for (const auto& each : pool.resident) {
            table.row({fmt::format("resident of {}, level {}", tree_name(snapshot, each.tree),
                                   each.level),
                       grouped(each.pages)});
        }
        streams_.out << table.text(streams_.out_colour);
        command({"stat", file_, "--tree", "names"});
    }

    static std::string tree_name(const pinyon::read_transaction& snapshot, std::uint32_t number) {
        for (const auto& each : snapshot.trees()) {
            if (each.number == number) { return each.name; }
        }
        return "the catalog";
    }

    void check() const {
        title("Closed and opened again: is every page sound?");
        command({"info", file_});
        command({"check", file_, "--root-descend"});
    }

    static pinyon::options reading() {
        pinyon::options chosen;
        chosen.access = pinyon::access_mode::read_only;
        chosen.pool_bytes = pool_bytes;
        return chosen;
    }

    std::string data_;
    std::string file_;
    const streams& streams_;
};

bool wants_colour(int descriptor) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs yet
    const char* const no_colour = std::getenv("NO_COLOR");
    return ::isatty(descriptor) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

unsigned terminal_columns() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80u;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: pinyon-main-job UnicodeData.txt FOLDER\n";
        return 2;
    }
    const streams streams{.out = std::cout,
                          .err = std::cerr,
                          .in = [](std::span<char>) { return std::size_t{0}; },
                          .out_colour = wants_colour(STDOUT_FILENO),
                          .err_colour = wants_colour(STDERR_FILENO),
                          .err_is_terminal = ::isatty(STDERR_FILENO) == 1,
                          .columns = terminal_columns()};
    try {
        const std::filesystem::path folder(argv[2]);
        std::filesystem::create_directories(folder);
        const std::filesystem::path file = folder / "unicode.pinyon";
        std::filesystem::remove(file);
        main_job(argv[1], file.string(), streams).run_all();
    } catch (const std::exception& problem) {
        std::cout << std::flush;
        std::cerr << "pinyon-main-job: " << problem.what() << '\n';
        return 1;
    }
    return 0;
}
