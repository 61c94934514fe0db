#include "pinyon/mmap/error.hpp"

#include <array>
#include <cerrno>
#include <cstddef>

namespace pinyon {

namespace {

struct description {
    errc code;
    const char* name;
    const char* message;
};

constexpr std::array descriptions{
    description{errc::not_found, "not_found", "the file does not exist"},
    description{errc::exists, "exists", "the file exists already"},
    description{errc::is_directory, "is_directory", "the path names a directory"},
    description{errc::permission, "permission", "the operating system refuses access"},
    description{errc::not_a_database, "not_a_database", "this is no Pinyon database"},
    description{errc::truncated, "truncated", "the file is shorter than it must be"},
    description{errc::version, "version", "the file needs another version of Pinyon"},
    description{errc::page_size, "page_size", "the page size does not fit"},
    description{errc::busy, "busy", "the lock is held elsewhere"},
    description{errc::io, "io", "input/output error"},
    description{errc::no_space, "no_space", "no space left"},
    description{errc::corrupt, "corrupt", "the file is damaged"},
    description{errc::recovery_required, "recovery_required", "the file needs a recovery"},
    description{errc::log_corrupt, "log_corrupt", "the log is damaged"},
    description{errc::log_missing, "log_missing", "the log is missing"},
    description{errc::log_mismatch, "log_mismatch", "the log belongs elsewhere"},
    description{errc::read_only, "read_only", "the database is open for reading only"},
    description{errc::no_such_tree, "no_such_tree", "there is no tree of this name"},
    description{errc::type_mismatch, "type_mismatch", "the tree holds other types"},
    description{errc::key_too_long, "key_too_long", "the key is too long"},
    description{errc::value_too_long, "value_too_long", "the value is too long"},
    description{errc::pool_exhausted, "pool_exhausted", "pins hold too many pages"},
    description{errc::transaction_failed, "transaction_failed", "the transaction has failed"},
    description{errc::poisoned, "poisoned", "the database only reads until it is reopened"},
    description{errc::commit_unknown, "commit_unknown", "the fate of the commit is unknown"},
    description{errc::misuse, "misuse", "this call is not allowed here"},
};

// The table is in the order of the codes, which start at 1.
[[nodiscard]] constexpr bool in_order() noexcept {
    for (std::size_t i = 0; i != descriptions.size(); ++i) {
        if (static_cast<std::size_t>(descriptions[i].code) != i + 1) { return false; }
    }
    return static_cast<std::size_t>(errc::misuse) == descriptions.size();
}
static_assert(in_order());

[[nodiscard]] const description* describe(int value) noexcept {
    if (value < 1 || static_cast<std::size_t>(value) > descriptions.size()) { return nullptr; }
    return &descriptions[static_cast<std::size_t>(value) - 1];
}

class category_type final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "pinyon"; }
    [[nodiscard]] std::string message(int value) const override {
        const description* found = describe(value);
        if (found == nullptr) { return "unknown error " + std::to_string(value); }
        return std::string(found->message) + " [" + found->name + "]";
    }
};

[[nodiscard]] std::string text_with_page(const std::string& text,
                                         std::optional<std::uint64_t> page) {
    return page ? text + " (page " + std::to_string(*page) + ")" : text;
}

[[nodiscard]] errc code_of(int error_number) noexcept {
    switch (error_number) {
        case ENOENT:
            return errc::not_found;
        case EEXIST:
            return errc::exists;
        case EISDIR:
            return errc::is_directory;
        case EACCES:
        case EPERM:
        case EROFS:
            return errc::permission;
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            return errc::no_space;
        default:
            return errc::io;
    }
}

[[nodiscard]] const char* remedy(int error_number) noexcept {
    switch (error_number) {
        case ENOENT:
            return "check the path";
        case EEXIST:
            return "choose another name or remove the file";
        case EISDIR:
            return "name a file in it";
        case EACCES:
        case EPERM:
            return "check the owner and the mode of the file and of its directory";
        case EROFS:
            return "the file system is mounted read-only";
        case ENOSPC:
            return "free space on the disk and try again";
        case EDQUOT:
            return "free space or raise the quota and try again";
        case EFBIG:
            return "the file system or the process's limit allows no larger file";
        case EMFILE:
        case ENFILE:
            return "close files or raise the limit of open files (ulimit -n)";
        case ENOMEM:
            return "free memory or raise the process's limit";
        default:
            return "look into the system's log for failures of the medium";
    }
}

}  // namespace

const std::error_category& category() noexcept {
    static const category_type instance;
    return instance;
}

std::error_code make_error_code(errc code) noexcept { return {static_cast<int>(code), category()}; }

const char* name(errc code) noexcept {
    const description* found = describe(static_cast<int>(code));
    return found == nullptr ? "unknown" : found->name;
}

error::error(errc code, const std::string& text, std::optional<std::uint64_t> page)
    : std::system_error(make_error_code(code), text_with_page(text, page)), page_(page) {}

void raise(errc code, const std::string& text, std::optional<std::uint64_t> page) {
    throw error(code, text, page);
}

void raise_os(int error_number, const std::string& text) {
    raise(code_of(error_number), text + ": " + std::generic_category().message(error_number) +
                                     "; " + remedy(error_number));
}

}  // namespace pinyon
