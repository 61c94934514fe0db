#include <chrono>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "pinyon/engine/database.hpp"
#include "pinyon/engine/log_segment.hpp"
#include "tools/commands.hpp"
#include "tools/copy_check.hpp"
#include "tools/file_watch.hpp"
#include "tools/held_state.hpp"
#include "tools/page_copy.hpp"
#include "tools/progress.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

// The state copied is held against its writer, so that a second attempt is for what holds nothing:
// a file system without locks, and a program that began to write meanwhile.
constexpr unsigned attempts_max = 5;
constexpr std::chrono::milliseconds pause{20};

struct copied_state {
    format::meta meta{};
    std::uint64_t pages_copied = 0;
    std::uint64_t log_transactions = 0;  // applied to the copy
    std::uint64_t transaction = 0;       // of the copy
    std::uint64_t bytes = 0;             // of the copy
    unsigned attempts = 0;
};

class backup {
public:
    backup(const backup_arguments& arguments, new_file& output, const streams& streams)
        : arguments_(arguments),
          path_(io::posix_file_system().resolve(arguments.file)),
          output_(output),
          streams_(streams) {}

    copied_state run() {
        std::string problem;
        for (unsigned attempt = 1; attempt <= attempts_max; ++attempt) {
            if (auto state = attempt_one(problem)) {
                state->attempts = attempt;
                return *state;
            }
            output_.clear();
            streams_.check_interrupt();
            std::this_thread::sleep_for(attempt * pause);
        }
        throw refusal(exit_code::incomplete,
                      fmt::format("a writer changed the file during each of {} attempts, so this "
                                  "may not be damage: {}",
                                  attempts_max, problem),
                      "the same command again, when the writer rests");
    }

private:
    // Nullopt: the file moved on, and what was met says nothing; `problem` tells it.
    std::optional<copied_state> attempt_one(std::string& problem) {
        std::optional<std::uint64_t> sequence;
        try {
            const auto file = open_to_inspect(arguments_.file);
            const held_state held(*file, arguments_.file);
            sequence = held.meta().sequence;
            const std::optional<finding> defect = copy(*file, held.meta());
            if (!defect) { return finish(held.meta()); }
            problem = told(*defect, held.meta());
            if (newest_sequence(arguments_.file) == sequence) {
                throw refusal(exit_code::damage, problem,
                              next_step(errc::corrupt, "backup", arguments_.file));
            }
        } catch (const error& failure) {
            if (!sequence || newest_sequence(arguments_.file) == sequence) { throw; }
            problem = failure.what();
        }
        return std::nullopt;
    }

    // What is wrong with the copy.
    std::optional<finding> copy(io::file& file, const format::meta& meta) {
        const bool is_clean = (meta.flags & format::meta_flag_clean) != 0;
        with_log_ = !is_clean && !arguments_.checkpoint && !has_live_writer(arguments_.file);
        progress line(streams_, "backup", "pages", meta.page_count, arguments_.quiet);
        pages_copied_ = copy_pages(file, meta, !with_log_, output_,
                                   [&line](std::uint64_t pages) { line.update(pages, pages); });
        if (with_log_) {
            copy_log(path_, output_, [&] { line.update(meta.page_count, meta.page_count); });
        }
        line.clear();
        return output_.build(
            [&] { return first_defect(output_.temporary(), streams_, arguments_.quiet); });
    }

    // The copy's finding as one of the source: page for page they are the same.
    [[nodiscard]] std::string told(const finding& defect, const format::meta& meta) const {
        std::string text = defect.text;
        const std::string& own = output_.temporary();
        for (std::size_t at = text.find(own); at != std::string::npos;
             at = text.find(own, at + path_.size())) {
            text.replace(at, own.size(), path_);
        }
        if (!defect.tree.empty()) {
            text = fmt::format("tree '{}': {}", escaped(defect.tree), text);
        }
        if (!defect.page) { return text; }
        return fmt::format("page {} (offset {}): {}", *defect.page, *defect.page * meta.page_bytes,
                           text);
    }

    copied_state finish(const format::meta& meta) {
        copied_state state{meta, pages_copied_, 0, meta.transaction, 0, 0};
        output_.build([&] {
            if (with_log_) { state.log_transactions = replay(); }
            const auto made = open_to_inspect(output_.temporary());
            state.transaction = read_metas(*made, output_.path()).current().transaction;
            state.bytes = made->size();
        });
        return state;
    }

    // Opening the copy is its recovery; closing it takes the log away, but for segments of which
    // nothing tells that they are its own.
    [[nodiscard]] std::uint64_t replay() const {
        options how;
        how.access = access_mode::must_exist;
        how.background = background::none;
        how.on_recovery = [this](const recovery_progress&) { streams_.check_interrupt(); };
        database made = database::open(output_.temporary(), how);
        const std::uint64_t transactions = made.statistics().recovery.transactions;
        made.close();
        io::file_system& files = io::posix_file_system();
        for (const log_segment& each : list_segments(files, output_.temporary())) {
            files.remove(each.path);
        }
        return transactions;
    }

    const backup_arguments& arguments_;
    std::string path_;
    new_file& output_;
    const streams& streams_;
    bool with_log_ = false;
    std::uint64_t pages_copied_ = 0;
};

json as_json(const backup_arguments& arguments, const copied_state& state, bool beside_writer) {
    return {{"schema", "pinyon.backup/1"},
            {"file", escaped(arguments.file)},
            {"output", escaped(arguments.output)},
            {"transaction", state.transaction},
            {"log_transactions", state.log_transactions},
            {"open_for_writing", beside_writer},
            {"page_bytes", state.meta.page_bytes},
            {"pages", state.meta.page_count},
            {"pages_copied", state.pages_copied},
            {"bytes", state.bytes},
            {"attempts", state.attempts}};
}

std::string as_text(const backup_arguments& arguments, const copied_state& state) {
    std::string out = fmt::format("{}: transaction {}, {} pages of {} copied",
                                  escaped(arguments.output), grouped(state.transaction),
                                  grouped(state.pages_copied), grouped(state.meta.page_count));
    if (state.log_transactions != 0) {
        out += fmt::format(", {} of the log applied",
                           counted(state.log_transactions, "transaction", "transactions"));
    }
    return out + "\n";
}

}  // namespace

exit_code run_backup(const backup_arguments& arguments, const streams& streams) {
    const file_watch watch(arguments, streams);
    new_file output(arguments.output, "backup");
    const copied_state state = backup(arguments, output, streams).run();
    output.publish();
    if (arguments.json) {
        streams.out << as_json(arguments, state, watch.beside_writer()).dump(2) << '\n';
    } else if (!arguments.quiet) {
        streams.out << as_text(arguments, state);
    }
    return exit_code::fine;
}

}  // namespace pinyon::tool
