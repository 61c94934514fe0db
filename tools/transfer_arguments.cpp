#include "tools/transfer_arguments.hpp"

#include "tools/argument_parts.hpp"
#include "tools/exit_code.hpp"

namespace pinyon::tool {

namespace {

const std::map<std::string, dump_format> formats{{"lmdb", dump_format::lmdb},
                                                 {"bdb", dump_format::bdb},
                                                 {"ndjson", dump_format::ndjson},
                                                 {"csv", dump_format::csv}};

constexpr const char* dump_footer =
    "Formats: lmdb is the text that mdb_load reads, bdb the one that db_load reads (without a\n"
    "map size); with --bytes text as mdb_dump -p writes it. ndjson has one object a line.\n"
    "These three hold types and options of the trees, how many entries follow and how many\n"
    "trees, so that `pinyon load` makes an equal database and notices a cut. csv is one tree\n"
    "with the types in its header; it has no place for a count, which goes to standard error\n"
    "(load --entries), nor for a minimum degree. Every byte comes back from each format in\n"
    "every style of --bytes. A dump that broke off has no end: no DATA=END, no closing\n"
    "object, no count.\n\n";

constexpr const char* load_footer =
    "Reads what `pinyon dump` writes, and of others mdb_dump and db_dump, with -p and\n"
    "without: bytes to bytes, each database a tree (mdb_dump leaves named ones out without\n"
    "-a). mdb_dump -p of older LMDB does not mark backslashes; what can be read in two ways\n"
    "is refused: leave -p out. Such dumps hold no count: a cut between two databases shows\n"
    "only with --entries. Values have up to 1 GiB, in ndjson and csv up to 15 MiB. A dump\n"
    "that is cut ends with exit code 6, one that contradicts itself with 1; NEW is not made\n"
    "then.\n\n";

void declare_dump(CLI::App& verb, dump_arguments& into) {
    add_common(verb, into);
    verb.get_option("--json")->group("");  // refused with what to take in its place
    add_range(verb, into.range);
    add_checkpoint(verb, into);
    verb.get_option("--tree")->description("only this one; without it all of them");
    add_choice<dump_format>(verb, "--format", into.format, formats,
                            "lmdb, bdb, ndjson or csv (lmdb)");
}

void declare_load(CLI::App& verb, load_arguments& into) {
    verb.add_option("INPUT", into.file, "the dump to read; - is standard input")
        ->required()
        ->type_name("");
    verb.add_option("--output", into.output, "the file to make; must not exist")
        ->required()
        ->type_name("NEW");
    verb.add_option_function<std::string>(
            "--format", [&into](const std::string& word) { into.format = formats.at(word); },
            "lmdb, bdb, ndjson or csv; by default what INPUT begins as")
        ->type_name("KIND")
        ->check(one_of(formats));
    verb.add_option("--tree", into.tree, "the tree for what has no name in the dump (main)")
        ->type_name("NAME");
    verb.add_option("--entries", into.entries, "how many the dump must hold; csv needs it")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber.description(""));
    add_duplicates(verb, into.duplicates);
    add_choice<std::uint32_t>(
        verb, "--page-bytes", into.page_bytes,
        {{"4096", 4096}, {"8192", 8192}, {"16384", 16384}, {"32768", 32768}},
        "4096, 8192, 16384 or 32768; keys take up to an eighth (as the dump says, else 4096)");
    verb.add_flag("--json", into.json, "one JSON document with a schema name");
    verb.add_flag("-q,--quiet", into.quiet, "no progress, no remarks");
}

}  // namespace

void declare_transfer(const std::map<std::string, CLI::App*>& verbs, transfer_verbs& into,
                      const std::string& footer) {
    declare_dump(*verbs.at("dump"), into.dump);
    verbs.at("dump")->footer(dump_footer + footer);
    declare_load(*verbs.at("load"), into.load);
    verbs.at("load")->footer(load_footer + footer);
}

std::optional<verb_arguments> chosen_transfer(const std::string& verb, transfer_verbs& all) {
    if (verb == "load") { return std::move(all.load); }
    if (verb != "dump") { return std::nullopt; }
    if (all.dump.json) {
        throw refusal(exit_code::usage,
                      "found --json; a dump is no document of its own: expected --format ndjson",
                      "pinyon dump --help");
    }
    if (all.dump.bytes == byte_style::redacted) {
        throw refusal(exit_code::usage, "found --bytes redacted; a dump holds all bytes",
                      "pinyon scan --help");
    }
    const bool is_text =
        all.dump.format == dump_format::lmdb || all.dump.format == dump_format::bdb;
    if (is_text && all.dump.bytes == byte_style::base64) {
        throw refusal(exit_code::usage,
                      "found --bytes base64; expected text or hex, or --format ndjson or csv",
                      "pinyon dump --help");
    }
    return std::move(all.dump);
}

}  // namespace pinyon::tool
