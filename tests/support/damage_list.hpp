// What may befall a golden file, as a list: each page zeroed, random, with one bit changed, in the
// place of another, older; cuts at every 512 bytes; the same for the segments of a log; and the
// work of forgers, who set the fields of headers to extremes and make every checksum right again.
//
// Threads: one at a time; the sample outlives the list. Failure: `apply` throws what it cannot do.
#pragma once

#include <functional>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "support/golden_samples.hpp"

namespace pinyon::test {

enum class damage_kind {
    page,  // bytes of the database file are other ones
    cut,   // the database file is shorter
    log,   // the log is damaged
    forged,
};

struct damage {
    std::string name;
    damage_kind kind{};
    std::vector<std::uint64_t> pages{};  // whose bytes it changes
    std::function<void(saved_files&)> apply{};
};

inline constexpr std::uint64_t cut_step = 512;

class damage_list {
public:
    damage_list(const golden_sample& sample, std::uint64_t seed)
        : sample_(sample), size_(sample.page_bytes), seed_(seed) {
        add_pages();
        add_cuts();
        add_log();
        add_meta_forgeries();
        add_node_forgeries();
        add_record_forgeries();
        add_image_forgeries();
        add_log_forgeries();
    }
    [[nodiscard]] std::vector<damage> take() { return std::move(all_); }

private:
    // --- accidents -------------------------------------------------------------------------------

    [[nodiscard]] bytes page(std::uint64_t number) const {
        return bytes(sample_.data().content).subspan(number * size_, size_);
    }
    void add_page(const char* what, std::uint64_t page, std::vector<std::byte> content) {
        if (same_bytes(content, this->page(page))) { return; }
        all_.push_back({"page " + std::to_string(page) + " " + what,
                        damage_kind::page,
                        {page},
                        [page, size = size_, content = std::move(content)](saved_files& files) {
                            files.at(sample_name).put(page * size, content.data(), content.size());
                        }});
    }
    [[nodiscard]] static std::vector<std::byte> copy(bytes of) { return {of.begin(), of.end()}; }

    void add_pages() {
        for (std::uint64_t number = 0; number < sample_.pages; ++number) {
            std::mt19937_64 random(seed_ * 1'000'003 + number);
            add_page("zero", number, std::vector<std::byte>(size_));
            std::vector<std::byte> content(size_);
            for (std::byte& each : content) { each = static_cast<std::byte>(random() & 0xff); }
            add_page("random", number, content);
            content = copy(page(number));
            content[random() % size_] ^= static_cast<std::byte>(1U << random() % 8);
            add_page("with one bit changed", number, content);
            add_swapped(number, random() % sample_.pages);
            add_older(number);
        }
    }
    void add_swapped(std::uint64_t one, std::uint64_t other) {
        if (same_bytes(page(one), page(other))) { return; }
        all_.push_back({"pages " + std::to_string(one) + " and " + std::to_string(other) +
                            " in each other's place",
                        damage_kind::page,
                        {one, other},
                        [=, size = size_](saved_files& files) {
                            saved_file& file = files.at(sample_name);
                            const auto begin = file.content.begin();
                            const auto place = [&](std::uint64_t page) {
                                return begin + static_cast<std::ptrdiff_t>(page * size);
                            };
                            std::swap_ranges(place(one), place(one + 1), place(other));
                        }});
    }
    // As it was; where it never was anything else, as it may have been: sound by itself.
    void add_older(std::uint64_t number) {
        if (const auto found = sample_.older.find(number); found != sample_.older.end()) {
            return add_page("as it was", number, copy(found->second));
        }
        std::vector<std::byte> content = copy(page(number));
        const page_seal& seal = sample_.forged->seal;
        format::page_header header = header_of(content.data());
        if (header.page != number || header.checksum != seal.of(number, content.data())) { return; }
        content.back() ^= std::byte{1};
        store(content.data(), seal.of(number, content.data()));
        add_page("as it may have been", number, std::move(content));
    }

    void add_cuts() {
        for (std::uint64_t to = 0; to < sample_.data().size; to += cut_step) {
            all_.push_back({"cut to " + std::to_string(to) + " bytes",
                            damage_kind::cut,
                            {to / size_},
                            [to](saved_files& files) { files.at(sample_name).cut(to); }});
        }
    }

    void add_segment(const std::string& name, const std::string& what,
                     std::function<void(saved_file&)> change) {
        all_.push_back(
            {name + " " + what,
             damage_kind::log,
             {},
             [name, change = std::move(change)](saved_files& files) { change(files.at(name)); }});
    }
    void add_log() {
        constexpr std::uint64_t block = format::segment_block_bytes;
        for (const auto& [name, file] : sample_.files) {
            if (name == sample_name) { continue; }
            std::mt19937_64 random(seed_ * 1'000'003 + file.size);
            for (std::uint64_t at = 0; at < file.size; at += block) {
                add_block(name, at, random());
                add_exchange(name, at, random() % (file.size / block) * block);
            }
            for (std::uint64_t to = 0; to < file.size; to += cut_step) {
                add_segment(name, "cut to " + std::to_string(to) + " bytes",
                            [to](saved_file& segment) { segment.cut(to); });
            }
            all_.push_back(
                {name + " gone", damage_kind::log, {}, [name = name](saved_files& files) {
                     files.erase(name);
                 }});
        }
    }
    void add_block(const std::string& name, std::uint64_t at, std::uint64_t seed) {
        constexpr std::uint64_t block = format::segment_block_bytes;
        const std::string place = "from " + std::to_string(at) + " on ";
        add_segment(name, place + "zero", [=](saved_file& segment) {
            for (std::uint64_t i = 0; i != block; ++i) { segment.set(at + i, std::byte{0}); }
        });
        add_segment(name, place + "random", [=](saved_file& segment) {
            std::mt19937_64 random(seed);
            for (std::uint64_t i = 0; i != block; ++i) {
                segment.set(at + i, static_cast<std::byte>(random() & 0xff));
            }
        });
        // Where batches stand there are more bytes to change than behind them.
        for (std::uint64_t i = 0; i != 8; ++i) {
            const std::uint64_t byte = at + (seed >> 8 * i) % (i < 4 ? block : 300);
            add_segment(name, "with one bit changed in byte " + std::to_string(byte),
                        [=](saved_file& segment) {
                            segment.set(byte, segment.at(byte) ^
                                                  static_cast<std::byte>(1U << (seed + i) % 8));
                        });
        }
    }
    void add_exchange(const std::string& name, std::uint64_t one, std::uint64_t other) {
        constexpr std::uint64_t block = format::segment_block_bytes;
        if (one == other) { return; }
        add_segment(name,
                    "with " + std::to_string(one) + " in the place of " + std::to_string(other),
                    [=](saved_file& segment) {
                        for (std::uint64_t i = 0; i != block; ++i) {
                            segment.set(other + i, segment.at(one + i));
                        }
                    });
    }

    // --- forgeries -------------------------------------------------------------------------------

    // A field of a struct.
    struct field {
        const char* name;
        std::size_t offset;
        std::size_t size;
    };

    [[nodiscard]] std::vector<std::uint64_t> extremes(std::size_t size) const {
        const std::uint64_t all =
            size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * size) - 1;
        std::vector<std::uint64_t> values{0, 1, 2, all, all - 1, all / 2, all / 2 + 1};
        if (size >= 2) { values.insert(values.end(), {size_, size_ - 1, size_ / 2, 0xff, 0x100}); }
        if (size >= 4) { values.insert(values.end(), {sample_.pages - 1, sample_.pages, 0xffff}); }
        if (size == 8) {
            values.insert(values.end(), {0xffffffff, format::page_number_max, format::count_max,
                                         format::count_max + 1});
        }
        return values;
    }
    static void set(std::byte* place, const field& which, std::uint64_t value) {
        std::memcpy(place + which.offset, &value, which.size);
    }
    // Calls `use(which, value)` for every extreme of every field.
    template <class Use>
    void each_extreme(std::span<const field> fields, Use&& use) const {
        for (const field& which : fields) {
            for (const std::uint64_t value : extremes(which.size)) { use(which, value); }
        }
    }
    // `change` is done to a copy of the file, then every checksum is made right.
    void add_forgery(const std::string& what, std::vector<std::uint64_t> pages,
                     std::function<void(forged_file&)> change, bool reseal = true) {
        all_.push_back(
            {what, damage_kind::forged, std::move(pages),
             [&sample = sample_, change = std::move(change), reseal](saved_files& files) {
                 forged_file file = *sample.forged;
                 change(file);
                 if (reseal) { file.reseal(); }
                 saved_file& data = files.at(sample_name);
                 data.size = file.content.size();
                 data.content = std::move(file.content);
             }});
    }
    [[nodiscard]] static std::string said(const field& which, std::uint64_t value) {
        return std::string(which.name) + " = " + std::to_string(value);
    }

#define PINYON_FIELD(type, member) \
    field { #member, offsetof(type, member), sizeof(type::member) }

    void add_meta_forgeries() {
        using format::meta;
        static constexpr field fields[] = {
            PINYON_FIELD(meta, magic),
            PINYON_FIELD(meta, version),
            PINYON_FIELD(meta, page_bytes),
            PINYON_FIELD(meta, incompatible_features),
            PINYON_FIELD(meta, compatible_features),
            {"uuid", offsetof(meta, uuid), 8},
            PINYON_FIELD(meta, sequence),
            PINYON_FIELD(meta, transaction),
            PINYON_FIELD(meta, catalog.page),
            PINYON_FIELD(meta, catalog.count),
            PINYON_FIELD(meta, catalog.checksum),
            PINYON_FIELD(meta, catalog.level),
            PINYON_FIELD(meta, page_count),
            PINYON_FIELD(meta, free_first),
            PINYON_FIELD(meta, free_pages),
            PINYON_FIELD(meta, free_bytes),
            PINYON_FIELD(meta, free_checksum),
            PINYON_FIELD(meta, log_id),
            PINYON_FIELD(meta, log_position),
            PINYON_FIELD(meta, log_chain),
            PINYON_FIELD(meta, log_first_segment),
            PINYON_FIELD(meta, flags),
            PINYON_FIELD(meta, next_tree),
            {"reserved", offsetof(meta, reserved), 8},
        };
        each_extreme(fields, [this](const field& which, std::uint64_t value) {
            // Both, and the newer one alone.
            for (const bool both : {true, false}) {
                add_forgery(
                    (both ? "metas: " : "newest meta: ") + said(which, value), {0, 1},
                    [=](forged_file& file) {
                        meta other = file.meta;
                        set(reinterpret_cast<std::byte*>(&other), which, value);
                        other.checksum = checksum_of(other);
                        store(file.content.data() + format::meta_offset[file.meta.sequence & 1],
                              other);
                        if (!both) { return; }
                        --other.sequence;
                        other.checksum = checksum_of(other);
                        store(file.content.data() + format::meta_offset[~file.meta.sequence & 1],
                              other);
                    },
                    false);
            }
        });
    }

    void add_node_forgeries() {
        using format::page_header;
        static constexpr field fields[] = {
            PINYON_FIELD(page_header, count),
            PINYON_FIELD(page_header, page),
            PINYON_FIELD(page_header, identity),
            PINYON_FIELD(page_header, born),
            PINYON_FIELD(page_header, lower),
            PINYON_FIELD(page_header, upper),
            PINYON_FIELD(page_header, garbage),
            PINYON_FIELD(page_header, fences),
            PINYON_FIELD(page_header, lower_fence_bytes),
            PINYON_FIELD(page_header, upper_fence_bytes),
            PINYON_FIELD(page_header, prefix_bytes),
            PINYON_FIELD(page_header, reserved),
        };
        for (const std::uint64_t number : nodes_to_forge()) {
            const std::string name = "page " + std::to_string(number) + ": ";
            each_extreme(fields, [&](const field& which, std::uint64_t value) {
                add_forgery(name + said(which, value), {number},
                            [=](forged_file& file) { set(file.page(number), which, value); });
            });
            add_word_forgeries(number, name);
        }
    }
    // What follows the header and what ends the page: columns, slots, children, records, fences.
    void add_word_forgeries(std::uint64_t number, const std::string& name) {
        std::mt19937_64 random(seed_ * 1'000'003 + number);
        for (unsigned i = 0; i != 40; ++i) {
            const std::size_t width = std::size_t{1} << random() % 4;
            const std::size_t room = i % 4 == 0 ? size_ : 256;
            std::size_t at = random() % (room - 48 - width) + 48;
            if (i % 2 == 0) { at = size_ - at + 48 - width; }
            const field which{"word", at, width};
            const auto values = extremes(width);
            const std::uint64_t value = values[random() % values.size()];
            add_forgery(name + std::to_string(width) + " bytes at " + std::to_string(at) + " = " +
                            std::to_string(value),
                        {number}, [=](forged_file& file) { set(file.page(number), which, value); });
        }
    }
    // Two nodes of each kind and level, of different trees where there are.
    [[nodiscard]] std::vector<std::uint64_t> nodes_to_forge() const {
        std::vector<std::uint64_t> chosen;
        std::set<std::uint64_t> seen;
        std::map<std::uint64_t, unsigned> alike;
        for (const std::uint64_t number : sample_.used) {
            const bytes content = page(number);
            const format::page_header header = header_of(content.data());
            if (sample_.is_meta(number) || header.page != number ||
                header.checksum != sample_.forged->seal.of(number, content.data()) ||
                !seen.insert(header.identity).second || ++alike[header.identity & 0xffff] > 2) {
                continue;
            }
            chosen.push_back(number);
        }
        return chosen;
    }

    void add_record_forgeries() {
        using format::catalog_record;
        static constexpr field fields[] = {
            PINYON_FIELD(catalog_record, root.page),
            PINYON_FIELD(catalog_record, root.count),
            PINYON_FIELD(catalog_record, root.level),
            PINYON_FIELD(catalog_record, tree),
            PINYON_FIELD(catalog_record, minimum_degree),
            PINYON_FIELD(catalog_record, key_bytes),
            PINYON_FIELD(catalog_record, value_bytes),
            PINYON_FIELD(catalog_record, value_alignment),
            PINYON_FIELD(catalog_record, layout),
            PINYON_FIELD(catalog_record, reserved0),
            PINYON_FIELD(catalog_record, flags),
            PINYON_FIELD(catalog_record, created),
            {"key_type", offsetof(catalog_record, key_type), 4},
            {"value_type", offsetof(catalog_record, value_type), 4},
            PINYON_FIELD(catalog_record, reserved1),
        };
        for (std::size_t i = 0; i < sample_.trees.size(); i += 1 + sample_.trees.size() / 6) {
            const std::string& tree = sample_.trees[i].name;
            const auto [leaf, at] = place_of_record(tree);
            if (leaf == 0) { continue; }
            each_extreme(
                fields, [&, number = leaf, offset = at](const field& which, std::uint64_t value) {
                    add_forgery(
                        "record of '" + tree + "': " + said(which, value), {number},
                        [=](forged_file& file) { set(file.page(number) + offset, which, value); });
                });
        }
    }
    // The leaf of the catalog, and the record's offset in it; zeros for a tree of the log alone.
    [[nodiscard]] std::pair<std::uint64_t, std::size_t> place_of_record(
        const std::string& tree) const {
        const node_schema schema = catalog_schema(sample_.page_bytes);
        for (const std::uint64_t number : sample_.used) {
            const std::byte* const place = page(number).data();
            if (sample_.is_meta(number) || header_of(place).page != number ||
                header_of(place).identity != schema.identity(0)) {
                continue;
            }
            const slotted_node leaf(place, schema);
            const search_result found = leaf.lower_bound(as_bytes(tree));
            if (found.equal) {
                return {number, static_cast<std::size_t>(leaf.value(found.index).data() - place)};
            }
        }
        return {0, 0};
    }

    void add_image_forgeries() {
        using format::free_image_header;
        static constexpr field fields[] = {
            PINYON_FIELD(free_image_header, free_runs),
            PINYON_FIELD(free_image_header, pending_runs),
            PINYON_FIELD(free_image_header, free_pages),
            PINYON_FIELD(free_image_header, pending_pages),
            PINYON_FIELD(free_image_header, bitmap_words),
            {"first word", sizeof(free_image_header), 8},
            {"second word", sizeof(free_image_header) + 8, 8},
            {"third word", sizeof(free_image_header) + 16, 8},
        };
        const std::uint64_t first = sample_.forged->meta.free_first;
        if (sample_.forged->meta.free_pages == 0) { return; }
        each_extreme(fields, [&](const field& which, std::uint64_t value) {
            add_forgery("free-space image: " + said(which, value), {first},
                        [=](forged_file& file) { set(file.page(first), which, value); });
        });
    }

    // Of the last segment, and of a batch that a replay needs.
    void add_log_forgeries() {
        if (sample_.history == nullptr) { return; }
        using format::batch_header;
        using format::segment_header;
        static constexpr field of_segment[] = {
            PINYON_FIELD(segment_header, magic),
            PINYON_FIELD(segment_header, version),
            {"uuid", offsetof(segment_header, uuid), 8},
            PINYON_FIELD(segment_header, log_id),
            PINYON_FIELD(segment_header, sequence),
            PINYON_FIELD(segment_header, position),
            PINYON_FIELD(segment_header, previous_end),
            PINYON_FIELD(segment_header, previous_sequence),
            PINYON_FIELD(segment_header, chain),
        };
        static constexpr field of_batch[] = {
            PINYON_FIELD(batch_header, magic),       PINYON_FIELD(batch_header, operations),
            PINYON_FIELD(batch_header, position),    PINYON_FIELD(batch_header, length),
            PINYON_FIELD(batch_header, transaction), PINYON_FIELD(batch_header, durable),
            PINYON_FIELD(batch_header, previous),
        };
        const forged_log log(sample_.files, sample_name);
        for (const logged_segment& segment : log.segments) {
            each_extreme(of_segment, [&](const field& which, std::uint64_t value) {
                segment_header header = segment.header;
                set(reinterpret_cast<std::byte*>(&header), which, value);
                header.checksum = checksum_of(header);
                add_log_forgery(segment.path + ": " + said(which, value), segment.path, 0, header);
            });
        }
        for (const logged_batch& batch : log.batches) {
            const logged_segment& segment = log.segments[batch.segment];
            each_extreme(of_batch, [&](const field& which, std::uint64_t value) {
                batch_header header = batch.header;
                set(reinterpret_cast<std::byte*>(&header), which, value);
                header.checksum = checksum_of(header, segment.header.log_id);
                add_log_forgery(segment.path + ", batch at " + std::to_string(batch.offset) + ": " +
                                    said(which, value),
                                segment.path, batch.offset, header);
            });
        }
    }
    template <class Header>
    void add_log_forgery(const std::string& what, const std::string& path, std::uint64_t at,
                         const Header& header) {
        all_.push_back({what, damage_kind::forged, {}, [path, at, header](saved_files& files) {
                            files.at(path).put(at, &header, sizeof header);
                        }});
    }

#undef PINYON_FIELD

    const golden_sample& sample_;
    std::uint64_t size_;
    std::uint64_t seed_;
    std::vector<damage> all_;
};

}  // namespace pinyon::test
