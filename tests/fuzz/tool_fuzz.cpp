// The command: the first line of the input chooses a verb and its words, the second changes bytes
// of a database file, what follows is standard input. It ends with an exit code, and that alone.
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "pinyon/mmap/memory_file.hpp"
#include "pinyon/pinyon.hpp"
#include "support/forged_file.hpp"
#include "support/temporary_directory.hpp"
#include "tools/exit_code.hpp"
#include "tools/run.hpp"

namespace {

using namespace pinyon;

constexpr const char* vocabulary[] = {
    "info",
    "check",
    "stat",
    "get",
    "scan",
    "count",
    "import",
    "a.pinyon",
    "-",
    "words",
    "numbers",
    "new",
    "--tree",
    "--json",
    "--from",
    "--to",
    "--prefix",
    "--limit",
    "--reverse",
    "--key-type",
    "--format",
    "csv",
    "tsv",
    "hex",
    "u64",
    "text",
    "--delimiter",
    "--header",
    "--key",
    "--bytes",
    "--max-errors",
    "--duplicates",
    "--root-descend",
    "--help",
    "--version",
    "0",
    "1",
    "7",
    "-1",
    "key1",
    "",
    "\xff\xfe",
    "18446744073709551616",
    "jsonl",
    "lines",
    "replace",
    "i64",
    "f64",
    "pages",
    "page",
    "owner",
    "map",
    "tree",
    "path",
    "free",
    "log",
    "--ndjson",
    "--kind",
    "leaf",
    "damaged",
    "--runs",
    "--hex",
    "--by",
    "fill",
    "age",
    "--depth",
    "--dot",
    "--operations",
    "report",
    "--output",
    "--values",
    "--redact",
    "dump",
    "load",
    "lmdb",
    "bdb",
    "ndjson",
    "base64",
    "--entries",
    "--page-bytes",
    "32768",
};

// A folder of its own, in which alone it may name files.
class folder {
public:
    folder() {
        std::filesystem::current_path(place_.path());
        make_sample();
    }

    // The sound file, changed as it was said, with right checksums when the first byte is odd.
    void restore(std::string_view changes) {
        for (const auto& each : std::filesystem::directory_iterator(place_.path())) {
            std::filesystem::remove_all(each.path());
        }
        std::vector<std::byte> content = content_;
        for (std::size_t at = 1; at + 3 <= changes.size(); at += 3) {
            const auto high = static_cast<unsigned char>(changes[at]);
            const auto low = static_cast<unsigned char>(changes[at + 1]);
            const std::size_t place = (std::size_t{high} << 8 | low) * 3 % content.size();
            content[place] = static_cast<std::byte>(changes[at + 2]);
        }
        if (!changes.empty() && (changes[0] & 1) != 0) { reseal(content); }
        std::ofstream(place_ / "a.pinyon", std::ios::binary)
            .write(reinterpret_cast<const char*>(content.data()),
                   static_cast<std::streamsize>(content.size()));
        std::filesystem::resize_file(place_ / "a.pinyon", size_);
    }

private:
    void make_sample() {
        options how;
        how.files = &files_;
        database db = database::open("a.pinyon", how);
        db.update([](write_transaction& tx) {
            auto texts = tx.open(tree_spec<std::string_view, std::string_view>{"words"});
            auto table = tx.open(tree_spec<std::uint64_t, std::uint64_t>{"numbers"});
            for (std::uint64_t i = 0; i < 200; ++i) {
                texts.put("key" + std::to_string(i), std::string(i % 60, 'v'));
                table.put(i, i);
            }
            texts.put("large", std::string(5000, 'L'));
        });
        db.close();
        content_ = test::forged_file(files_, "a.pinyon").content;
        size_ = content_.size();
        while (content_.size() > 4096 && content_.back() == std::byte{0}) { content_.pop_back(); }
        content_.resize((content_.size() + 4095) / 4096 * 4096);
    }
    void reseal(std::vector<std::byte>& content) {
        test::forged_file forged(files_, "a.pinyon");
        std::copy(content.begin() + 8192, content.end(), forged.content.begin() + 8192);
        forged.reseal();
        std::copy_n(forged.content.begin(), content.size(), content.begin());
    }

    test::temporary_directory place_;
    io::memory_file_system files_;
    std::vector<std::byte> content_;
    std::size_t size_ = 0;
};

// Words of the vocabulary by their number; behind byte 0xff a word of its own.
[[nodiscard]] std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < line.size() && words.size() < 16; ++at) {
        const auto byte = static_cast<unsigned char>(line[at]);
        if (byte != 0xff) {
            words.emplace_back(vocabulary[byte % std::size(vocabulary)]);
            continue;
        }
        std::string own;
        for (++at; at < line.size() && static_cast<unsigned char>(line[at]) != 0xff; ++at) {
            own += line[at] == '/' ? '_' : line[at];  // no other folder
        }
        words.push_back(own == ".." ? "_" : own);
    }
    return words;
}

[[nodiscard]] std::string_view next_line(std::string_view& rest) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static folder here;
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const std::vector<std::string> words = words_of(next_line(rest));
    here.restore(next_line(rest));
    std::ostringstream out;
    std::ostringstream err;
    std::istringstream in{std::string(rest)};
    const tool::streams streams{.out = out, .err = err, .in = [&in](std::span<char> room) {
                                    in.read(room.data(), static_cast<std::streamsize>(room.size()));
                                    return static_cast<std::size_t>(in.gcount());
                                }};
    const int code = tool::run(words, streams);
    if (code < 0 || code > static_cast<int>(tool::exit_code::incomplete)) {
        std::cerr << "exit code " << code << std::endl;
        std::abort();
    }
    return 0;
}
