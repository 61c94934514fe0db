#include <span>

#include <fmt/format.h>

#include "pinyon/engine/meta.hpp"
#include "tools/commands.hpp"
#include "tools/entry_text.hpp"
#include "tools/file_watch.hpp"
#include "tools/inspected_file.hpp"
#include "tools/new_file.hpp"
#include "tools/progress.hpp"
#include "tools/report_document.hpp"
#include "tools/table.hpp"
#include "tools/verdict.hpp"

namespace pinyon::tool {

namespace {

bool is_damage(const error& failure) { return exit_code_of(failure.kind()) == exit_code::damage; }

// The keys in normal form. In a file too damaged to name its trees they have no place.
std::vector<asked_key> parse_asked(const report_arguments& arguments, const streams& streams) {
    std::vector<asked_key> asked;
    if (arguments.keys.empty()) { return asked; }
    try {
        const inspected_file file(arguments.file);
        const tree_information tree = file.tree(arguments.tree);
        for (const std::string& word : arguments.keys) {
            key_buffer room;
            const bytes key = parse_key(tree, word, room, arguments.file);
            asked.push_back({.tree = tree.name, .key = std::string(as_text(key))});
        }
    } catch (const error& failure) {
        if (!is_damage(failure)) { throw; }
        if (!arguments.quiet) {
            streams.err << fmt::format("pinyon report: {}: the keys are left out: {}\n",
                                       escaped(arguments.file), escaped(failure.what()))
                        << std::flush;
        }
    }
    return asked;
}

// Of a file whose metas are both unusable nothing is known but that.
check_summary nothing_known(const report_arguments& arguments, const error& failure,
                            std::vector<finding>& findings) {
    check_summary summary;
    summary.file_bytes = open_to_inspect(arguments.file)->size();
    summary.errors = 1;
    summary.complete = false;
    finding only;
    only.kind = failure.kind() == errc::truncated ? finding_kind::file_truncated
                                                  : finding_kind::meta_damaged;
    only.text = failure.what();
    findings.push_back(std::move(only));
    return summary;
}

check_summary gather(const report_arguments& arguments, const streams& streams,
                     const file_watch& watch, report_survey& survey,
                     std::vector<finding>& findings) {
    progress line(streams, "report", "pages", 0, arguments.quiet);
    check_options options;
    options.max_errors = 0;
    options.on_page = [&](const page_fact& fact) { survey.add(fact); };
    const auto on_finding = [&](const finding& found) {
        survey.add(found);
        if (findings.size() < report_findings_max) { findings.push_back(found); }
    };
    const auto on_progress = [&](const check_progress& now) {
        line.set_total(now.pages_total);
        line.update(now.pages_done, now.pages_done);
        return true;
    };
    try {
        return watch.run([&] { return check(arguments.file, options, on_finding, on_progress); });
    } catch (const error& failure) {
        if (!is_damage(failure)) { throw; }
        return nothing_known(arguments, failure, findings);
    }
}

// The headers of nodes that cannot be read, as they stand now.
void add_headers(const report_arguments& arguments, const check_summary& summary,
                 report_survey& survey) {
    if (survey.broken().empty()) { return; }
    const auto file = open_to_inspect(arguments.file);
    for (const std::uint64_t page : survey.broken()) {
        format::page_header header{};
        try {
            const auto room = std::as_writable_bytes(std::span(&header, 1));
            if (file->read(page * summary.page_bytes, room) != room.size()) { continue; }
        } catch (const error&) { continue; }  // the finding says that it cannot be read
        survey.add_header(page, header);
    }
}

void write(new_file& output, const std::string& html) {
    output.build([&] {
        const auto file =
            io::posix_file_system().open(output.temporary(), io::open_mode::create_new);
        file->write(0, as_bytes(html));
    });
    output.publish();
}

json as_json(const report_arguments& arguments, const report_subject& subject,
             const report_document& made) {
    return {{"schema", "pinyon.report/1"},
            {"file", escaped(arguments.file)},
            {"output", escaped(arguments.output)},
            {"bytes", made.html.size()},
            {"verdict", verdict(subject.outcome)},
            {"errors", subject.summary.errors},
            {"warnings", subject.summary.warnings},
            {"pages", subject.summary.page_count},
            {"cells", made.cells},
            {"pages_per_cell", made.pages_per_cell},
            {"nodes_listed", made.nodes},
            {"pages_in_full", made.details},
            {"transaction", subject.summary.transaction}};
}

void explain(const report_arguments& arguments, const check_summary& summary, exit_code code,
             const streams& streams) {
    if (code == exit_code::incomplete) {
        throw refusal(code,
                      summary.moved_on ? "a writer changed the file meanwhile: the report says so"
                                       : "parts of the file could not be read: the report says so",
                      "the same command again, with another --output");
    }
    if (code == exit_code::damage && !arguments.quiet) {
        streams.err << fmt::format("pinyon report: {}: damage found: {}\n  next: open {}\n",
                                   escaped(arguments.file), counted_findings(summary),
                                   shell_quoted(arguments.output));
    }
}

}  // namespace

exit_code run_report(const report_arguments& arguments, const streams& streams) {
    new_file output(arguments.output, "report");
    const file_watch watch(arguments, streams);
    const bool redacted = arguments.redact || arguments.bytes == byte_style::redacted;
    report_subject subject;
    subject.file = arguments.file;
    subject.version = program_version();
    subject.beside_writer = watch.beside_writer();
    subject.redacted = redacted;
    subject.may = {.keys = !redacted, .values = arguments.values, .style = arguments.bytes};
    report_survey survey(subject.may, parse_asked(arguments, streams));
    subject.summary = gather(arguments, streams, watch, survey, subject.findings);
    subject.outcome = outcome_of(subject.summary);
    if (!redacted) { add_headers(arguments, subject.summary, survey); }
    const report_document made = make_report(subject, survey);
    write(output, made.html);

    if (arguments.json) {
        streams.out << as_json(arguments, subject, made).dump(2) << '\n';
    } else if (!arguments.quiet) {
        streams.out << fmt::format("{}: {}, {}\n", escaped(arguments.output),
                                   byte_size(made.html.size()), verdict(subject.outcome));
    }
    streams.flush_results();
    explain(arguments, subject.summary, subject.outcome, streams);
    return subject.outcome;
}

}  // namespace pinyon::tool
