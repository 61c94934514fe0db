#include "pinyon/engine/value_stream.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "pinyon/engine/transaction_core.hpp"
#include "pinyon/mmap/error.hpp"

namespace pinyon {

value_reader::value_reader(detail::tree_access access, const stored_value& value)
    : access_(std::move(access)),
      changes_(access_.enter().state.changes),
      length_(value.extent ? value.extent->length : value.inline_bytes.size()),
      inline_bytes_(value.inline_bytes.begin(), value.inline_bytes.end()) {
    if (value.extent) { extent_.emplace(access_.store(), *value.extent); }
}

std::size_t value_reader::read(std::span<std::byte> out) {
    const opened_tree& tree = access_.enter();
    if (tree.state.changes != changes_) {
        raise(errc::misuse,
              tree.title() + " changed while a value was read from it; get the stream again");
    }
    std::size_t taken = 0;
    if (extent_) {
        taken = extent_->read(position_, out);
    } else {
        const bytes rest = bytes(inline_bytes_).subspan(position_);
        taken = std::min(rest.size(), out.size());
        if (taken != 0) { std::memcpy(out.data(), rest.data(), taken); }
    }
    position_ += taken;
    return taken;
}

value_writer::value_writer(detail::tree_access access, bytes key, std::uint64_t length)
    : access_(std::move(access)), key_(key.begin(), key.end()), length_(length) {
    // What a leaf can hold costs less there than a page of its own.
    if (length > format::entry_bytes_max(access_.store().page_bytes()) - key.size()) {
        extent_ = std::make_unique<extent_writer>(access_.store(), length);
        const operation_buffer* log = access_.core().log();
        logged_ = log != nullptr && log->has_room(key.size(), length);
    } else {
        held_.reserve(length);
    }
    access_.core().begin_unfinished();
}

value_writer::value_writer(value_writer&& other) noexcept
    : access_(std::move(other.access_)),
      key_(std::move(other.key_)),
      length_(other.length_),
      written_(other.written_),
      finished_(std::exchange(other.finished_, true)),
      logged_(other.logged_),
      held_(std::move(other.held_)),
      extent_(std::move(other.extent_)) {}

value_writer& value_writer::operator=(value_writer&& other) noexcept {
    if (this != &other) {
        release();
        access_ = std::move(other.access_);
        key_ = std::move(other.key_);
        length_ = other.length_;
        written_ = other.written_;
        finished_ = std::exchange(other.finished_, true);
        logged_ = other.logged_;
        held_ = std::move(other.held_);
        extent_ = std::move(other.extent_);
    }
    return *this;
}

value_writer::~value_writer() { release(); }

void value_writer::close() noexcept {
    finished_ = true;
    extent_.reset();
    access_.core().end_unfinished();
}

void value_writer::release() noexcept {
    if (finished_) { return; }
    // After the transaction's end the pages have gone back with it; after a failure they will.
    if (extent_ && access_.usable()) {
        try {
            access_.core().change([&] { extent_->abandon(); });
        } catch (...) {  // NOLINT(bugprone-empty-catch): `change` has failed the transaction
        }
    }
    close();
}

void value_writer::require_open() const {
    access_.enter();
    if (finished_) { raise(errc::misuse, "this value is written; begin another with put_stream"); }
}

// Without the memory for it the value is too long for the log, and that is all.
void value_writer::hold_for_log(bytes chunk) noexcept {
    operation_buffer* log = access_.core().log();
    if (log != nullptr && !log->overflowed()) {
        try {
            held_.insert(held_.end(), chunk.begin(), chunk.end());
            return;
        } catch (const std::bad_alloc&) { log->overflow(); }
    }
    logged_ = false;
    std::vector<std::byte>().swap(held_);
}

void value_writer::write(bytes chunk) {
    require_open();
    access_.core().change([&] {
        if (chunk.size() > length_ - written_) {
            raise(errc::misuse, "more bytes came than the " + std::to_string(length_) +
                                    " that were announced for the value");
        }
        if (extent_) {
            extent_->write(chunk);
            if (logged_) { hold_for_log(chunk); }
        } else {
            held_.insert(held_.end(), chunk.begin(), chunk.end());
        }
        written_ += chunk.size();
    });
}

void value_writer::finish() {
    require_open();
    access_.core().change([&] {
        if (written_ != length_) {
            raise(errc::misuse, "only " + std::to_string(written_) + " of the " +
                                    std::to_string(length_) +
                                    " bytes that were announced for the value came");
        }
        opened_tree& tree = access_.enter();
        operation_buffer* log = access_.core().log();
        const bool recorded = logged_ || !extent_;
        pending_operation record(recorded ? log : nullptr);
        if (record) { record->put(tree.record.tree, key_, held_); }
        if (extent_) {
            put_extent(access_.store(), tree.state, key_, extent_->finish());
        } else {
            put(access_.store(), tree.state, key_, held_, put_mode::replace_or_insert);
        }
        record.keep();
        if (!recorded && log != nullptr) { log->overflow(); }
    });
    close();
}

}  // namespace pinyon
