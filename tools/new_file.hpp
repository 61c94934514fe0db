// The file that a verb makes (--output NEW): built under a name of its own beside the place it will
// have, and given its name when it is whole and durable. Until then NEW is not there, and after a
// failure or an interrupt neither is anything else.
//
// Threads: one. Failure: refusal that names NEW.
#pragma once

#include <string>
#include <utility>

#include "pinyon/mmap/error.hpp"

namespace pinyon::tool {

class new_file {
public:
    // Refuses when there is something of this name, or no folder for it. `verb` is for messages.
    new_file(const std::string& path, std::string verb);
    // Removes what was not published.
    ~new_file();
    new_file(const new_file&) = delete;
    new_file& operator=(const new_file&) = delete;

    // As it was given.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    // Where it is built; nothing is there at first.
    [[nodiscard]] const std::string& temporary() const noexcept { return temporary_; }

    // Runs a step of the building: an error of the library becomes a refusal about NEW.
    template <class Step>
    decltype(auto) build(Step&& step) const {
        try {
            return std::forward<Step>(step)();
        } catch (const error& failure) { refuse(failure); }
    }

    // Takes away what was built, so that it can be built anew.
    void clear() noexcept;
    // Makes it durable and gives it its name. REQUIRES: it is built, and closed.
    void publish();
    // As an error of the library about NEW would end the verb.
    [[noreturn]] void refuse(const error& failure) const;

private:
    [[nodiscard]] std::string next(errc code) const;

    std::string path_;
    std::string verb_;
    std::string target_;  // with links resolved
    std::string temporary_;
    bool published_ = false;
};

}  // namespace pinyon::tool
