#include "tools/run_code.hpp"

#include <string_view>

#include "tools/escape.hpp"

namespace pinyon::tool {

void run_code::append(std::string& out, std::uint64_t number, std::uint64_t times) {
    if (times == 0) { return; }
    const std::size_t start = out.size();
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(start),
               static_cast<char>('A' + number % 26));
    for (number /= 26; number != 0; number /= 26) {
        out.insert(out.begin() + static_cast<std::ptrdiff_t>(start),
                   static_cast<char>('a' + number % 26));
    }
    if (times > 1) { out += std::to_string(times); }
}

void run_code::add(std::uint64_t number, std::uint64_t times) {
    if (number != number_) {
        append(text_, number_, times_);
        number_ = number;
        times_ = 0;
    }
    times_ += times;
}

std::string run_code::text() const {
    std::string whole = text_;
    append(whole, number_, times_);
    return whole;
}

void difference_code::add(std::uint64_t number) {
    code_.add(number >= last_ ? 2 * (number - last_) : 2 * (last_ - number) - 1);
    last_ = number;
}

void key_code::add(const std::optional<bytes>& key) {
    if (!first_) { text_ += ','; }
    first_ = false;
    if (!key) { return; }
    const std::string_view now = as_text(*key);
    const std::size_t shared = common_prefix(as_bytes(last_), *key);
    run_code digits;
    digits.add(shared);
    text_ += digits.text() + hexadecimal(now.substr(shared));
    last_ = now;
}

}  // namespace pinyon::tool
