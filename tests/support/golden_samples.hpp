// The golden files as things to damage: each with the earlier states of its pages, what every page
// is used for, the states that its log leads through, and keys to ask for.
//
// Threads: one at a time. Failure: an exception of the standard library for files that are not
// sound.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/damaged_log.hpp"
#include "support/database_content.hpp"
#include "support/forged_file.hpp"
#include "support/golden_files.hpp"
#include "support/tool_call.hpp"

namespace pinyon::test {

// Every sample has this name in its folder: what is said of it is then the same everywhere.
inline const std::string sample_name = stopped_path;

// Takes away all that a folder holds and puts the files there.
inline void put_files(const fs::path& folder, const saved_files& files) {
    for (const auto& each : fs::directory_iterator(folder)) { fs::remove_all(each.path()); }
    for (const auto& [name, file] : files) {
        std::ofstream out(folder / name, std::ios::binary);
        out.write(reinterpret_cast<const char*>(file.content.data()),
                  static_cast<std::streamsize>(std::min(file.size, file.content.size())));
        out.close();
        fs::resize_file(folder / name, file.size);
    }
}

[[nodiscard]] inline bool same_bytes(bytes one, bytes other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end());
}

// A tree and keys to ask it for, as they are written on the command line.
struct asked_tree {
    std::string name;
    std::vector<std::string> keys;
    std::string absent;  // empty: none is known
};

// A state that a damaged log may still show, in a folder of its own.
struct sound_state {
    std::uint64_t position = 0;  // of the log; the whole sample's is the last
    std::unique_ptr<folder> place;
    content_digest content = 0;  // of everything in it
};

struct golden_sample {
    std::string name;
    saved_files files;
    std::uint32_t page_bytes = 0;
    std::uint64_t pages = 0;
    std::set<std::uint64_t> used;          // by the newest state
    std::map<std::uint64_t, bytes> older;  // what a page was before it became what it is
    std::vector<asked_tree> trees;
    std::vector<sound_state> states;         // the whole sample's comes first
    std::optional<forged_file> forged;       // of the database file
    std::shared_ptr<const stopped> history;  // null: there is no batch in a log
    std::vector<saved_file> moments;         // what `older` looks into

    [[nodiscard]] const saved_file& data() const { return files.at(sample_name); }
    [[nodiscard]] bool is_meta(std::uint64_t page) const {
        return page < format::first_page(page_bytes);
    }
};

// All that a database file holds, names and types of the trees included.
[[nodiscard]] inline content_digest digest_of_file(const std::string& path) {
    content_digest sum = 0;
    for (const auto& [name, tree] : content_of(path)) {
        const content_digest label =
            digest_of(name + '\n' + tree.types.key_type + '\n' + tree.types.value_type);
        sum += label;
        for (const auto& [key, value] : tree.entries) {
            sum += digest_of(label, as_bytes(key), as_bytes(value));
        }
    }
    return sum;
}

class sample_maker {
public:
    explicit sample_maker(golden_file made) : made_(std::move(made)) {}

    [[nodiscard]] golden_sample make() {
        sample_.name = made_.name;
        read_files();
        keep_state(sample_.files, 0);
        const fs::path place = sample_.states.front().place->path();
        sample_.forged.emplace(io::posix_file_system(), (place / sample_name).string());
        sample_.page_bytes = sample_.forged->meta.page_bytes;
        sample_.pages = sample_.forged->meta.page_count;
        find_uses((place / sample_name).string());
        find_older();
        find_keys((place / sample_name).string());
        find_states();
        return std::move(sample_);
    }

private:
    // As they are in the repository.
    void read_files() {
        const std::string own = made_.name + ".pinyon";
        for (const auto& [name, unused] : made_.files) {
            const std::string text = read_file(PINYON_SOURCE_DIR "/tests/golden/version-2/" + name);
            if (text.empty()) { throw std::runtime_error("there is no golden file " + name); }
            saved_file& file = sample_.files[sample_name + name.substr(own.size())];
            file.put(0, text.data(), text.size());
        }
    }

    void keep_state(const saved_files& files, std::uint64_t position) {
        sound_state state{position, std::make_unique<folder>(), 0};
        put_files(state.place->path(), files);
        state.content = digest_of_file(*state.place / sample_name);
        sample_.states.push_back(std::move(state));
    }

    void find_uses(const std::string& file) {
        static const std::set<std::string> uses{"meta",        "leaf",        "inner",
                                                "extent_data", "extent_sums", "image"};
        const nlohmann::json listed = call({"pages", file, "--json"}).json();
        for (const auto& each : listed["pages"]) {
            if (uses.count(each["kind"]) == 0) { continue; }
            const std::uint64_t first = each["page"];
            const std::uint64_t count = each["count"];
            for (std::uint64_t i = 0; i < count; ++i) { sample_.used.insert(first + i); }
        }
    }

    // The latest of the earlier states in which the page was something else.
    void find_older() {
        sample_.moments = std::move(made_.older);
        const std::uint64_t size = sample_.page_bytes;
        for (std::uint64_t page = 0; page < sample_.pages; ++page) {
            const bytes now = bytes(sample_.data().content).subspan(page * size, size);
            for (auto each = sample_.moments.rbegin(); each != sample_.moments.rend(); ++each) {
                if (each->content.size() < (page + 1) * size) { continue; }
                const bytes then = bytes(each->content).subspan(page * size, size);
                if (is_zero(then) || same_bytes(now, then)) { continue; }
                sample_.older[page] = then;
                break;
            }
        }
    }
    [[nodiscard]] static bool is_zero(bytes page) {
        return std::all_of(page.begin(), page.end(), [](std::byte b) { return b == std::byte{0}; });
    }

    void find_keys(const std::string& file) {
        const nlohmann::json listed = call({"info", file, "--json"}).json();
        for (const auto& each : listed["trees"]) {
            asked_tree tree{each["name"], {}, {}};
            std::vector<std::string> found;
            std::istringstream lines(call({"scan", file, "--tree", tree.name}).out);
            for (std::string line; std::getline(lines, line);) {
                found.push_back(line.substr(0, line.find('\t')));
            }
            for (const std::size_t i : {std::size_t{0}, found.size() / 2, found.size() - 1}) {
                // A key that is shown escaped may have to be written otherwise.
                if (i < found.size() && code_of_get(file, tree.name, found[i]) == 0) {
                    tree.keys.push_back(found[i]);
                }
            }
            for (const char* word : {"4242424242", "~nowhere~", "200"}) {
                if (code_of_get(file, tree.name, word) == 1) { tree.absent = word; }
            }
            sample_.trees.push_back(std::move(tree));
        }
    }
    [[nodiscard]] static int code_of_get(const std::string& file, const std::string& tree,
                                         const std::string& key) {
        return call({"get", file, key, "--tree", tree}).code;
    }

    // One for each batch that the log may end before.
    void find_states() {
        if (sample_.files.size() == 1) { return; }
        const forged_log log(sample_.files, sample_name);
        if (log.batches.empty()) { return; }
        auto history = std::make_shared<stopped>();
        history->name = sample_.name;
        history->files = sample_.files;
        for (std::size_t i = log.first_needed(); i != log.batches.size(); ++i) {
            const std::uint64_t position = log.batches[i].header.position;
            history->history.push_back({position, position});
            forged_log shorter = log;
            shorter.batches.resize(i);
            saved_files files = sample_.files;
            shorter.write(files);
            keep_state(files, position);
        }
        const std::uint64_t end = log.batches.back().end();
        history->history.push_back({end, end});
        sample_.states.front().position = end;
        sample_.history = std::move(history);
    }

    golden_file made_;
    golden_sample sample_;
};

[[nodiscard]] inline std::vector<golden_sample> make_golden_samples() {
    std::vector<golden_sample> all;
    for (golden_file& each : make_golden_files()) {
        all.push_back(sample_maker(std::move(each)).make());
    }
    return all;
}

}  // namespace pinyon::test
