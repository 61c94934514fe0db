#include "pinyon/mmap/mapped_view.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/interprocess/mapped_region.hpp>
#include <cerrno>
#include <utility>

#include "pinyon/mmap/mutant.hpp"

namespace pinyon::io {

namespace {

namespace ipc = boost::interprocess;

// All that mapped_region wants of a file. Boost's own file_mapping would open a second descriptor.
struct mappable {
    int number;
    [[nodiscard]] ipc::mapping_handle_t get_mapping_handle() const noexcept {
        return {number, false};
    }
};

[[nodiscard]] ipc::mode_t mode_of(view_access access) noexcept {
    switch (access) {
        case view_access::write:
            return ipc::read_write;
        case view_access::read_private:
            return ipc::read_private;
        case view_access::read:
            break;
    }
    return ipc::read_only;
}

[[nodiscard]] std::string describe(byte_range range, const std::string& path) {
    return std::to_string(range.size) + " bytes at offset " + std::to_string(range.offset) +
           " of " + path;
}

class mapped_view final : public mapping {
public:
    mapped_view(view_origin origin, view_access access, std::uint64_t first,
                std::unique_ptr<ipc::mapped_region> region, bool faults_single_pages)
        : mapping(base_of(*region, first), first + region->get_size(), faults_single_pages),
          origin_(std::move(origin)),
          access_(access),
          first_(first),
          region_(std::move(region)) {}

    ~mapped_view() override {
        // The view is not in a forked child, where the same addresses may be in use for other
        // things.
        if (origin_.handle->forked()) { (void)region_.release(); }
    }

    void populate(byte_range range, bool for_write) override {
        check(range);
        if (for_write && access_ != view_access::write) {
            raise(errc::misuse, "mapping a read-only view of " + origin_.path + " for writing");
        }
        if (range.size == 0) { return; }
        const int failure = origin_.memory->populate(base(), range, for_write);
        if (failure == ENOTSUP) {
            read_through(range);
            touch_pages(at(range.offset), range.size, for_write);
        } else if (failure == ENOMEM) {
            raise_os(failure, "mapping " + describe(range, origin_.path));
        } else if (failure != 0) {
            raise_unreadable(range);
        }
    }

    void unmap(std::span<const byte_range> ranges) override {
        for (const byte_range& range : ranges) { check(range); }
        if (const int failure = origin_.memory->drop(base(), ranges)) {
            raise_os(failure, "unmapping pages of " + origin_.path);
        }
    }

    void resident(byte_range range, std::vector<byte_range>& out) const override {
        check(range);
        origin_.memory->resident(base(), range, out);
    }

    void flush(byte_range range) override {
        check(range);
        if (range.size == 0) {
            return;  // which mapped_region would take for the whole view
        }
        // Network and user-space file systems let a signal interrupt it.
        for (errno = 0; !region_->flush(range.offset - first_, range.size, mutant(3)); errno = 0) {
            if (errno == EINTR) { continue; }
            raise_os(errno != 0 ? errno : EIO, "flushing " + describe(range, origin_.path));
        }
    }

    void will_need(std::span<const byte_range> ranges) override {
        for (const byte_range& range : ranges) { check(range); }
        // Advice: what the kernel does not take is read when it is needed.
        (void)origin_.memory->will_need(base(), ranges);
    }

private:
    // Where offset 0 would be: perhaps below the region, so the sum is not one of pointers.
    [[nodiscard]] static std::byte* base_of(const ipc::mapped_region& region,
                                            std::uint64_t first) noexcept {
        return reinterpret_cast<std::byte*>(reinterpret_cast<std::uintptr_t>(region.get_address()) -
                                            first);
    }

    [[nodiscard]] std::byte* at(std::uint64_t offset) const noexcept {
        return static_cast<std::byte*>(region_->get_address()) + (offset - first_);
    }

    void check(byte_range range) const {
        if (origin_.handle->forked()) {
            raise(errc::misuse, "the view of " + origin_.path +
                                    " belongs to the parent process; open the file again");
        }
        if (!page_aligned(range.offset) || !page_aligned(range.size) || range.offset < first_ ||
            range.offset > bytes() || range.size > bytes() - range.offset) {
            raise(errc::misuse, "the view has no such range, or it is not of whole OS pages: " +
                                    describe(range, origin_.path));
        }
    }

    [[noreturn]] void raise_unreadable(byte_range range) const {
        raise(errc::io, "cannot bring in " + describe(range, origin_.path) +
                            ": the medium fails, or the file was cut by another program; copy what "
                            "can be read to another medium");
    }

    // The read that the touch would do, with its error as a value instead of a signal.
    void read_through(byte_range range) const {
        std::vector<std::byte> scratch(std::min<std::uint64_t>(range.size, 64 * os_page_bytes));
        std::uint64_t offset = range.offset;
        const std::uint64_t end = range.offset + range.size;
        while (offset < end) {
            const std::uint64_t wanted = std::min<std::uint64_t>(end - offset, scratch.size());
            const ssize_t got =
                ::pread(origin_.handle->get(), scratch.data(), wanted, static_cast<off_t>(offset));
            if (got < 0 && errno == EINTR) { continue; }
            // The last page of a file may be shorter than a page.
            if (got <= 0 && page_aligned(offset)) { raise_unreadable(range); }
            if (got <= 0) { offset += os_page_bytes - offset % os_page_bytes; }
            if (got > 0) { offset += static_cast<std::uint64_t>(got); }
        }
    }

    view_origin origin_;
    view_access access_;
    std::uint64_t first_;
    std::unique_ptr<ipc::mapped_region> region_;
};

}  // namespace

std::unique_ptr<mapping> map_view(view_origin origin, view_access access, std::uint64_t first,
                                  std::uint64_t bytes) {
    if (!page_aligned(first) || !page_aligned(bytes) || first >= bytes) {
        raise(errc::misuse,
              "a view needs offsets of whole OS pages: " + describe({first, bytes}, origin.path));
    }
    std::unique_ptr<ipc::mapped_region> region;
    try {
        region = std::make_unique<ipc::mapped_region>(
            mappable{origin.handle->get()}, mode_of(access), static_cast<ipc::offset_t>(first),
            static_cast<std::size_t>(bytes - first));
    } catch (const ipc::interprocess_exception& failure) {
        const int number = failure.get_native_error();
        // EOVERFLOW: offsets beyond what any file can have, beyond any address space, too.
        if (number == ENOMEM || number == EOVERFLOW) { return nullptr; }
        raise_os(number, "mapping " + origin.path);
    }
    const bool single =
        origin.memory->prepare(static_cast<std::byte*>(region->get_address()), region->get_size());
    return std::make_unique<mapped_view>(std::move(origin), access, first, std::move(region),
                                         single);
}

}  // namespace pinyon::io
