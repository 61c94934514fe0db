#include "tools/run.hpp"

#include <new>
#include <optional>

#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/failure_text.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

// What the person reads when a verb did not do what was asked.
struct message {
    exit_code code = exit_code::unreadable;
    std::string verb;
    std::string file;
    std::string text;
    std::string next;
};

int tell(const message& what, const streams& streams) {
    std::string line = "pinyon";
    if (!what.verb.empty()) { line += " " + what.verb; }
    line += ": ";
    if (!what.file.empty()) { line += escaped(what.file) + ": "; }
    streams.err << painted(line, colour::bold, streams.err_colour) << escaped(what.text) << '\n';
    if (!what.next.empty()) { streams.err << "  next: " << what.next << '\n'; }
    streams.err << std::flush;
    return static_cast<int>(what.code);
}

exit_code dispatch(const verb_arguments& chosen, const streams& streams) {
    struct {
        const pinyon::tool::streams& to;
        exit_code operator()(const info_arguments& a) const { return run_info(a, to); }
        exit_code operator()(const check_arguments& a) const { return run_check(a, to); }
        exit_code operator()(const stat_arguments& a) const { return run_stat(a, to); }
        exit_code operator()(const pages_arguments& a) const { return run_pages(a, to); }
        exit_code operator()(const page_arguments& a) const { return run_page(a, to); }
        exit_code operator()(const owner_arguments& a) const { return run_owner(a, to); }
        exit_code operator()(const map_arguments& a) const { return run_map(a, to); }
        exit_code operator()(const tree_arguments& a) const { return run_tree(a, to); }
        exit_code operator()(const path_arguments& a) const { return run_path(a, to); }
        exit_code operator()(const free_arguments& a) const { return run_free(a, to); }
        exit_code operator()(const log_arguments& a) const { return run_log(a, to); }
        exit_code operator()(const report_arguments& a) const { return run_report(a, to); }
        exit_code operator()(const import_arguments& a) const { return run_import(a, to); }
        exit_code operator()(const get_arguments& a) const { return run_get(a, to); }
        exit_code operator()(const scan_arguments& a) const { return run_scan(a, to); }
        exit_code operator()(const count_arguments& a) const { return run_count(a, to); }
        exit_code operator()(const diff_arguments& a) const { return run_diff(a, to); }
        exit_code operator()(const compact_arguments& a) const { return run_compact(a, to); }
        exit_code operator()(const backup_arguments& a) const { return run_backup(a, to); }
        exit_code operator()(const dump_arguments& a) const { return run_dump(a, to); }
        exit_code operator()(const load_arguments& a) const { return run_load(a, to); }
        exit_code operator()(const recover_arguments& a) const { return run_recover(a, to); }
        exit_code operator()(const bench_arguments& a) const { return run_bench(a, to); }
    } const verb{streams};
    return std::visit(verb, chosen);
}

const char* interruption_text(const std::string& verb) {
    if (verb == "import") { return "interrupted; the file is as it was before"; }
    if (verb == "recover" || verb == "load" || verb == "compact" || verb == "backup") {
        return "interrupted; nothing was made";
    }
    return "interrupted; what was written so far is not the whole answer";
}

int tell(const refusal& failure, const std::string& verb, const std::string& file,
         const streams& streams) {
    const std::string& about = failure.file().empty() ? file : failure.file();
    return tell({failure.code(), verb, about, without_name(failure.what(), about), failure.next()},
                streams);
}

int run_verb(const command_line& line, const streams& streams) {
    std::string file =
        std::visit([](const common_arguments& each) { return each.file; }, line.arguments);
    if (line.verb == "load" && file == "-") { file = "standard input"; }
    try {
        const exit_code code = dispatch(line.arguments, streams);
        streams.flush_results();
        return static_cast<int>(code);
    } catch (const refusal& failure) {
        return tell(failure, line.verb, file, streams);
    } catch (const interruption&) {
        return tell({exit_code::interrupted, line.verb, file, interruption_text(line.verb), ""},
                    streams);
    } catch (const error& failure) {
        return tell(refusal_about(failure, line.verb, file), line.verb, file, streams);
    } catch (const std::bad_alloc&) {
        return tell({exit_code::unreadable, line.verb, file, "out of memory", "free -h"}, streams);
    } catch (const std::exception& failure) {
        return tell({exit_code::unreadable, line.verb, file, failure.what(), ""}, streams);
    }
}

}  // namespace

int run(const std::vector<std::string>& words, const streams& streams) {
    std::optional<command_line> line;
    try {
        line = parse(words, streams);
        streams.flush_results();
    } catch (const refusal& failure) {
        return tell({failure.code(), "", "", failure.what(), failure.next()}, streams);
    } catch (const std::exception& failure) {
        return tell({exit_code::usage, "", "", failure.what(), "pinyon --help"}, streams);
    }
    return line ? run_verb(*line, streams) : static_cast<int>(exit_code::fine);
}

}  // namespace pinyon::tool
