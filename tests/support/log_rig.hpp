// A log in memory, written by the real writer, with the metas that go with it, and the file system
// as a map of bytes, so that a test can put any log it likes before the reader.
#pragma once

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pinyon/engine/log_reader.hpp"
#include "pinyon/engine/log_writer.hpp"
#include "pinyon/mmap/memory_file.hpp"

namespace pinyon::test {

inline const std::string log_database = "place/base.pinyon";

// All files by name, with their bytes.
using log_image = std::map<std::string, std::vector<std::byte>>;

inline log_image image_of(io::file_system& files) {
    log_image image;
    for (const std::string& name : files.list(log_database)) {
        const std::string path = "place/" + name;
        const auto file = files.open(path, io::open_mode::read_only);
        std::vector<std::byte> content(static_cast<std::size_t>(file->size()));
        (void)file->read(0, content);
        image[path] = std::move(content);
    }
    return image;
}

inline std::unique_ptr<io::memory_file_system> files_of(const log_image& image) {
    auto files = std::make_unique<io::memory_file_system>();
    for (const auto& [path, content] : image) {
        files->open(path, io::open_mode::create_new)->write(0, content);
    }
    return files;
}

// Bytes that depend on the transaction, of a length that is no multiple of 8 as a rule.
inline std::vector<std::byte> log_payload(std::uint64_t transaction, std::size_t size) {
    std::vector<std::byte> payload(size);
    for (std::size_t i = 0; i != size; ++i) {
        payload[i] = static_cast<std::byte>((transaction * 131 + i * 7) % 251 + 1);
    }
    return payload;
}

struct written_batch {
    std::uint64_t transaction = 0;
    log_cut begin;
    log_cut end;
    std::string path;
    std::uint64_t offset = 0;  // of its header in the file
};

inline format::meta log_meta(std::uint64_t log_id, std::uint64_t first_segment, log_cut from,
                             std::uint64_t transaction, bool clean = false) {
    format::meta meta{};
    meta.magic = format::magic;
    meta.version = format::version;
    meta.uuid.fill(7);
    meta.transaction = transaction;
    meta.log_id = log_id;
    meta.log_position = from.position;
    meta.log_chain = from.chain;
    meta.log_first_segment = first_segment;
    meta.flags = clean ? format::meta_flag_clean : 0;
    return meta;
}

class log_rig {
public:
    explicit log_rig(io::file_system& files, std::uint64_t segment_bytes = 16384, log_cut from = {},
                     std::uint64_t last_sequence = 0)
        : from_(from) {
        log_origin origin;
        origin.database_path = log_database;
        origin.uuid.fill(7);
        origin.from = from;
        origin.last_sequence = last_sequence;
        origin.segment_bytes = segment_bytes;
        log = std::make_unique<log_writer>(files, origin);
    }

    // Appends the next transaction; durable or not.
    const written_batch& add(std::size_t payload_bytes, bool durable = true) {
        written_batch batch;
        batch.transaction = first_transaction + batches.size();
        batch.begin = log->end();
        const auto payload = log_payload(batch.transaction, payload_bytes);
        const std::uint64_t end =
            log->append(batch.transaction, static_cast<std::uint32_t>(payload_bytes), payload);
        batch.end = log->end();
        BOOST_REQUIRE_EQUAL(end, batch.end.position);
        if (durable) { log->wait_durable(end); }
        const std::uint64_t sequence = log->segment_of(batch.begin.position);
        if (!batches.empty() && sequence == sequence_) {
            batch.offset =
                batches.back().offset + (batch.begin.position - batches.back().begin.position);
        } else {
            batch.offset = format::segment_block_bytes;
        }
        sequence_ = sequence;
        batch.path = segment_name(log_database, sequence);
        batches.push_back(batch);
        return batches.back();
    }

    // The meta of the log's begin, or of a checkpoint after the first `count` batches.
    [[nodiscard]] format::meta meta(std::size_t count = 0, bool clean = false) const {
        const log_cut cut = count == 0 ? from_ : batches[count - 1].end;
        return log_meta(log->id(), log->first_segment(), cut, first_transaction - 1 + count, clean);
    }

    static constexpr std::uint64_t first_transaction = 101;
    std::unique_ptr<log_writer> log;
    std::vector<written_batch> batches;

private:
    log_cut from_;
    std::uint64_t sequence_ = 0;
};

inline log_reader reader_of(io::file_system& files, const format::meta& meta,
                            std::uint64_t floor = 0) {
    return {files, log_database, list_segments(files, log_database), meta, floor};
}

// Reads to the end and returns the number of batches, each judged against what was written.
inline std::size_t replay_count(log_reader& reader, const format::meta& meta) {
    std::size_t count = 0;
    while (const auto batch = reader.next()) {
        ++count;
        BOOST_REQUIRE_EQUAL(batch->transaction, meta.transaction + count);
        const auto expected = log_payload(batch->transaction, batch->payload.size());
        BOOST_REQUIRE(equal(batch->payload, expected));
        BOOST_REQUIRE_EQUAL(batch->operations, batch->payload.size());
        BOOST_REQUIRE_EQUAL(batch->end, reader.end().position);
        BOOST_REQUIRE_EQUAL(reader.transaction(), batch->transaction);
    }
    BOOST_REQUIRE(!reader.next());
    return count;
}

inline std::size_t replay_count(io::file_system& files, const format::meta& meta,
                                std::uint64_t floor = 0) {
    log_reader reader = reader_of(files, meta, floor);
    BOOST_REQUIRE(reader.verdict() == log_verdict::replay);
    return replay_count(reader, meta);
}

inline std::size_t replay_count(const log_image& image, const format::meta& meta,
                                std::uint64_t floor = 0) {
    const auto files = files_of(image);
    return replay_count(*files, meta, floor);
}

}  // namespace pinyon::test
