// The registry of snapshots: what readers get, what the writer sees of them, and that no reader
// slips between publishing and looking.
#define BOOST_TEST_MODULE snapshot
#include "pinyon/engine/snapshot.hpp"

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>
#include <vector>

namespace {

using pinyon::published_state;
using pinyon::snapshot_registry;

[[nodiscard]] published_state state_number(std::uint64_t id) {
    return {id,
            {id * 3, id * 5, static_cast<std::uint32_t>(id * 7), 1},
            id * 11,
            static_cast<std::uint32_t>(id)};
}

[[nodiscard]] bool is_whole(const published_state& state) {
    const published_state expected = state_number(state.transaction);
    return state.catalog.page == expected.catalog.page &&
           state.catalog.count == expected.catalog.count &&
           state.catalog.checksum == expected.catalog.checksum &&
           state.page_count == expected.page_count && state.next_tree == expected.next_tree;
}

BOOST_AUTO_TEST_CASE(a_reader_gets_the_newest_state_and_is_seen) {
    snapshot_registry registry;
    registry.publish(state_number(1));
    registry.publish(state_number(2));
    published_state state;
    auto& slot = registry.acquire(state);
    BOOST_TEST(state.transaction == 2U);
    BOOST_TEST(is_whole(state));
    std::vector<std::uint64_t> held;
    registry.held(held);
    BOOST_TEST(held == std::vector<std::uint64_t>{2});
    BOOST_TEST(registry.readers() == 1U);
    snapshot_registry::release(slot);
    BOOST_TEST(registry.readers() == 0U);
}

BOOST_AUTO_TEST_CASE(more_readers_than_one_chunk_holds) {
    snapshot_registry registry;
    registry.publish(state_number(1));
    std::vector<snapshot_registry::slot*> slots;
    for (int i = 0; i < 1000; ++i) {
        published_state state;
        slots.push_back(&registry.acquire(state));
    }
    BOOST_TEST(registry.readers() == 1000U);
    std::sort(slots.begin(), slots.end());
    BOOST_TEST((std::adjacent_find(slots.begin(), slots.end()) == slots.end()));
    for (auto* slot : slots) { snapshot_registry::release(*slot); }
    BOOST_TEST(registry.readers() == 0U);
}

// The writer reuses what no slot holds. A reader that found state s published after storing s must
// be seen by a writer that looks after publishing s + 1: `reclaimed` stands for pages the writer
// would overwrite.
BOOST_AUTO_TEST_CASE(no_reader_is_missed_between_publishing_and_looking) {
    snapshot_registry registry;
    registry.publish(state_number(1));
    std::atomic<std::uint64_t> reclaimed{0};
    std::atomic<bool> stop{false};
    std::atomic<int> violations{0};
    std::atomic<int> torn{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i) {
        readers.emplace_back([&] {
            while (!stop.load()) {
                published_state state;
                auto& slot = registry.acquire(state);
                torn += is_whole(state) ? 0 : 1;
                violations += reclaimed.load() >= state.transaction ? 1 : 0;
                snapshot_registry::release(slot);
            }
        });
    }
    for (std::uint64_t id = 2; id < 20000; ++id) {
        registry.publish(state_number(id));
        std::vector<std::uint64_t> held{id};
        registry.held(held);
        reclaimed.store(*std::min_element(held.begin(), held.end()) - 1);
    }
    stop.store(true);
    for (auto& reader : readers) { reader.join(); }
    BOOST_TEST(violations.load() == 0);
    BOOST_TEST(torn.load() == 0);
}

}  // namespace
