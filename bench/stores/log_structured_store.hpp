// RocksDB and LevelDB as stores of the benchmarks: the same interface but for names, so one
// adapter. Keys are bytes; a writer is a batch; a block cache that holds everything, ten bits of
// filter a key, no compression (the values do not shrink).
#pragma once

#include <memory>
#include <optional>

#include "stores/store.hpp"

namespace pinyon::bench {

// `Api` names the library: its types, and how to open.
template <class Api, class Key>
class log_structured_store {
    using slice = typename Api::slice;

public:
    using key_type = Key;

    explicit log_structured_store(const store_options& how)
        : database_(Api::open(how)), durable_(how.commits == safety::power_loss) {}
    [[nodiscard]] log_structured_store connect() const { return *this; }
    [[nodiscard]] static std::string describe() {
        return Api::version() +
               " (Debian's, built with assertions), no compression, filter of 10 "
               "bits a key";
    }

    class reader {
    public:
        explicit reader(log_structured_store& from) : from_(from.database_.get()) {
            reading_.snapshot = from_->GetSnapshot();
        }
        ~reader() { from_->ReleaseSnapshot(reading_.snapshot); }
        reader(const reader&) = delete;
        reader& operator=(const reader&) = delete;

        template <class Use>
        bool get(Key key, Use&& use) {
            const auto found = Api::get(*from_, reading_, of(key_bytes<Key>(key)), found_);
            if (found) { use(key, *found); }
            return found.has_value();
        }
        template <class Use>
        std::uint64_t scan(Key from, std::uint64_t most, Use&& use) {
            const std::unique_ptr<typename Api::iterator> at(from_->NewIterator(reading_));
            at->Seek(of(key_bytes<Key>(from)));
            return scan(*at, most, use);
        }
        template <class Use>
        std::uint64_t scan(Use&& use) {
            const std::unique_ptr<typename Api::iterator> at(from_->NewIterator(reading_));
            at->SeekToFirst();
            return scan(*at, ~std::uint64_t{0}, use);
        }

    private:
        template <class Use>
        std::uint64_t scan(typename Api::iterator& at, std::uint64_t most, Use&& use) {
            std::uint64_t seen = 0;
            for (; at.Valid() && seen < most; at.Next()) {
                use(key_bytes<Key>::key({at.key().data(), at.key().size()}),
                    std::string_view(at.value().data(), at.value().size()));
                ++seen;
            }
            Api::require(at.status());
            return seen;
        }

        typename Api::database* from_;
        typename Api::read_options reading_;
        typename Api::found found_;
    };

    class writer {
    public:
        explicit writer(log_structured_store& to) : to_(to) {}

        void put(Key key, std::string_view value) {
            batch_.Put(of(key_bytes<Key>(key)), slice(value.data(), value.size()));
        }
        void append(Key key, std::string_view value) { put(key, value); }
        bool erase(Key key) {
            batch_.Delete(of(key_bytes<Key>(key)));
            return true;
        }
        void commit() {
            typename Api::write_options writing;
            writing.sync = to_.durable_;
            Api::require(to_.database_->Write(writing, &batch_));
        }

    private:
        log_structured_store& to_;
        typename Api::batch batch_;
    };

private:
    // REQUIRES: `key` outlives the slice.
    [[nodiscard]] static slice of(const key_bytes<Key>& key) {
        return slice(key.view().data(), key.view().size());
    }

    std::shared_ptr<typename Api::database> database_;
    bool durable_;
};

}  // namespace pinyon::bench
