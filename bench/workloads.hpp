// What every store is measured by: each function does one kind of work on a store and returns the
// nanoseconds of one operation, with those of the slow ones where something is waited for: a
// lookup, a call with 64 keys, a transaction. Results are looked at: what is not as it must be is
// counted.
//
// Threads: one, but for get_by_threads and durable_commits.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <span>
#include <thread>
#include <vector>

#include "interleaved.hpp"
#include "key_set.hpp"
#include "probe.hpp"
#include "stores/store.hpp"

namespace pinyon::bench {

using clock_type = std::chrono::steady_clock;

struct work_plan {
    key_kind kind = key_kind::numbers;
    std::uint64_t entries = 1'000'000;
    double seconds = 0.25;  // for each measurement, where its length is free
    std::uint64_t* wrong = nullptr;
};

inline constexpr std::uint64_t entries_a_transaction = 1000;
inline constexpr std::size_t keys_a_draw = 1 << 15;

class stopwatch {
public:
    void start() noexcept { begin_ = clock_type::now(); }
    void stop(std::uint64_t operations) noexcept {
        seconds_ += std::chrono::duration<double>(clock_type::now() - begin_).count();
        operations_ += operations;
    }
    [[nodiscard]] double seconds() const noexcept { return seconds_; }
    [[nodiscard]] double nanoseconds() const noexcept {
        return seconds_ * 1e9 / static_cast<double>(operations_);
    }

private:
    clock_type::time_point begin_;
    double seconds_ = 0;
    std::uint64_t operations_ = 0;
};

// Seeds differ from call to call.
[[nodiscard]] inline std::uint64_t next_seed() {
    static std::atomic<std::uint64_t> seed{0};
    return ++seed;
}

// Indices of `count` keys, anew each time; [first, first + entries).
class draw {
public:
    draw(std::uint64_t entries, std::uint64_t first = 0)
        : random_(next_seed()), entries_(entries), first_(first) {}
    [[nodiscard]] const std::vector<std::uint64_t>& next(std::size_t count = keys_a_draw) {
        indices_.resize(count);
        for (std::uint64_t& index : indices_) { index = first_ + random_.below(entries_); }
        return indices_;
    }

private:
    random_numbers random_;
    std::uint64_t entries_;
    std::uint64_t first_;
    std::vector<std::uint64_t> indices_;
};

[[nodiscard]] inline figure figure_of(const probe& times) {
    return {times.nanoseconds(), times.times().facts()};
}

// Repeats batch(indices, keys) on random present keys until the time is over; and once more with so
// many keys `at_once`, the clock read between them, which would slow the fast ones down.
template <class Key, class Batch>
[[nodiscard]] figure repeat(const work_plan& plan, std::uint64_t first, std::size_t at_once,
                            Batch&& batch) {
    draw keys(plan.entries, first);
    stopwatch watch;
    while (watch.seconds() < plan.seconds) {
        const std::vector<std::uint64_t>& indices = keys.next();
        const drawn_keys<Key> drawn(plan.kind, indices);
        watch.start();
        watch.stop(batch(std::span(indices), drawn.all()));
    }
    const std::vector<std::uint64_t>& indices = keys.next();
    const drawn_keys<Key> drawn(plan.kind, indices);
    probe times(0);
    for (std::size_t i = 0; i < indices.size(); i += at_once) {
        times.begin();
        times.end(batch(std::span(indices).subspan(i, at_once), drawn.all().subspan(i, at_once)));
    }
    return {watch.nanoseconds(), times.times().facts()};
}

// --- reading -------------------------------------------------------------------------------------

template <store S>
[[nodiscard]] figure get(S& from, const work_plan& plan) {
    using key_type = typename S::key_type;
    typename S::reader reader(from);
    return repeat<key_type>(plan, 0, 1, [&](const auto& indices, const auto& keys) {
        for (std::size_t i = 0; i < keys.size(); ++i) {
            bool right = false;
            reader.get(keys[i], [&](const key_type&, std::string_view value) {
                right = value_of::index(value) == indices[i];
            });
            *plan.wrong += right ? 0 : 1;
        }
        return keys.size();
    });
}

template <store S>
[[nodiscard]] figure get_absent(S& from, const work_plan& plan) {
    using key_type = typename S::key_type;
    typename S::reader reader(from);
    return repeat<key_type>(plan, plan.entries, 1, [&](const auto&, const auto& keys) {
        for (const key_type& key : keys) {
            *plan.wrong += reader.get(key, [](const key_type&, std::string_view) {}) ? 1 : 0;
        }
        return keys.size();
    });
}

// The same by so many threads, each with one transaction: nanoseconds of a lookup, all together.
template <store S>
[[nodiscard]] double get_by_threads(S& from, const work_plan& plan, unsigned threads) {
    std::vector<std::uint64_t> wrong(threads);
    std::vector<double> rates(threads);  // lookups a nanosecond
    std::vector<std::thread> running;
    for (unsigned thread = 0; thread != threads; ++thread) {
        running.emplace_back([&, thread] {
            S mine = from.connect();
            work_plan own = plan;
            own.wrong = &wrong[thread];
            rates[thread] = 1 / get(mine, own).value;
        });
    }
    for (std::thread& each : running) { each.join(); }
    *plan.wrong += std::accumulate(wrong.begin(), wrong.end(), std::uint64_t{0});
    return 1 / std::accumulate(rates.begin(), rates.end(), 0.0);
}

// A transaction for each.
template <store S>
[[nodiscard]] figure get_alone(S& from, const work_plan& plan) {
    using key_type = typename S::key_type;
    return repeat<key_type>(plan, 0, 1, [&](const auto& indices, const auto& keys) {
        for (std::size_t i = 0; i < keys.size(); ++i) {
            bool right = false;
            typename S::reader reader(from);
            reader.get(keys[i], [&](const key_type&, std::string_view value) {
                right = value_of::index(value) == indices[i];
            });
            *plan.wrong += right ? 0 : 1;
        }
        return keys.size();
    });
}

// 64 keys a call, where the store has such a call.
template <store S>
[[nodiscard]] figure get_many(S& from, const work_plan& plan) {
    constexpr std::size_t keys_a_call = 64;
    typename S::reader reader(from);
    return repeat<typename S::key_type>(
        plan, 0, keys_a_call, [&](const auto& indices, const auto& keys) {
            for (std::size_t first = 0; first < keys.size(); first += keys_a_call) {
                std::uint64_t right = 0;
                reader.get_many(keys.subspan(first, keys_a_call),
                                [&](std::size_t i, std::string_view value) {
                                    right += value_of::index(value) == indices[first + i] ? 1 : 0;
                                });
                *plan.wrong += keys_a_call - right;
            }
            return keys.size();
        });
}

// Every entry; that each was seen once shows in the sum of their values.
template <store S>
[[nodiscard]] double scan(S& from, const work_plan& plan) {
    using key_type = typename S::key_type;
    typename S::reader reader(from);
    stopwatch watch;
    while (watch.seconds() < plan.seconds) {
        std::uint64_t sum = 0;
        watch.start();
        const std::uint64_t seen = reader.scan(
            [&](const key_type&, std::string_view value) { sum += value_of::index(value); });
        watch.stop(seen);
        *plan.wrong += seen == plan.entries ? 0 : 1;
        *plan.wrong += sum == plan.entries * (plan.entries - 1) / 2 ? 0 : 1;
    }
    return watch.nanoseconds();
}

// From a present key the 100 entries that follow.
template <store S>
[[nodiscard]] figure seek(S& from, const work_plan& plan) {
    using key_type = typename S::key_type;
    constexpr std::uint64_t entries = 100;
    typename S::reader reader(from);
    draw keys(plan.entries);
    probe times(0);
    while (times.seconds() < plan.seconds) {
        const std::vector<std::uint64_t>& indices = keys.next(1024);
        const drawn_keys<key_type> drawn(plan.kind, indices);
        for (std::size_t i = 0; i < indices.size(); ++i) {
            bool first = true;
            std::uint64_t sum = 0;
            times.begin();
            const std::uint64_t seen =
                reader.scan(drawn.all()[i], entries, [&](const key_type&, std::string_view value) {
                    const std::uint64_t index = value_of::index(value);
                    if (std::exchange(first, false)) { *plan.wrong += index == indices[i] ? 0 : 1; }
                    sum += index;
                });
            times.end(1);
            *plan.wrong += seen == 0 || seen > entries || sum == 0 ? 1 : 0;
        }
    }
    return figure_of(times);
}

// --- writing -------------------------------------------------------------------------------------

// change(writer, key, index) for each, so many a transaction; `times` sees the transactions.
template <store S, class Change>
void in_transactions(S& to, key_kind kind, const std::vector<std::uint64_t>& indices,
                     std::uint64_t a_transaction, probe& times, Change&& change) {
    const drawn_keys<typename S::key_type> keys(kind, indices);
    for (std::size_t done = 0; done < indices.size();) {
        const std::size_t begin = done;
        const std::size_t end = std::min<std::size_t>(begin + a_transaction, indices.size());
        times.begin();
        typename S::writer writer(to);
        for (; done < end; ++done) { change(writer, keys.all()[done], indices[done]); }
        writer.commit();
        times.end(end - begin);
    }
}

// All keys into an empty store, in this order; by default in that of their numbers, which is random
// to the store.
template <store S>
[[nodiscard]] figure fill(S& to, const work_plan& plan,
                          const std::vector<std::uint64_t>& order = {}) {
    probe times(0);
    std::vector<std::uint64_t> indices;
    for (std::uint64_t done = 0; done < plan.entries; done += indices.size()) {
        indices.resize(std::min<std::uint64_t>(plan.entries - done, std::uint64_t{1} << 16));
        if (order.empty()) {
            std::iota(indices.begin(), indices.end(), done);
        } else {
            std::copy_n(order.begin() + static_cast<std::ptrdiff_t>(done), indices.size(),
                        indices.begin());
        }
        in_transactions(to, plan.kind, indices, entries_a_transaction, times,
                        [](auto& writer, const auto& key, std::uint64_t index) {
                            writer.put(key, value_of(index).view());
                        });
    }
    return figure_of(times);
}

template <store S>
[[nodiscard]] figure update(S& to, const work_plan& plan, std::uint64_t a_transaction) {
    draw keys(plan.entries);
    probe times(0);
    while (times.seconds() < plan.seconds) {
        in_transactions(to, plan.kind, keys.next(), a_transaction, times,
                        [](auto& writer, const auto& key, std::uint64_t index) {
                            writer.put(key, value_of(index).view());
                        });
    }
    return figure_of(times);
}

// Different keys that are there; they are put back, untimed.
template <store S>
[[nodiscard]] figure erase(S& from, const work_plan& plan, std::uint64_t a_transaction) {
    probe times(0);
    probe untimed(0);
    std::vector<std::uint64_t> indices(std::min<std::uint64_t>(plan.entries / 2, keys_a_draw));
    while (times.seconds() < plan.seconds) {
        const std::uint64_t first =
            random_numbers(next_seed()).below(plan.entries - indices.size() + 1);
        std::iota(indices.begin(), indices.end(), first);
        in_transactions(from, plan.kind, indices, a_transaction, times,
                        [&](auto& writer, const auto& key, std::uint64_t) {
                            *plan.wrong += writer.erase(key) ? 0 : 1;
                        });
        in_transactions(from, plan.kind, indices, entries_a_transaction, untimed,
                        [](auto& writer, const auto& key, std::uint64_t index) {
                            writer.put(key, value_of(index).view());
                        });
    }
    return figure_of(times);
}

// Indices of all keys by ascending key.
template <class Key>
[[nodiscard]] std::vector<std::uint64_t> sorted_indices(const work_plan& plan) {
    std::vector<std::uint64_t> result(plan.entries);
    std::iota(result.begin(), result.end(), std::uint64_t{0});
    const drawn_keys<Key> keys(plan.kind, result);
    std::sort(result.begin(), result.end(), [&keys](std::uint64_t left, std::uint64_t right) {
        return keys.all()[left] < keys.all()[right];
    });
    return result;
}

// Nanoseconds of a commit of one put, all threads together. REQUIRES: `to` commits safely.
template <store S>
[[nodiscard]] figure durable_commits(S& to, unsigned threads, std::uint64_t entries,
                                     double seconds) {
    using key_type = typename S::key_type;
    std::atomic<bool> stop{false};
    std::vector<probe> times(threads, probe(0));
    std::vector<std::thread> running;
    const clock_type::time_point begin = clock_type::now();
    for (unsigned thread = 0; thread < threads; ++thread) {
        running.emplace_back([&, &own = times[thread], seed = next_seed()] {
            S mine = to.connect();
            random_numbers random(seed);
            while (!stop.load(std::memory_order_relaxed)) {
                const std::uint64_t index = random.below(entries);
                const drawn_keys<key_type> key(key_kind::numbers, {index});
                own.begin();
                typename S::writer writer(mine);
                writer.put(key.all().front(), value_of(index).view());
                writer.commit();
                own.end(1);
            }
        });
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    stop = true;
    for (std::thread& thread : running) { thread.join(); }
    const double passed = std::chrono::duration<double>(clock_type::now() - begin).count();
    for (unsigned thread = 1; thread < threads; ++thread) { times[0].add(times[thread]); }
    return {passed * 1e9 / static_cast<double>(times[0].operations()), times[0].times().facts()};
}

// All keys into an empty store in ascending order, by its cheapest way, in one transaction.
template <store S>
[[nodiscard]] double load(S& to, const work_plan& plan, const std::vector<std::uint64_t>& sorted) {
    using key_type = typename S::key_type;
    const drawn_keys<key_type> keys(plan.kind, sorted);
    stopwatch watch;
    watch.start();
    typename S::writer writer(to);
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        writer.append(keys.all()[i], value_of(sorted[i]).view());
    }
    writer.commit();
    watch.stop(sorted.size());
    return watch.nanoseconds();
}

}  // namespace pinyon::bench
