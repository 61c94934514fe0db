#include "pinyon/engine/database.hpp"

#include <utility>

#include "pinyon/engine/database_core.hpp"
#include "pinyon/mmap/memory_file.hpp"

namespace pinyon {

database::database(std::shared_ptr<database_core> core) noexcept : core_(std::move(core)) {}

database database::open(const std::string& path, const options& options) {
    return database(make_database_core(path, options, nullptr));
}

database database::in_memory(options options) {
    options.access = access_mode::create;
    return database(
        make_database_core("memory.pinyon", options, std::make_unique<io::memory_file_system>()));
}

read_transaction database::begin_read() const { return read_transaction(core_->begin_read()); }

write_transaction database::begin_write() const {
    return write_transaction(core_->begin_write(std::nullopt));
}

write_transaction database::begin_write(std::chrono::milliseconds timeout) const {
    auto core = core_->begin_write(timeout);
    if (!core) {
        raise(errc::busy, "another write transaction did not end within " +
                              std::to_string(timeout.count()) + " ms: try again, or wait longer");
    }
    return write_transaction(std::move(core));
}

std::optional<write_transaction> database::try_begin_write() const {
    auto core = core_->try_begin_write();
    if (!core) { return std::nullopt; }
    return write_transaction(std::move(core));
}

void database::wait_durable(std::uint64_t position) const { core_->wait_durable(position); }
std::uint64_t database::durable_position() const { return core_->durable_position(); }
void database::checkpoint() const { core_->checkpoint(); }
database_statistics database::statistics() const { return core_->statistics(); }
const std::string& database::path() const { return core_->path(); }
std::uint32_t database::page_bytes() const { return core_->page_bytes(); }
bool database::is_open() const noexcept { return core_->is_open(); }
void database::close() { core_->close(); }
void database::release_memory() const { core_->release_memory(); }

}  // namespace pinyon
