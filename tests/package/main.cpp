// The example of the README as a program: exits with 0 when everything it reads is what it wrote.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include <pinyon/pinyon.hpp>

inline constexpr pinyon::tree_spec<std::string_view, std::uint64_t> users{"users"};

namespace {

void expect(bool holds, const char* what) {
    if (holds) { return; }
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::exit(1);
}

void write(const pinyon::database& db) {
    db.update([](pinyon::write_transaction& tx) {
        auto t = tx.open(users);
        t.put("ann", 1);
        t.put("bob", 2);
        t.put("carl", 3);
        expect(!t.insert("bob", 9), "insert refuses a key that is there");
        expect(t.erase("carl"), "erase tells that the key was there");
    });
}

void read(const pinyon::database& db) {
    const pinyon::read_transaction tx = db.begin_read();
    const auto t = tx.open(users);
    const std::optional<std::uint64_t> ann = t.get("ann");
    expect(ann.has_value() && *ann == 1, "get finds what was put");
    expect(!t.get("carl").has_value(), "get does not find what was erased");
    std::string keys;
    std::uint64_t sum = 0;
    for (auto [key, value] : t.range("a", "m")) {
        keys += key;
        sum += value;
    }
    expect(keys == "annbob" && sum == 3, "a range comes in order");
    expect(t.count("a", "m") == 2, "count");
}

}  // namespace

int main(int, char** arguments) {
    const std::string path = std::string(arguments[0]) + ".pinyon";
    std::remove(path.c_str());
    try {
        {
            const auto db = pinyon::database::open(path);
            write(db);
            read(db);
        }
        pinyon::options options;
        options.access = pinyon::access_mode::read_only;
        read(pinyon::database::open(path, options));
    } catch (const pinyon::error& failure) {
        std::fprintf(stderr, "%s: %s\n", pinyon::name(failure.kind()), failure.what());
        return 1;
    }
    std::remove(path.c_str());
    return 0;
}
