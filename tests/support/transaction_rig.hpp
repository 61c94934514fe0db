// A file in memory and the transactions of it, below the database: what a transaction records can
// be looked at, and done again in another file.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pinyon/engine/check.hpp"
#include "pinyon/engine/database_core.hpp"
#include "pinyon/engine/meta.hpp"
#include "pinyon/engine/raw_tree.hpp"
#include "pinyon/engine/transaction_core.hpp"
#include "pinyon/engine/value_stream.hpp"
#include "pinyon/mmap/buffer_pool.hpp"
#include "pinyon/mmap/memory_file.hpp"

namespace pinyon::test {

class transaction_rig {
public:
    // A tree as the catalog has it, and all of its entries.
    struct tree_content {
        std::uint32_t number = 0;
        std::uint64_t created = 0;
        std::uint32_t minimum_degree = 0;
        tree_types types;
        std::map<std::string, std::string> entries;
        friend bool operator==(const tree_content&, const tree_content&) = default;
    };
    using content = std::map<std::string, tree_content>;

    explicit transaction_rig(std::uint32_t page_bytes = 4096,
                             std::uint64_t pool_bytes = std::uint64_t{8} << 20) {
        create_database_file(files_, path, page_bytes);
        file_ = files_.open(path, io::open_mode::read_write);
        meta_ = read_metas(*file_, path).current();
        store_ = std::make_unique<page_store>(*file_, seed_of(meta_.uuid), page_bytes);
        io::pool_options options;
        options.budget_bytes = pool_bytes;
        source_ = io::make_buffer_pool(*file_, files_, *store_, page_bytes, options);
        store_->attach(*source_, meta_.page_count, meta_.transaction);
    }

    [[nodiscard]] std::shared_ptr<transaction_core> begin(operation_buffer* log = nullptr) {
        const std::uint64_t kept[] = {meta_.transaction};
        store_->begin(meta_.transaction + 1, kept);
        auto core = std::make_shared<transaction_core>(nullptr, *store_, published(),
                                                       meta_.transaction + 1, true);
        core->record_into(log);
        return core;
    }
    // Also writes the free-space image and both metas.
    void commit(transaction_core& core) {
        core.enter_commit();
        if (!core.seal()) { return abort(core); }
        write_image();
        source_->flush();
        meta_.transaction = core.id();
        meta_.catalog = core.catalog_root();
        meta_.next_tree = core.next_tree();
        meta_.page_count = store_->space().page_count();
        for (unsigned slot = 0; slot < 2; ++slot) {
            ++meta_.sequence;
            write_meta(*file_, meta_);
        }
        store_->freeze();
        store_->commit();
        core.end();
    }
    void abort(transaction_core& core) {
        store_->abort();
        core.end();
    }

    [[nodiscard]] std::uint64_t last_transaction() const { return meta_.transaction; }

    // Of the last commit, from the file.
    [[nodiscard]] content read() {
        source_->evict_all();
        content all;
        const auto core = std::make_shared<transaction_core>(nullptr, *store_, published(),
                                                             meta_.transaction, false);
        for (const auto& [name, record] : core->list()) {
            tree_content& to = all[name];
            to = {record.tree, record.created, record.minimum_degree, types_of(record), {}};
            const raw_tree tree(core, core->open(name));
            raw_cursor cursor = tree.cursor();
            for (cursor.first(); cursor.valid(); cursor.next()) {
                value_reader reader = *tree.get_stream(cursor.key());
                std::string value(reader.length(), '\0');
                reader.read(std::as_writable_bytes(std::span(value.data(), value.size())));
                to.entries.emplace(std::string(as_text(cursor.key())), std::move(value));
            }
        }
        core->end();
        return all;
    }

    // Fails the test for each thing that the checker finds in the last commit.
    void require_sound() {
        check_options how;
        how.files = &files_;
        const check_summary summary = check(path, how, [](const finding& found) {
            BOOST_TEST(false, name(found.kind) << ", tree '" << found.tree << "': " << found.text);
        });
        BOOST_TEST(summary.complete);
        BOOST_TEST(summary.lost_pages == 0U);
    }

private:
    [[nodiscard]] published_state published() const {
        return {meta_.transaction, meta_.catalog, meta_.page_count, meta_.next_tree};
    }

    void write_image() {
        constexpr std::uint64_t spare_runs = 4;  // that taking and returning runs may add
        const std::uint64_t page_bytes = store_->page_bytes();
        const std::uint64_t bound = store_->space().image_bytes(spare_runs);
        const io::page_run run = store_->allocate_run((bound + page_bytes - 1) / page_bytes);
        if (meta_.free_pages != 0) {
            store_->retire_run({meta_.free_first, meta_.free_pages}, meta_.transaction);
        }
        std::vector<std::byte> image = store_->space().save();
        meta_.free_first = run.first;
        meta_.free_pages = run.count;
        meta_.free_bytes = image.size();
        meta_.free_checksum = store_->seal().of_image(run.first, image);
        image.resize(run.count * page_bytes);
        file_->write(run.first * page_bytes, image);
        store_->wrote(run);
    }

    static constexpr const char* path = "rig.pinyon";
    io::memory_file_system files_;
    std::unique_ptr<io::file> file_;
    format::meta meta_{};
    std::unique_ptr<page_store> store_;
    std::unique_ptr<io::page_source> source_;
};

}  // namespace pinyon::test
