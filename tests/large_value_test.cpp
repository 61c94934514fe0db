// Values of the sizes that are promised: 1 GiB as a stream, both ways, through a pool of 2 MiB; 10
// MiB as one view. On a real file.
#define BOOST_TEST_MODULE large_value
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "pinyon/pinyon.hpp"
#include "support/bytes_of.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace pinyon;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t gib = std::uint64_t{1} << 30;

[[nodiscard]] options pool_of(std::uint64_t bytes) {
    options how;
    how.pool_bytes = bytes;
    return how;
}

// A mebibyte whose bytes depend on its place, cheap to make: one pattern, its number in front.
[[nodiscard]] std::vector<std::byte> piece(std::uint64_t number) {
    static const std::vector<std::byte> common = test::pattern(mib, 5);
    std::vector<std::byte> result = common;
    std::memcpy(result.data(), &number, sizeof number);
    return result;
}

BOOST_AUTO_TEST_CASE(a_gibibyte_as_a_stream) {
    const test::temporary_directory folder;
    {
        const database db = database::open(folder / "a.pinyon", pool_of(2 * mib));
        db.update([](write_transaction& tx) {
            auto tree = tx.open_raw("t");
            auto writer = tree.put_stream(as_bytes("large"), gib);
            for (std::uint64_t i = 0; i < gib / mib; ++i) { writer.write(piece(i)); }
            writer.finish();
        });
        BOOST_TEST(db.statistics().pool.frames_peak <= db.statistics().pool.frames_max);
    }
    const database db = database::open(folder / "a.pinyon", pool_of(2 * mib));
    const auto tx = db.begin_read();
    const auto tree = tx.open_raw("t");
    auto reader = tree.get_stream(as_bytes("large"));
    BOOST_REQUIRE(reader.has_value());
    BOOST_TEST(reader->length() == gib);
    std::vector<std::byte> read(mib);
    for (std::uint64_t i = 0; i < gib / mib; ++i) {
        BOOST_REQUIRE(reader->read(read) == mib);
        BOOST_REQUIRE((read == piece(i)));
    }
    BOOST_TEST(reader->read(read) == 0U);
    BOOST_TEST(db.statistics().pool.frames_peak <= db.statistics().pool.frames_max);
    BOOST_CHECK_EXCEPTION((void)tree.get(as_bytes("large")), error, [](const error& failure) {
        return failure.kind() == errc::value_too_long;
    });
}

BOOST_AUTO_TEST_CASE(ten_mebibytes_as_one_view) {
    const test::temporary_directory folder;
    const std::vector<std::byte> value = test::pattern(10 * mib, 9);
    const database db = database::open(folder / "a.pinyon", pool_of(32 * mib));
    db.update([&](write_transaction& tx) { tx.open_raw("t").put(as_bytes("large"), value); });
    const auto tx = db.begin_read();
    const auto view = tx.open_raw("t").get(as_bytes("large"));
    BOOST_REQUIRE(view.has_value());
    BOOST_TEST(equal(*view, value));
}

}  // namespace
