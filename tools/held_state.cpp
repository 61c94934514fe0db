#include "tools/held_state.hpp"

#include <chrono>
#include <thread>

namespace pinyon::tool {

namespace {

constexpr int attempts_max = 1000;
constexpr std::chrono::milliseconds pause{1};

}  // namespace

held_state::held_state(io::file& file, const std::string& name) : file_(file) {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        meta_ = read_metas(file_, name).current();
        if (try_hold(name)) { return; }
        std::this_thread::sleep_for(pause);
    }
}

held_state::~held_state() {
    if (!held_) { return; }
    try {
        file_.unlock(byte());
    } catch (const error&) {  // NOLINT(bugprone-empty-catch): it goes with the descriptor
    }
}

io::lock_byte held_state::byte() const noexcept {
    return (meta_.sequence & 1) == 0 ? io::lock_byte::meta0 : io::lock_byte::meta1;
}

// A writer that finds the byte taken keeps the state that the slot held before: so the slot has to
// be looked at again when the byte is ours.
bool held_state::try_hold(const std::string& name) {
    try {
        if (!file_.try_lock(byte(), io::lock_mode::shared)) { return false; }
    } catch (const error&) { return true; }  // a file system without locks: read_metas has seen it
    held_ = true;
    const std::optional<format::meta> now = read_metas(file_, name).valid[meta_.sequence & 1];
    if (now && now->sequence == meta_.sequence) { return true; }
    held_ = false;
    file_.unlock(byte());
    return false;
}

}  // namespace pinyon::tool
