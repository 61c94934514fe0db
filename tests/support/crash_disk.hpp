// A disk in memory that can be cut off at any operation. Beside the files as programs see them it
// keeps what the medium certainly holds, and in order everything that it may or may not hold: the
// sectors of writes, each version that a mapped page had at a file operation, sizes, and the names
// of the directory. A crash keeps any of these.
//
// Invariants
//  1. `sync` makes a file's bytes and size certain, `flush` the bytes of a range (and the size, as
//     msync does on Linux), `sync_directory` the names; nothing else makes anything certain.
//  2. A page of a mapped file is compared with what it was at the operation before: a store that
//     no one announced is found.
//  3. What is kept is applied in the order in which it was done.
//
// There are no system calls: all views of a file are the same memory, which never moves. Recording
// can be off: then the disk is a fast file system in memory, loaded with an image.
//
// Threads: one at a time.
// Failure: that of files in memory; io by plan.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>
#include <new>
#include <optional>
#include <random>
#include <utility>

#include "pinyon/mmap/file.hpp"
#include "support/crash_image.hpp"

namespace pinyon::test {

// What the device does with what a crash interrupts.
enum class device_model : std::uint8_t {
    sectors,  // 512 bytes are written whole or not at all
    blocks,   // 4 KiB are
    garbage,  // nothing is: what is torn holds random bytes
};

// What becomes of the bytes that a failed sync was to make certain.
enum class sync_failure : std::uint8_t {
    pending,   // they may still get there
    kept,      // the cache shows them, marked clean: they never get there
    reverted,  // the cache shows what the medium holds
    late,      // as `kept`, when nobody asked; the next sync reports it
};

[[nodiscard]] inline const char* name(device_model model) noexcept {
    constexpr std::array names{"sectors", "blocks", "garbage"};
    return names[static_cast<std::size_t>(model)];
}
[[nodiscard]] inline const char* name(sync_failure kind) noexcept {
    constexpr std::array names{"pending", "kept", "reverted", "late"};
    return names[static_cast<std::size_t>(kind)];
}

class crash_disk final : public io::file_system {
    struct node;
    using node_ref = std::shared_ptr<node>;

public:
    // Something that the medium may or may not hold.
    struct unit {
        enum class what : std::uint8_t { sector, block, size, create, rename, remove };
        what kind{};
        node_ref of;
        std::uint64_t block = 0;
        std::uint8_t sectors = 0xff;  // of the block, a bit each
        std::uint16_t first = 0;      // the bytes of the block that were written
        std::uint16_t end = block_bytes;
        block_value content;  // of the whole block, afterwards
        std::uint64_t size = 0;
        std::string from;
        std::string to;

        [[nodiscard]] bool is_data() const noexcept { return kind <= what::block; }
    };

    // What becomes of a unit in a crash.
    struct fate {
        bool kept = false;
        std::uint8_t torn = 0;  // of what is kept, these sectors are not, or are garbage
    };

    // The same seed gives the same random bytes, and so the same images.
    explicit crash_disk(std::uint64_t seed, bool recording = true,
                        device_model model = device_model::sectors)
        : random_(seed), recording_(recording), model_(model) {
        // Small files need few addresses.
        offers_.large_reservation = false;
    }

    // The disk holds this image and nothing else. REQUIRES: no file is open; with recording, that
    // the image's blocks outlive the disk's use.
    void load(const disk_image& image, std::uint64_t seed) {
        notice_stores();
        random_.seed(seed);
        operations_ = 0;
        pending_.clear();
        unnamed_.clear();
        std::map<std::string, node_ref> before;
        before.swap(names_);
        for (std::size_t i = 0; i != image.used; ++i) {
            const disk_image::named_file& file = image.files[i];
            const auto found = before.find(file.name);
            node_ref same = found == before.end() ? make_node() : found->second;
            same->load(file.content);
            names_.emplace_hint(names_.end(), file.name, std::move(same));
        }
        for (auto& entry : before) {
            if (names_.count(entry.first) == 0) { spare(std::move(entry.second)); }
        }
        durable_names_ = recording_ ? names_ : std::map<std::string, node_ref>{};
    }
    // Of a disk that does not record: whether memory differs from what was loaded only where this
    // knows of a change.
    [[nodiscard]] bool knows_all_changes() const {
        return std::all_of(names_.begin(), names_.end(),
                           [](const auto& entry) { return entry.second->knows_all_changes(); });
    }

    // No file grows by more than so much at once: small files stay small.
    void limit_growth(std::uint64_t bytes) noexcept { growth_bytes_max_ = bytes; }

    // Called before each operation that may change what the medium holds, with all units there.
    void before_operation(std::function<void()> hook) { hook_ = std::move(hook); }
    [[nodiscard]] std::uint64_t operations() const noexcept { return operations_; }
    [[nodiscard]] std::uint64_t syncs() const noexcept { return syncs_; }
    // Moves whenever the set of units has.
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
    [[nodiscard]] const std::vector<unit>& pending() const noexcept { return pending_; }

    // The n-th operation from now that syncs (for `late`: that counts) fails so.
    void fail(std::uint64_t at, sync_failure kind) {
        fail_at_ = kind == sync_failure::late ? operations_ + at : syncs_ + at;
        fail_kind_ = kind;
        failed_ = false;
    }
    [[nodiscard]] bool failed() const noexcept { return failed_; }
    [[nodiscard]] sync_failure fails_as() const noexcept { return fail_kind_; }
    // Syncs succeed and do nothing: a disk that lies, to prove that the judge sees it.
    void ignore_syncs(bool files, bool mappings, bool names) {
        ignores_files_ = files;
        ignores_mappings_ = mappings;
        ignores_names_ = names;
    }

    // Notes what was stored through mappings since the last operation.
    void notice_stores() {
        if (!recording_) { return; }
        for (const auto& entry : names_) { notice_stores(entry.second); }
        for (const node_ref& each : unnamed_) { notice_stores(each); }
    }

    // What the medium holds after a crash with these fates, one for each unit. Blocks made here
    // are in `scratch`.
    void crash(const std::vector<fate>& fates, std::uint64_t garbage_seed, disk_image& out,
               block_store& scratch) {
        out.used = 0;
        std::map<std::string, node_ref> names = durable_names_;
        std::map<node*, file_image> changed;
        for (std::size_t i = 0; i != pending_.size(); ++i) {
            if (!fates[i].kept) { continue; }
            const unit& each = pending_[i];
            if (each.is_data() || each.kind == unit::what::size) {
                auto place = changed.find(each.of.get());
                if (place == changed.end()) {
                    place = changed.emplace(each.of.get(), each.of->durable).first;
                }
                apply(each, fates[i], garbage_seed + i, place->second, scratch);
            } else {
                apply(each, names);
            }
        }
        for (const auto& entry : names) {
            disk_image::named_file& file = out.add(entry.first);
            const auto found = changed.find(entry.second.get());
            file.content = found != changed.end() ? found->second : entry.second->durable;
            clip(file.content, scratch);
        }
    }

    [[nodiscard]] std::unique_ptr<io::file> open(const std::string& path,
                                                 io::open_mode mode) override;
    [[nodiscard]] bool exists(const std::string& path) override { return names_.count(path) != 0; }
    [[nodiscard]] std::string resolve(const std::string& path) override { return path; }
    void rename_no_replace(const std::string& from, const std::string& to) override {
        operation();
        if (names_.count(to) != 0) { raise_os(EEXIST, "renaming to " + to); }
        auto entry = names_.extract(find(from));
        entry.key() = to;
        note_name(unit::what::rename, entry.mapped(), from, to);
        names_.insert(std::move(entry));
    }
    void remove(const std::string& path) override {
        operation();
        const auto found = find(path);
        note_name(unit::what::remove, found->second, path, {});
        if (recording_) {
            unnamed_.push_back(found->second);
        } else {
            spare(found->second);
        }
        names_.erase(found);
    }
    void sync_directory(const std::string&) override {
        operation();
        if (fails_now()) { raise_os(EIO, "(simulated) syncing the directory"); }
        if (!recording_ || ignores_names_) { return; }
        drop_units([](const unit& each) { return each.kind > unit::what::size; });
        durable_names_ = names_;
    }
    [[nodiscard]] std::vector<std::string> list(const std::string& path) override {
        const std::string directory = path.substr(0, path.rfind('/') + 1);
        std::vector<std::string> found;
        for (const auto& entry : names_) {
            if (entry.first.substr(0, entry.first.rfind('/') + 1) == directory) {
                found.push_back(entry.first.substr(directory.size()));
            }
        }
        return found;
    }
    // A clock that goes on by itself, the same in each run.
    [[nodiscard]] std::chrono::steady_clock::time_point now() override {
        clock_ += std::chrono::microseconds(1);
        return std::chrono::steady_clock::time_point(clock_);
    }
    void random(std::span<std::byte> out) override {
        for (std::byte& each : out) { each = static_cast<std::byte>(random_() & 0xff); }
    }
    [[nodiscard]] const io::capabilities& offers() const noexcept override { return offers_; }

private:
    static constexpr std::uint64_t file_bytes_max = std::uint64_t{64} << 20;

    // Addresses for the bytes of one file; zeros until they are stored to.
    class region {
    public:
        region()
            : base_(static_cast<std::byte*>(::mmap(nullptr, file_bytes_max, PROT_READ | PROT_WRITE,
                                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                                                   0))) {
            if (base_ == MAP_FAILED) { throw std::bad_alloc(); }
        }
        ~region() { ::munmap(base_, file_bytes_max); }
        region(const region&) = delete;
        region& operator=(const region&) = delete;
        [[nodiscard]] std::byte* base() const noexcept { return base_; }

    private:
        std::byte* base_;
    };

    struct node {
        region memory;
        std::uint64_t size = 0;
        file_image seen;     // at the last operation; without recording: as loaded
        file_image durable;  // with recording
        // Without recording: blocks that may differ from `seen`, each once.
        std::vector<std::uint64_t> touched;
        std::vector<bool> is_touched;
        bool mapped = false;
        bool late_error = false;
        std::array<unsigned, 3> locks_shared{};
        std::array<bool, 3> locked{};

        [[nodiscard]] std::byte* at(std::uint64_t offset) const noexcept {
            return memory.base() + offset;
        }
        void touch(std::uint64_t first, std::uint64_t end) {
            for (std::uint64_t block = first; block < end; ++block) {
                if (block >= is_touched.size()) { is_touched.resize(block + 64, false); }
                if (!is_touched[block]) {
                    is_touched[block] = true;
                    touched.push_back(block);
                }
            }
        }
        void put(std::uint64_t block, const block_value& value) {
            std::memcpy(at(block * block_bytes), value.data, block_bytes);
        }
        void load(const file_image& image) {
            for (const std::uint64_t block : touched) {
                is_touched[block] = false;
                put(block, image.get(block));
            }
            touched.clear();
            const std::size_t most = std::max(seen.hashes.size(), image.hashes.size());
            for (std::size_t block = 0; block != most; ++block) {
                const block_value wanted = image.get(block);
                if (seen.get(block).hash != wanted.hash) { put(block, wanted); }
            }
            seen = image;
            durable = image;
            size = image.size;
            late_error = false;
            mapped = false;
        }
        [[nodiscard]] bool knows_all_changes() const {
            for (std::uint64_t block = 0; block != blocks_of(size); ++block) {
                if (block < is_touched.size() && is_touched[block]) { continue; }
                if (hash_block(at(block * block_bytes)) != seen.get(block).hash) { return false; }
            }
            return true;
        }
    };

    class open_file;
    class view;

    [[nodiscard]] std::map<std::string, node_ref>::iterator find(const std::string& path) {
        const auto found = names_.find(path);
        if (found == names_.end()) { raise_os(ENOENT, "looking for " + path); }
        return found;
    }

    // Memory is dear to get and to give back: what no name has any more serves the next file.
    [[nodiscard]] node_ref make_node() {
        for (std::size_t i = 0; i != spares_.size(); ++i) {
            if (spares_[i].use_count() != 1) { continue; }
            node_ref found = std::move(spares_[i]);
            spares_.erase(spares_.begin() + static_cast<std::ptrdiff_t>(i));
            found->load({});
            return found;
        }
        return std::make_shared<node>();
    }
    void spare(node_ref of) {
        if (!recording_) { spares_.push_back(std::move(of)); }
    }

    // Every operation that may change the medium begins with this.
    void operation() {
        if (!recording_) { return; }
        notice_stores();
        if (hook_) { hook_(); }
        if (!failed_ && fail_kind_ == sync_failure::late && fail_at_ && operations_ == *fail_at_) {
            failed_ = true;
            for (const auto& entry : names_) {
                if (has_data(*entry.second)) {
                    entry.second->late_error = true;
                    lose(entry.second, 0, ~std::uint64_t{0});
                }
            }
        }
        ++operations_;
    }

    [[nodiscard]] bool has_data(const node& of) const {
        return std::any_of(pending_.begin(), pending_.end(), [&](const unit& each) {
            return each.of.get() == &of && each.is_data();
        });
    }
    [[nodiscard]] bool fails_now() {
        const std::uint64_t index = syncs_++;
        if (!fail_at_ || failed_ || fail_kind_ == sync_failure::late) { return false; }
        failed_ = index == *fail_at_;
        return failed_;
    }
    // A sync of the blocks [first, end) may fail, by plan.
    void fail_if_planned(const node_ref& of, std::uint64_t first, std::uint64_t end) {
        if (of->late_error) {
            of->late_error = false;
            raise_os(EIO, "(simulated) reporting a write-back that failed before");
        }
        if (!fails_now()) { return; }
        if (fail_kind_ != sync_failure::pending) { lose(of, first, end); }
        raise_os(EIO, "(simulated) syncing");
    }
    // The units of these blocks are marked clean and never get to the medium.
    void lose(const node_ref& of, std::uint64_t first, std::uint64_t end) {
        const auto lost = [&](const unit& each) {
            return each.of == of && each.is_data() && each.block >= first && each.block < end;
        };
        if (fail_kind_ == sync_failure::reverted) {
            for (const unit& each : pending_) {
                if (!lost(each)) { continue; }
                const block_value before = of->durable.get(each.block);
                of->put(each.block, before);
                of->seen.set(each.block, before);
            }
        }
        drop_units(lost);
    }

    template <class Predicate>
    void drop_units(Predicate&& gone) {
        if (std::erase_if(pending_, gone) != 0) { ++generation_; }
    }
    void add_unit(unit&& each) {
        pending_.push_back(std::move(each));
        ++generation_;
    }
    void note_name(unit::what kind, const node_ref& of, std::string from, std::string to) {
        if (!recording_) { return; }
        unit each;
        each.kind = kind;
        each.of = of;
        each.from = std::move(from);
        each.to = std::move(to);
        add_unit(std::move(each));
    }

    void notice_stores(const node_ref& of) {
        if (!of->mapped) { return; }
        const std::uint64_t blocks = blocks_of(of->size);
        for (std::uint64_t block = 0; block != blocks; ++block) {
            const std::byte* now = of->at(block * block_bytes);
            if (std::memcmp(now, of->seen.get(block).data, block_bytes) == 0) { continue; }
            unit each;
            each.kind = unit::what::block;
            each.of = of;
            each.block = block;
            each.content = store_.keep(now);
            of->seen.set(block, each.content);
            add_unit(std::move(each));
        }
    }

    void write(const node_ref& of, std::uint64_t offset, std::span<const std::byte> data,
               bool past_the_cache) {
        const std::uint64_t end = offset + data.size();
        if (end > file_bytes_max) { raise_os(ENOSPC, "writing beyond what a test may use"); }
        operation();
        if (data.empty()) { return; }
        std::memcpy(of->at(offset), data.data(), data.size());
        const std::uint64_t last = blocks_of(end);
        if (!recording_) {
            of->touch(offset / block_bytes, last);
            of->size = std::max(of->size, end);
            return;
        }
        if (end > of->size) { resize(of, end); }
        // The cache of a mapped file is written back by pages.
        const bool by_block = model_ == device_model::blocks || (of->mapped && !past_the_cache);
        for (std::uint64_t block = offset / block_bytes; block != last; ++block) {
            const std::uint64_t start = block * block_bytes;
            note_write(of, block, std::max(offset, start) - start,
                       std::min(end - start, block_bytes), by_block);
        }
    }
    void note_write(const node_ref& of, std::uint64_t block, std::uint64_t first, std::uint64_t end,
                    bool by_block) {
        const std::byte* now = of->at(block * block_bytes);
        const block_value before = of->seen.get(block);
        const block_value durable = of->durable.get(block);
        const auto differs = [&](const block_value& other, std::size_t at) {
            return std::memcmp(now + at, other.data + at, sector_bytes) != 0;
        };
        std::uint8_t changed = 0;
        for (unsigned sector = 0; sector != block_bytes / sector_bytes; ++sector) {
            const std::size_t at = sector * sector_bytes;
            // What a failed sync has lost is dirty again, even when the same bytes are written.
            if (differs(before, at) || (failed_ && differs(durable, at))) {
                changed = static_cast<std::uint8_t>(changed | 1U << sector);
            }
        }
        if (changed == 0) { return; }
        unit each;
        each.of = of;
        each.block = block;
        each.first = static_cast<std::uint16_t>(first);
        each.end = static_cast<std::uint16_t>(end);
        each.content = store_.keep(now);
        of->seen.set(block, each.content);
        if (by_block) {
            each.kind = unit::what::block;
            each.sectors = changed;
            return add_unit(std::move(each));
        }
        each.kind = unit::what::sector;
        for (unsigned sector = 0; sector != block_bytes / sector_bytes; ++sector) {
            each.sectors = static_cast<std::uint8_t>(changed & 1U << sector);
            if (each.sectors != 0) { add_unit(unit(each)); }
        }
    }

    void resize(const node_ref& of, std::uint64_t size) {
        if (size > file_bytes_max || (size > of->size && size - of->size > growth_bytes_max_)) {
            raise_os(ENOSPC, "growing beyond what a test may use");
        }
        if (size == of->size) { return; }
        const std::uint64_t before = std::exchange(of->size, size);
        if (size < before) {
            std::fill(of->at(size), of->at(before), std::byte{0});
            if (!recording_) { of->touch(size / block_bytes, blocks_of(before)); }
        }
        if (!recording_) { return; }
        unit each;
        each.kind = unit::what::size;
        each.of = of;
        each.size = size;
        add_unit(std::move(each));
        if (size < before) {
            of->seen.cut(blocks_of(size));
            if (size % block_bytes != 0) {
                of->seen.set(size / block_bytes,
                             store_.keep(of->at(size / block_bytes * block_bytes)));
            }
        }
    }

    void sync(const node_ref& of) {
        operation();
        fail_if_planned(of, 0, ~std::uint64_t{0});
        if (!recording_ || ignores_files_) { return; }
        make_certain(of, 0, ~std::uint64_t{0});
    }
    void sync(const node_ref& of, io::byte_range range) { sync(of, range, ignores_files_); }
    void flush(const node_ref& of, io::byte_range range) { sync(of, range, ignores_mappings_); }
    void sync(const node_ref& of, io::byte_range range, bool ignored) {
        operation();
        const std::uint64_t first = range.offset / block_bytes;
        const std::uint64_t end = blocks_of(range.offset + range.size);
        fail_if_planned(of, first, end);
        if (recording_ && !ignored) { make_certain(of, first, end); }
    }
    // A block that was lost in a failed write-back stays lost: the cache takes it for clean.
    void make_certain(const node_ref& of, std::uint64_t first, std::uint64_t end) {
        const auto covered = [&](const unit& each) {
            return each.of == of && (each.kind == unit::what::size ||
                                     (each.is_data() && each.block >= first && each.block < end));
        };
        for (const unit& each : pending_) {
            if (!covered(each)) { continue; }
            if (each.kind == unit::what::size) {
                if (each.size < of->durable.size) { of->durable.cut(blocks_of(each.size)); }
                of->durable.size = each.size;
            } else {
                of->durable.set(each.block, of->seen.get(each.block));
            }
        }
        drop_units(covered);
    }

    [[nodiscard]] static std::size_t read(const node& of, std::uint64_t offset,
                                          std::span<std::byte> out) {
        if (offset >= of.size) { return 0; }
        const std::size_t got = std::min<std::uint64_t>(out.size(), of.size - offset);
        std::memcpy(out.data(), of.at(offset), got);
        return got;
    }
    // Dirty blocks are written before they are read; of those that only look clean, the medium
    // has what it had.
    [[nodiscard]] std::size_t read_medium(const node_ref& of, std::uint64_t offset,
                                          std::span<std::byte> out) {
        const std::size_t got = read(*of, offset, out);
        if (!recording_ || !failed_) { return got; }
        notice_stores();
        for (std::uint64_t at = 0; at < got; at += block_bytes) {
            const std::uint64_t block = (offset + at) / block_bytes;
            const bool dirty = std::any_of(pending_.begin(), pending_.end(), [&](const unit& each) {
                return each.of == of && each.is_data() && each.block == block;
            });
            if (dirty) { continue; }
            std::memcpy(out.data() + at, of->durable.get(block).data,
                        std::min<std::uint64_t>(block_bytes, got - at));
        }
        return got;
    }

    void apply(const unit& each, const fate& chosen, std::uint64_t seed, file_image& image,
               block_store& scratch) const {
        if (each.kind == unit::what::size) {
            if (each.size < image.size) { image.cut(blocks_of(each.size)); }
            image.size = each.size;
            return;
        }
        if (each.sectors == 0xff && chosen.torn == 0) {
            return image.set(each.block, each.content);
        }
        std::array<std::byte, block_bytes> content;
        std::memcpy(content.data(), image.get(each.block).data, block_bytes);
        std::mt19937_64 random(seed);
        for (unsigned sector = 0; sector != block_bytes / sector_bytes; ++sector) {
            if ((each.sectors & 1U << sector) == 0) { continue; }
            const std::size_t from = sector * sector_bytes;
            if ((chosen.torn & 1U << sector) == 0) {
                std::memcpy(content.data() + from, each.content.data + from, sector_bytes);
            } else if (model_ == device_model::garbage) {
                const std::size_t end = std::min<std::size_t>(from + sector_bytes, each.end);
                for (std::size_t i = std::max<std::size_t>(from, each.first); i < end; ++i) {
                    content[i] = static_cast<std::byte>(random() & 0xff);
                }
            }
        }
        image.set(each.block, scratch.keep(content.data()));
    }
    static void apply(const unit& each, std::map<std::string, node_ref>& names) {
        if (each.kind != unit::what::create) {
            const auto found = names.find(each.from);
            if (found != names.end() && found->second == each.of) { names.erase(found); }
        }
        if (each.kind != unit::what::remove) { names[each.to] = each.of; }
    }
    // Nothing is behind the end of a file.
    static void clip(file_image& image, block_store& scratch) {
        image.cut(blocks_of(image.size));
        const std::uint64_t rest = image.size % block_bytes;
        if (rest == 0) { return; }
        std::array<std::byte, block_bytes> content{};
        std::memcpy(content.data(), image.get(image.size / block_bytes).data, rest);
        image.set(image.size / block_bytes, scratch.keep(content.data()));
    }

    std::mt19937_64 random_;
    bool recording_;
    device_model model_;
    io::capabilities offers_;
    std::chrono::microseconds clock_{0};
    std::map<std::string, node_ref> names_;
    std::map<std::string, node_ref> durable_names_;
    std::vector<node_ref> unnamed_;  // removed, perhaps still open
    std::vector<node_ref> spares_;
    std::vector<unit> pending_;
    block_store store_;
    std::function<void()> hook_;
    std::uint64_t growth_bytes_max_ = file_bytes_max;
    std::uint64_t operations_ = 0;
    std::uint64_t generation_ = 0;
    std::uint64_t syncs_ = 0;
    std::optional<std::uint64_t> fail_at_;
    sync_failure fail_kind_ = sync_failure::pending;
    bool failed_ = false;
    bool ignores_files_ = false;
    bool ignores_mappings_ = false;
    bool ignores_names_ = false;
};

class crash_disk::view final : public io::mapping {
public:
    view(crash_disk& disk, node_ref of, std::uint64_t bytes)
        : mapping(of->memory.base(), bytes, true), disk_(disk), node_(std::move(of)) {}

    void populate(io::byte_range range, bool for_write) override {
        if (range.offset + range.size > node_->size) {
            raise(errc::io, "a mapped range ends behind the file: it was cut");
        }
        if (for_write && !disk_.recording_) {
            node_->touch(range.offset / block_bytes, blocks_of(range.offset + range.size));
        }
    }
    void unmap(std::span<const io::byte_range>) override {}
    void resident(io::byte_range, std::vector<io::byte_range>& out) const override { out.clear(); }
    void flush(io::byte_range range) override { disk_.flush(node_, range); }
    void will_need(std::span<const io::byte_range>) override {}

private:
    crash_disk& disk_;
    node_ref node_;
};

class crash_disk::open_file final : public io::file {
public:
    open_file(crash_disk& disk, node_ref of) : disk_(disk), node_(std::move(of)) {}
    ~open_file() override {
        for (std::size_t i = 0; i != held_.size(); ++i) { unlock(static_cast<io::lock_byte>(i)); }
    }

    std::size_t read(std::uint64_t offset, std::span<std::byte> out) override {
        return crash_disk::read(*node_, offset, out);
    }
    std::size_t read_medium(std::uint64_t offset, std::span<std::byte> out) override {
        return disk_.read_medium(node_, offset, out);
    }
    void write(std::uint64_t offset, std::span<const std::byte> data) override {
        disk_.write(node_, offset, data, false);
    }
    void write_durably(std::uint64_t offset, std::span<const std::byte> data) override {
        disk_.write(node_, offset, data, true);
        disk_.sync(node_, {offset, data.size()});
    }
    void sync() override { disk_.sync(node_); }
    void grow(std::uint64_t size) override {
        disk_.operation();
        if (size > node_->size) { disk_.resize(node_, size); }
    }
    void truncate(std::uint64_t size) override {
        disk_.operation();
        disk_.resize(node_, size);
    }
    [[nodiscard]] std::uint64_t size() const override { return node_->size; }
    [[nodiscard]] bool try_lock(io::lock_byte byte, io::lock_mode mode) override {
        const auto i = static_cast<std::size_t>(byte);
        unlock(byte);
        if (node_->locked[i]) { return false; }
        if (mode == io::lock_mode::exclusive) {
            if (node_->locks_shared[i] != 0) { return false; }
            node_->locked[i] = true;
        } else {
            ++node_->locks_shared[i];
        }
        held_[i] = mode;
        return true;
    }
    void unlock(io::lock_byte byte) override {
        const auto i = static_cast<std::size_t>(byte);
        if (!held_[i]) { return; }
        if (*held_[i] == io::lock_mode::exclusive) {
            node_->locked[i] = false;
        } else {
            --node_->locks_shared[i];
        }
        held_[i].reset();
    }
    [[nodiscard]] std::unique_ptr<io::mapping> map(io::view_access access, std::uint64_t,
                                                   std::uint64_t bytes) override {
        if (bytes > file_bytes_max) { return nullptr; }
        if (access == io::view_access::write) { node_->mapped = true; }
        return std::make_unique<view>(disk_, node_, bytes);
    }
    void drop_cache(std::span<const io::byte_range>) override {}
    void start_write_back(io::byte_range) override { disk_.operation(); }
    void wait_write_back(io::byte_range) override { disk_.operation(); }
    [[nodiscard]] bool forked() const noexcept override { return false; }

private:
    crash_disk& disk_;
    node_ref node_;
    std::array<std::optional<io::lock_mode>, 3> held_;
};

inline std::unique_ptr<io::file> crash_disk::open(const std::string& path, io::open_mode mode) {
    if (mode != io::open_mode::create_new) {
        return std::make_unique<open_file>(*this, find(path)->second);
    }
    operation();
    if (names_.count(path) != 0) { raise_os(EEXIST, "creating " + path); }
    node_ref made = make_node();
    names_.emplace(path, made);
    note_name(unit::what::create, made, {}, path);
    return std::make_unique<open_file>(*this, std::move(made));
}

}  // namespace pinyon::test
