#include "tools/command_description.hpp"

#include <algorithm>
#include <sstream>

#include <CLI/CLI.hpp>

#include "tools/argument_parts.hpp"
#include "tools/arguments.hpp"
#include "tools/verb_text.hpp"

namespace pinyon::tool {

namespace {

bool contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

value_kind kind_of(const described_option& option) {
    if (!option.choices.empty()) { return value_kind::choice; }
    if (option.is_argument()) {
        return option.name == "KEY" || option.name == "N" ? value_kind::word : value_kind::file;
    }
    if (option.value.empty()) { return value_kind::none; }
    if (option.name == "--tree") { return value_kind::tree; }
    const bool path = contains(option.value, "FILE") || contains(option.value, "NEW") ||
                      contains(option.value, "INPUT") || contains(option.value, "FOLDER");
    return path ? value_kind::file : value_kind::word;
}

described_option described_of(CLI::Option& option) {
    described_option out;
    out.text = option.get_description();
    out.required = option.get_required();
    if (option.get_positional()) {
        out.name = option.get_name(true);
    } else {
        if (!option.get_snames().empty()) { out.brief = "-" + option.get_snames().front(); }
        out.name = "--" + option.get_lnames().front();
        if (option.get_items_expected_max() != 0) { out.value = option.get_type_name(); }
    }
    out.choices = choices_of(option);
    out.kind = kind_of(out);
    return out;
}

bool is_help(const described_option& option) { return option.name == "--help"; }

described_verb described_of(CLI::App& app, const std::string& program_footer) {
    described_verb out;
    out.name = app.get_name();
    out.summary = app.get_description();
    out.examples = examples_of(out.name);
    out.notes = app.get_footer();
    if (out.notes.ends_with(program_footer)) {
        out.notes.resize(out.notes.size() - program_footer.size());
    }
    while (out.notes.ends_with('\n')) { out.notes.pop_back(); }
    for (CLI::Option* const each : app.get_options([](const CLI::Option*) { return true; })) {
        if (each->get_group().empty()) { continue; }  // not in the help either
        described_option option = described_of(*each);
        if (is_help(option)) { continue; }
        (option.is_argument() ? out.arguments : out.options).push_back(std::move(option));
    }
    return out;
}

}  // namespace

described_command described() {
    described_command out;
    look_at_declaration([&out](CLI::App& app) {
        out.summary = app.get_description();
        out.examples = examples_of("");
        out.exit_codes = app.get_footer();
        for (CLI::Option* const each : app.get_options([](const CLI::Option*) { return true; })) {
            out.options.push_back(described_of(*each));
        }
        for (CLI::App* const each : app.get_subcommands([](const CLI::App*) { return true; })) {
            out.verbs.push_back(described_of(*each, out.exit_codes));
        }
    });
    out.common = common_of(out.verbs);
    return out;
}

bool has(const described_verb& verb, const described_option& option) {
    const auto& list = option.is_argument() ? verb.arguments : verb.options;
    return std::find(list.begin(), list.end(), option) != list.end();
}

std::vector<described_option> common_of(const std::vector<described_verb>& verbs) {
    std::vector<described_option> common;
    for (const described_verb& verb : verbs) {
        for (const auto* list : {&verb.arguments, &verb.options}) {
            for (const described_option& option : *list) {
                const auto having =
                    std::count_if(verbs.begin(), verbs.end(),
                                  [&](const auto& each) { return has(each, option); });
                const bool known = std::find(common.begin(), common.end(), option) != common.end();
                if (!known && 2 * static_cast<std::size_t>(having) > verbs.size()) {
                    common.push_back(option);
                }
            }
        }
    }
    return common;
}

std::string usage_of(const described_verb& verb) {
    std::string out = "pinyon " + verb.name;
    for (const described_option& each : verb.arguments) {
        out += each.required ? " " + each.name : " [" + each.name + "]";
    }
    for (const described_option& each : verb.options) {
        if (each.required) { out += " " + each.name + " " + each.value; }
    }
    return out + " [options]";
}

}  // namespace pinyon::tool
