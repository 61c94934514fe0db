// One of the two files of a comparison: opened to be read, watched for a writer, and named in
// whatever goes wrong with it.
//
// Threads: one. Failure: refusal that names this file; interruption.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "tools/failure_text.hpp"
#include "tools/file_watch.hpp"
#include "tools/inspected_file.hpp"

namespace pinyon::tool {

class compared_file {
public:
    // `which`: the arguments, with this file as FILE.
    compared_file(const data_arguments& which, std::string verb, const streams& streams);

    // As it was given.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const read_transaction& snapshot() const noexcept { return file_->snapshot(); }

    // Runs a look at the file; what is wrong with it is told of it.
    template <class Look>
    decltype(auto) guard(Look&& look) const {
        try {
            return watch_.run(std::forward<Look>(look));
        } catch (const refusal& failure) {
            throw refusal(failure.code(), failure.what(), failure.next(), name_);
        } catch (const error& failure) { throw refusal_about(failure, verb_, name_); }
    }

private:
    std::string name_;
    std::string verb_;
    file_watch watch_;
    std::optional<inspected_file> file_;
};

}  // namespace pinyon::tool
