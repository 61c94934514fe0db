// The code in which columns of numbers and keys stand in a report: letters and digits that need no
// escaping in JSON, runs of one number in the place of one. tools/report/run_code.mjs reads it.
//
// A number is written to the base 26, most significant digit first, in small letters, the last
// digit as a capital; behind it, where it stands more than once in a row, how often in decimal.
//
// Threads: one. Failure: none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pinyon/engine/bytes.hpp"

namespace pinyon::tool {

class run_code {
public:
    void add(std::uint64_t number, std::uint64_t times = 1);
    // The code of all that was added.
    [[nodiscard]] std::string text() const;

private:
    static void append(std::string& out, std::uint64_t number, std::uint64_t times);

    std::string text_;
    std::uint64_t number_ = 0;
    std::uint64_t times_ = 0;  // of the run that is not in text_ yet
};

// Numbers as differences to the one before, folded so that small ones of either sign are small.
// REQUIRES: numbers below 2^62.
class difference_code {
public:
    void add(std::uint64_t number);
    [[nodiscard]] std::string text() const { return code_.text(); }

private:
    run_code code_;
    std::uint64_t last_ = 0;
};

// Keys parted by commas: how many bytes each shares with the one before, as a number of run_code,
// then the others in hexadecimal. An absent key is an empty part.
class key_code {
public:
    void add(const std::optional<bytes>& key);
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    std::string text_;
    std::string last_;
    bool first_ = true;
};

}  // namespace pinyon::tool
