// Stores against each other: what is filled before it is measured, the work on it in rounds, and
// who was fastest.
#pragma once

#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "interleaved.hpp"
#include "progress.hpp"
#include "resources.hpp"
#include "results_file.hpp"
#include "stores/all.hpp"
#include "workloads.hpp"

namespace pinyon::bench {

// What stores take of memory and device when they are filled and read once.
class footprints {
public:
    void add(const std::string& store, std::uint64_t resident_bytes, std::uint64_t disk_bytes) {
        all_.push_back({store, resident_bytes, disk_bytes});
    }

    void report(const std::string& name, results_file& results) const {
        if (all_.empty()) { return; }
        constexpr double mib = 1 << 20;
        std::printf("\n%s: filled, and read once\n%-44s %12s %12s\n", name.c_str(), "MiB",
                    "resident", "disk");
        nlohmann::ordered_json facts;
        for (const footprint& each : all_) {
            std::printf("%-44s %12.1f %12.1f\n", each.store.c_str(),
                        static_cast<double>(each.resident_bytes) / mib,
                        static_cast<double>(each.disk_bytes) / mib);
            facts[each.store] = {{"resident_bytes", each.resident_bytes},
                                 {"disk_bytes", each.disk_bytes}};
        }
        results.note("footprint, " + name, facts);
    }

private:
    struct footprint {
        std::string store;
        std::uint64_t resident_bytes;
        std::uint64_t disk_bytes;
    };
    std::vector<footprint> all_;
};

// A store that is filled, and read once, when it is first used.
template <class S>
class filled_store {
public:
    filled_store(std::string name, const store_options& how, const work_plan& plan,
                 footprints* table = nullptr)
        : name_(std::move(name)), how_(how), plan_(plan), table_(table) {}
    [[nodiscard]] S& get() {
        if (!store_) {
            progress("filling " + name_);
            ::malloc_trim(0);  // what others gave back is not this one's
            const std::uint64_t before = resident_bytes();
            store_ = std::make_unique<S>(how_);
            (void)fill(*store_, plan_);
            // All of it is in memory, and verified where a store does that, before time is taken.
            typename S::reader reader(*store_);
            (void)reader.scan([](const auto&, std::string_view) {});
            if (table_ != nullptr) {
                table_->add(name_, std::max(resident_bytes(), before) - before,
                            disk_bytes_of(how_.path));
            }
        }
        return *store_;
    }

private:
    std::string name_;
    store_options how_;
    const work_plan& plan_;
    footprints* table_;
    std::unique_ptr<S> store_;
};

// Name, version and settings of the stores, for readers of the table and of the file.
template <class Key>
void describe_stores(results_file& results, const std::string& only = {}) {
    for_each_store<Key>([&]<class S>(std::type_identity<S>, const char* name) {
        if (!only.empty() && only != name) { return; }
        std::printf("  %-12s %s\n", name, S::describe().c_str());
        results.note(name, S::describe());
    });
}

// The fastest of these by its median; empty: none was measured.
[[nodiscard]] inline std::string best_of(const interleaved& times,
                                         const std::vector<std::string>& names,
                                         const std::string& suffix = {}) {
    std::string best;
    for (const std::string& name : names) {
        const std::string each = name + suffix;
        if (times.has(each) && (best.empty() || times.median(each) < times.median(best))) {
            best = each;
        }
    }
    return best;
}

// Kinds of work, in the order in which they came, each with its contestants.
class works {
public:
    // Beside its time, what a measurement takes of the machine is noted.
    void add(const std::string& work, const std::string& name,
             const std::function<figure()>& measure) {
        (*this)[work].add(name, [measure] {
            const resources before = resources::now();
            figure result = measure();
            result.facts.merge(resources::now().since(before).facts());
            return result;
        });
    }
    [[nodiscard]] interleaved& operator[](const std::string& work) {
        for (auto& [name, contestants] : all_) {
            if (name == work) { return contestants; }
        }
        return all_.emplace_back(work, interleaved()).second;
    }
    // Null when it was not measured.
    [[nodiscard]] const interleaved* find(const std::string& work) const {
        for (const auto& [name, contestants] : all_) {
            if (name == work) { return &contestants; }
        }
        return nullptr;
    }
    [[nodiscard]] bool empty() const noexcept { return all_.empty(); }

    // All of them, one after the other; a table each.
    void run(const std::string& name, unsigned rounds, results_file& results) {
        for (auto& [work, contestants] : all_) {
            progress(name + ": " + work);
            contestants.run(rounds);
            std::printf("\n%s: %s\n", name.c_str(), work.c_str());
            contestants.print("nanoseconds");
            std::fflush(stdout);
            results.add(name + ": " + work, contestants);
        }
    }

private:
    std::vector<std::pair<std::string, interleaved>> all_;
};

}  // namespace pinyon::bench
