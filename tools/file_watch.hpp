// Beside a live writer an inspector shows the last checkpoint and says so; when damage is met and
// the file has moved on meanwhile, the answer is "incomplete", not "damaged". This is what knows.
//
// Threads: one. Failure: refusal(exit_code::incomplete).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "pinyon/mmap/file.hpp"
#include "tools/arguments.hpp"

namespace pinyon::tool {

// The file behind the name, links followed, O_RDONLY.
[[nodiscard]] std::unique_ptr<io::file> open_to_inspect(const std::string& file);

// True when another process (or handle) has the file open for writing, as far as its lock tells.
[[nodiscard]] bool has_live_writer(const std::string& file);

// Sequence of the newest meta; nullopt when none can be read.
[[nodiscard]] std::optional<std::uint64_t> newest_sequence(const std::string& file);

// Throws corrupt when one of the metas is: the other one may be of an older state.
void require_both_metas(const std::string& file);

// Remembers where the file stood, says so when a writer is at work, and tells whether it has moved
// on.
class file_watch {
public:
    file_watch(const common_arguments& arguments, const streams& streams);
    [[nodiscard]] bool moved_on() const;
    [[nodiscard]] bool beside_writer() const noexcept { return beside_writer_; }

    // Runs `look`; damage met in a file that moved on becomes refusal(exit_code::incomplete). Keys
    // are made by the type that the catalog names, so one that the tree does not take is damage.
    template <class Look>
    auto run(Look&& look) const {
        try {
            return std::forward<Look>(look)();
        } catch (const error& failure) {
            if (failure.kind() == errc::type_mismatch) { contradict(failure); }
            if (exit_code_of(failure.kind()) == exit_code::damage && moved_on()) {
                refuse(failure);
            }
            throw;
        }
    }

private:
    [[noreturn]] void refuse(const error& failure) const;
    [[noreturn]] void contradict(const error& failure) const;

    std::string file_;
    std::optional<std::uint64_t> sequence_;
    bool beside_writer_;
};

}  // namespace pinyon::tool
