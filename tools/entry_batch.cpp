#include "tools/entry_batch.hpp"

#include <algorithm>

namespace pinyon::tool {

void entry_batch::add(bytes key, std::string_view value, text_position at) {
    // An entry of any input is at most 1 GiB, so lengths fit 32 bits.
    entries_.push_back({text_.size(), static_cast<std::uint32_t>(key.size()),
                        static_cast<std::uint32_t>(value.size()), at});
    text_ += as_text(key);
    text_ += value;
}

void entry_batch::sort() {
    const auto before = [this](const entry& a, const entry& b) {
        const std::string_view text = text_;
        return text.substr(a.start, a.key_bytes) < text.substr(b.start, b.key_bytes);
    };
    if (!std::is_sorted(entries_.begin(), entries_.end(), before)) {
        std::stable_sort(entries_.begin(), entries_.end(), before);
    }
}

void entry_batch::clear() noexcept {
    entries_.clear();
    text_.clear();
}

}  // namespace pinyon::tool
