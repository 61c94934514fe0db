#include "tools/exit_code.hpp"

#include <array>

#include "tools/escape.hpp"

namespace pinyon::tool {

namespace {

struct outcome {
    errc code;
    exit_code exit;
    // %f is the file, quoted for a shell.
    const char* next;
};

constexpr std::array outcomes{
    outcome{errc::not_found, exit_code::unreadable,
            "pinyon import %f INPUT --tree NAME  (creates it)"},
    outcome{errc::exists, exit_code::unreadable, "ls -l %f"},
    outcome{errc::is_directory, exit_code::unreadable, "ls %f"},
    outcome{errc::permission, exit_code::unreadable, "ls -l %f"},
    outcome{errc::not_a_database, exit_code::not_ours, "file %f"},
    outcome{errc::truncated, exit_code::damage, "pinyon info %f"},
    outcome{errc::version, exit_code::not_ours, "pinyon --version"},
    outcome{errc::page_size, exit_code::usage, "pinyon info %f"},
    outcome{errc::busy, exit_code::unreadable, "pinyon info %f  (reads beside a writer)"},
    outcome{errc::io, exit_code::unreadable, "dmesg"},
    outcome{errc::no_space, exit_code::unreadable, "df -h %f"},
    outcome{errc::corrupt, exit_code::damage, "pinyon check %f"},
    outcome{errc::recovery_required, exit_code::incomplete, "pinyon info %f"},
    outcome{errc::log_corrupt, exit_code::damage, "pinyon check %f"},
    outcome{errc::log_missing, exit_code::damage, "pinyon check %f"},
    outcome{errc::log_mismatch, exit_code::damage, "pinyon check %f"},
    outcome{errc::read_only, exit_code::unreadable, "ls -l %f"},
    outcome{errc::no_such_tree, exit_code::no, "pinyon info %f  (lists the trees)"},
    outcome{errc::type_mismatch, exit_code::usage, "pinyon info %f  (shows the types)"},
    outcome{errc::key_too_long, exit_code::no, "pinyon info %f  (shows the page size)"},
    outcome{errc::value_too_long, exit_code::no, ""},
    outcome{errc::pool_exhausted, exit_code::unreadable, ""},
    outcome{errc::transaction_failed, exit_code::unreadable, "pinyon check %f"},
    outcome{errc::poisoned, exit_code::unreadable, "pinyon check %f"},
    outcome{errc::commit_unknown, exit_code::unreadable, "pinyon check %f"},
    outcome{errc::misuse, exit_code::unreadable, "ls -l %f"},
};
// errc numbers its codes from 1 without a gap, and misuse is the last.
static_assert(outcomes.size() == static_cast<std::size_t>(errc::misuse));

const outcome* find(errc code) noexcept {
    for (const outcome& each : outcomes) {
        if (each.code == code) { return &each; }
    }
    return nullptr;
}

}  // namespace

exit_code exit_code_of(errc code) noexcept {
    const outcome* const found = find(code);
    return found == nullptr ? exit_code::unreadable : found->exit;
}

std::string next_step(errc code, const std::string& verb, const std::string& file) {
    if (code == errc::corrupt && verb == "check") { return {}; }
    if (exit_code_of(code) == exit_code::damage && (verb == "compact" || verb == "backup")) {
        return "pinyon recover " + shell_quoted(file) + " --output NEW";
    }
    if (code == errc::truncated && verb == "info") { return "ls -l " + shell_quoted(file); }
    const outcome* const found = find(code);
    std::string next = found == nullptr ? "" : found->next;
    if (const std::size_t at = next.find("%f"); at != std::string::npos) {
        next.replace(at, 2, shell_quoted(file));
    }
    return next;
}

}  // namespace pinyon::tool
