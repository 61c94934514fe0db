// The errors of Pinyon: one code per thing that a caller can do something about, and the exception
// that carries it with the page number (where one is known) and a text that names the remedy.
//
// Threads: everything here is immutable after construction.
// Failure: `raise` and `raise_os` always throw pinyon::error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

namespace pinyon {

enum class errc {
    not_found = 1,       // the file does not exist
    exists,              // the file exists and must not
    is_directory,        // the path names a directory
    permission,          // the operating system refuses access
    not_a_database,      // the file is something else
    truncated,           // the file is shorter than its own meta pages say
    version,             // the file needs a newer Pinyon, or is of an unknown format version
    page_size,           // the page size asked for is not the file's, or is not allowed
    busy,                // another process or transaction holds the lock
    io,                  // the operating system reports an input/output error
    no_space,            // the disk, the quota or the reserved address range is full
    corrupt,             // contents contradict their checksum or the format
    recovery_required,   // the file needs a recovery, which this open may not do
    log_corrupt,         // the log is damaged before an acknowledged commit
    log_missing,         // the log that the file needs is gone
    log_mismatch,        // the log belongs to another file or another moment
    read_only,           // a change through a read-only database
    no_such_tree,        // the catalog has no tree of this name
    type_mismatch,       // the tree holds other types than the program asks for
    key_too_long,        // the encoded key exceeds an eighth of a page
    value_too_long,      // the value exceeds what its tree or this call can hold
    pool_exhausted,      // explicit pins hold all frames that may be pinned
    transaction_failed,  // an earlier error in this transaction; it can only be aborted
    poisoned,            // a sync failed; the database only reads until it is reopened
    commit_unknown,  // a sync failed while this commit waited; reopen to see whether it is there
    misuse,          // a call that its contract forbids
};

[[nodiscard]] const std::error_category& category() noexcept;
[[nodiscard]] std::error_code make_error_code(errc code) noexcept;

// The word of a code as it is written in documents and messages, "no_space" for errc::no_space.
[[nodiscard]] const char* name(errc code) noexcept;

class error : public std::system_error {
public:
    error(errc code, const std::string& text, std::optional<std::uint64_t> page = std::nullopt);

    [[nodiscard]] errc kind() const noexcept { return static_cast<errc>(code().value()); }
    // The page that the error is about.
    [[nodiscard]] std::optional<std::uint64_t> page() const noexcept { return page_; }

private:
    std::optional<std::uint64_t> page_;
};

[[noreturn]] void raise(errc code, const std::string& text,
                        std::optional<std::uint64_t> page = std::nullopt);

// Maps an errno to its code (ENOENT not_found, EEXIST exists, EISDIR is_directory, EACCES, EPERM
// and EROFS permission, ENOSPC, EDQUOT and EFBIG no_space, all else io); `text` says what was
// tried.
[[noreturn]] void raise_os(int error_number, const std::string& text);

}  // namespace pinyon

template <>
struct std::is_error_code_enum<pinyon::errc> : std::true_type {};
