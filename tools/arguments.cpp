#include "tools/arguments.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "pinyon/engine/format.hpp"
#include "tools/argument_parts.hpp"
#include "tools/copy_arguments.hpp"
#include "tools/structure_arguments.hpp"
#include "tools/transfer_arguments.hpp"
#include "tools/verb_text.hpp"

#ifndef PINYON_VERSION
#define PINYON_VERSION "0.1.0"
#endif

namespace pinyon::tool {

namespace {

// So many ways fit into a report.
constexpr int keys_max = 32;

// Of a measurement: a day is more than anybody waits.
constexpr double seconds_min = 0.01;
constexpr double seconds_max = 86400;

class help_formatter final : public CLI::Formatter {
public:
    [[nodiscard]] std::string make_help(const CLI::App* app, std::string name,
                                        CLI::AppFormatMode mode) const override {
        std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
        if (mode == CLI::AppFormatMode::Sub) { return text; }
        return fmt::format("Examples:\n{}\n{}", examples_of(app->get_name()), text);
    }
    [[nodiscard]] std::string make_usage(const CLI::App* app, std::string name) const override {
        if (app->get_parent() != nullptr) {
            return CLI::Formatter::make_usage(app, std::move(name));
        }
        return "Usage: pinyon VERB FILE [arguments] [options]\n"
               "       pinyon FILE\n"
               "       pinyon VERB --help\n";
    }
};

constexpr const char* program_footer =
    R"(Exit codes: 0 fine, 1 the answer is no, 2 usage, 3 damage found, 4 cannot be read, 5 not
ours or of another version, 6 incomplete (the file changed meanwhile, a dump was cut,
not all was saved), 130 interrupted.)";

constexpr const char* import_footer =
    R"(The value is the other columns as they stand, in csv quoted where they need it; a lone
one is taken bare. Empty lines of csv and tsv are skipped. A field that does not fit and
a duplicate end with exit code 1, the line and column, and the file as it was.

)";

constexpr const char* recover_footer =
    R"(FILE is only read. What is sound is copied, nodes that lost their parent are put back
where they are known to be current, and the log is applied. For keys that are missing
then, what older copies of nodes hold goes to trees named lost+found/NAME, because it
may have been erased or replaced since; the trees lost+found/NAME@transaction tell from
which transaction each entry is. Trees of which the name is lost are called tree-NUMBER.
Exit code 0: all was saved; 6: not all, or it cannot be proven.

)";

constexpr const char* bench_footer =
    R"(FILE is only read, and all of the tree first, so that what fits is in memory and every
page is verified. Beside a writer it cannot be measured, and none gets in before the
end: pages would change in the mapping. Of a file that was not closed it takes the last
checkpoint.

)";

std::string version_text() {
    return fmt::format(
        "pinyon {}\nfile format: reads and writes version {}; incompatible features known: {:#x}",
        PINYON_VERSION, format::version, format::incompatible_features_known);
}

char parse_delimiter(const std::string& word) {
    if (word == "\\t" || word == "tab") { return '\t'; }
    if (word.size() != 1 || word == "\"" || word == "\n" || word == "\r" || word[0] == '\0' ||
        static_cast<unsigned char>(word[0]) >= 0x80) {
        throw CLI::ValidationError(
            "--delimiter", "expected one ASCII character, not a quote or a line end, or 'tab'");
    }
    return word[0];
}

void add_import(CLI::App& verb, import_arguments& into) {
    verb.add_option("INPUT", into.input, "the text to read; - is standard input")
        ->required()
        ->type_name("");
    verb.add_option("--tree", into.tree, "the tree to fill; made when it is absent")
        ->required()
        ->type_name("NAME");
    add_choice<text_format>(
        verb, "--format", into.format,
        {{"lines", text_format::lines}, {"csv", text_format::csv}, {"tsv", text_format::tsv}},
        "lines, csv or tsv; by default what INPUT's name ends with, else lines");
    verb.add_option_function<std::string>(
            "--delimiter",
            [&into](const std::string& word) { into.delimiter = parse_delimiter(word); },
            "between columns; lines: between key and value, at its first occurrence")
        ->type_name("C");
    verb.add_flag("--header", into.header, "the first record names the columns");
    verb.add_option("--key", into.key, "the key's column, by number from 1 or by name (1)")
        ->type_name("N|NAME");
    add_choice<key_format>(verb, "--key-type", into.key_type,
                           {{"string", key_format::string},
                            {"u64", key_format::u64},
                            {"i64", key_format::i64},
                            {"f64", key_format::f64},
                            {"hex", key_format::hex}},
                           "string, u64, i64, f64, or hex: a u64 written in hexadecimal (string)");
    add_duplicates(verb, into.duplicates);
}

void add_report(CLI::App& verb, report_arguments& into) {
    verb.add_option("--output", into.output, "the page to write; it must not exist")
        ->required()
        ->type_name("FILE.html");
    verb.add_option("--key", into.keys, "a key whose way is in the report whole; may be repeated")
        ->type_name("KEY")
        ->allow_extra_args(false)
        ->expected(1, keys_max);
    add_tree(verb, into.tree);
    verb.add_flag("--values", into.values, "also the values of pages that are shown in full");
    verb.add_flag("--redact", into.redact, "hide keys")->excludes("--values");
}

// Not a number is in no range.
std::string check_seconds(const std::string& word) {
    double value = 0;
    const bool fits =
        CLI::detail::lexical_cast(word, value) && value >= seconds_min && value <= seconds_max;
    return fits ? ""
                : fmt::format("found '{}', expected {} to {} seconds", word, seconds_min,
                              seconds_max);
}

// CLI11 takes -1 for the largest number.
std::string check_size(const std::string& word) {
    const bool fits = !word.empty() && word[0] >= '0' && word[0] <= '9';
    return fits ? "" : fmt::format("found '{}', expected bytes, such as 64MiB", word);
}

void add_bench(CLI::App& verb, bench_arguments& into) {
    verb.footer(std::string(bench_footer) + program_footer);
    add_tree(verb, into.tree);
    verb.add_option("--seconds", into.seconds, "how long to measure, beside the first reading (5)")
        ->type_name("S")
        ->check(CLI::Validator(check_seconds, ""));
    verb.add_option("--pool-bytes", into.pool_bytes,
                    "the pool's budget, such as 64MiB; by default a fourth of what this process "
                    "may use")
        ->type_name("SIZE")
        ->transform(CLI::AsSizeValue(false).description(""))
        ->transform(CLI::Validator(check_size, ""));  // before the other one
}

void finish_import(const CLI::App& verb, import_arguments& into) {
    if (verb.count("--format") == 0) {
        into.format = into.input.ends_with(".csv")   ? text_format::csv
                      : into.input.ends_with(".tsv") ? text_format::tsv
                                                     : text_format::lines;
    }
    if (into.format == text_format::lines && (into.header || verb.count("--key") != 0)) {
        throw refusal(exit_code::usage,
                      "--header and --key need columns: add --format csv or --format tsv",
                      "pinyon import --help");
    }
}

// All that CLI11 fills in; lives while it parses.
struct every_verb {
    info_arguments info;
    check_arguments check;
    stat_arguments stat;
    structure_verbs structure;
    report_arguments report;
    import_arguments import;
    get_arguments get;
    scan_arguments scan;
    count_arguments count;
    copy_verbs copy;
    transfer_verbs transfer;
    recover_arguments recover;
    bench_arguments bench;
};

// The verbs that read entries.
void declare_reading(const std::map<std::string, CLI::App*>& verbs, every_verb& into) {
    add_common(*verbs.at("get"), into.get);
    verbs.at("get")
        ->add_option("KEY", into.get.key, "the key, written as its type in the catalog says")
        ->required()
        ->type_name("");
    add_tree(*verbs.at("get"), into.get.tree);
    add_checkpoint(*verbs.at("get"), into.get);

    add_common(*verbs.at("scan"), into.scan);
    add_range(*verbs.at("scan"), into.scan.range);
    add_checkpoint(*verbs.at("scan"), into.scan);
    verbs.at("scan")->add_flag("--reverse", into.scan.reverse, "from the last entry to the first");
    verbs.at("scan")
        ->add_option("--limit", into.scan.limit, "at most so many entries")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber.description(""));

    add_common(*verbs.at("count"), into.count);
    add_range(*verbs.at("count"), into.count.range);
    add_checkpoint(*verbs.at("count"), into.count);
}

void declare(CLI::App& app, every_verb& into) {
    app.name("pinyon");
    app.description("Looks into Pinyon databases and fills them from text.");
    app.formatter(std::make_shared<help_formatter>());
    app.footer(program_footer);
    app.set_version_flag("--version", version_text(), "versions of the program and of the format");
    app.set_help_flag("-h,--help", "this help");
    app.require_subcommand(1);
    app.fallthrough();
    app.get_formatter()->label("REQUIRED", "");
    app.get_formatter()->column_width(22);
    std::map<std::string, CLI::App*> verb;
    for (const verb_text& each : verb_texts()) {
        verb[each.name] = app.add_subcommand(each.name, each.summary)->group("Verbs");
    }
    add_common(*verb["info"], into.info);

    add_common(*verb["check"], into.check);
    verb["check"]->add_flag("--root-descend", into.check.root_descend,
                            "also look every key up again from the root");
    verb["check"]
        ->add_option("--max-errors", into.check.errors_max,
                     "stop after so many findings (100); 0: never")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber.description(""));

    add_common(*verb["stat"], into.stat);
    add_tree(*verb["stat"], into.stat.tree);

    declare_structure(verb, into.structure);
    add_common(*verb["report"], into.report);
    add_report(*verb["report"], into.report);

    add_common(*verb["import"], into.import);
    verb["import"]->footer(std::string(import_footer) + program_footer);
    add_import(*verb["import"], into.import);

    declare_reading(verb, into);
    declare_copies(verb, program_footer, into.copy);

    declare_transfer(verb, into.transfer, program_footer);

    add_common(*verb["recover"], into.recover);
    verb["recover"]->footer(std::string(recover_footer) + program_footer);
    verb["recover"]
        ->add_option("--output", into.recover.output, "the file to make; must not exist")
        ->required()
        ->type_name("NEW");

    add_common(*verb["bench"], into.bench);
    add_bench(*verb["bench"], into.bench);
}

[[noreturn]] void refuse_verb(const std::string& word, const std::string& second) {
    if (is_verb(second)) {
        throw refusal(exit_code::usage, "the verb comes first, then the file",
                      fmt::format("pinyon {} {}", second, shell_quoted(word)));
    }
    const std::optional<std::string> meant = verb_like(word);
    throw refusal(exit_code::usage,
                  fmt::format("found '{}', expected one of the verbs {}", escaped(word),
                              fmt::join(verbs(), ", ")),
                  meant ? fmt::format("pinyon {} --help", *meant) : "pinyon --help");
}

// Puts the verb first, "info" where there is only a file: `pinyon --json app.pinyon`.
std::vector<std::string> with_verb(std::vector<std::string> words) {
    std::vector<std::size_t> plain;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "--bytes") {
            ++i;
        } else if (words[i].empty() || words[i][0] != '-' || words[i] == "-") {
            plain.push_back(i);
        }
    }
    if (plain.empty()) { return words; }
    const std::string first = words[plain[0]];
    if (!is_verb(first)) {
        if (plain.size() > 1) { refuse_verb(first, words[plain[1]]); }
        words.insert(words.begin(), "info");
        return words;
    }
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(plain[0]));
    words.insert(words.begin(), first);
    return words;
}

command_line chosen(const CLI::App& app, every_verb& all) {
    const CLI::App* const verb = app.get_subcommands().front();
    const std::string name = verb->get_name();
    if (name == "info") { return {name, std::move(all.info)}; }
    if (name == "check") { return {name, std::move(all.check)}; }
    if (name == "stat") { return {name, std::move(all.stat)}; }
    if (auto structure = chosen_structure(name, all.structure)) {
        return {name, *std::move(structure)};
    }
    if (name == "report") { return {name, std::move(all.report)}; }
    if (name == "get") { return {name, std::move(all.get)}; }
    if (name == "scan") { return {name, std::move(all.scan)}; }
    if (name == "count") { return {name, std::move(all.count)}; }
    if (auto copy = chosen_copy(name, all.copy)) { return {name, *std::move(copy)}; }
    if (auto transfer = chosen_transfer(name, all.transfer)) {
        return {name, *std::move(transfer)};
    }
    if (name == "recover") { return {name, std::move(all.recover)}; }
    if (name == "bench") { return {name, std::move(all.bench)}; }
    finish_import(*verb, all.import);
    return {name, std::move(all.import)};
}

}  // namespace

const char* program_version() noexcept { return PINYON_VERSION; }

void look_at_declaration(const std::function<void(CLI::App&)>& look) {
    CLI::App app;
    every_verb all;
    declare(app, all);
    look(app);
}

std::optional<command_line> parse(const std::vector<std::string>& words, const streams& streams) {
    CLI::App app;
    every_verb all;
    declare(app, all);
    if (words.empty()) {
        throw refusal(exit_code::usage, "expected a verb and a file", "pinyon --help");
    }
    std::vector<std::string> ordered = with_verb(words);
    const std::string verb = is_verb(ordered.front()) ? ordered.front() + " " : "";
    std::reverse(ordered.begin(), ordered.end());
    try {
        app.parse(std::move(ordered));
    } catch (const CLI::CallForVersion&) {
        streams.out << version_text() << '\n';
        return std::nullopt;
    } catch (const CLI::Success&) {
        streams.out << app.help();
        return std::nullopt;
    } catch (const CLI::ParseError& failure) {
        throw refusal(exit_code::usage, escaped(failure.what()), "pinyon " + verb + "--help");
    }
    return chosen(app, all);
}

}  // namespace pinyon::tool
