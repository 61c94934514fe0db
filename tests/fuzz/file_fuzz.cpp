// A whole file: a small sound one, changed at the places that the input names, every checksum made
// right again. Opening, reading, changing and checking it may fail with an error of Pinyon, and
// with nothing else.
#include <cstring>
#include <string>

#include "pinyon/mmap/memory_file.hpp"
#include "pinyon/pinyon.hpp"
#include "support/forged_file.hpp"

namespace {

using namespace pinyon;

constexpr tree_spec<std::string_view, std::string_view> words{"words"};
constexpr tree_spec<std::uint64_t, std::uint64_t> numbers{"numbers"};

struct sound_file {
    io::memory_file_system files;
    std::string path = files.resolve("f.pinyon");
    std::vector<std::byte> content;

    sound_file() {
        database::open(path, how()).update([](write_transaction& tx) {
            auto a = tx.open(words);
            auto b = tx.open(numbers);
            for (std::uint64_t i = 0; i < 500; ++i) {
                const std::string key = "key" + std::to_string(i);
                a.put(key, std::string(i % 90, 'v'));
                b.put(i, i);
            }
            a.put("large", std::string(9000, 'L'));
        });
        content = test::forged_file(files, path).content;
    }
    [[nodiscard]] options how() {
        options chosen;
        chosen.files = &files;
        chosen.pool_bytes = 256 << 10;
        return chosen;
    }
};

void use(sound_file& file) {
    try {
        const database db = database::open(file.path, file.how());
        {
            const auto tx = db.begin_read();
            for (const auto& line : tx.trees()) {
                const auto tree = tx.open_raw(line.name);
                auto cursor = tree.cursor();
                for (cursor.first(); cursor.valid(); cursor.next()) { (void)cursor.value(); }
                (void)tree.nth(tree.size() / 2);
            }
        }
        db.update([](write_transaction& tx) {
            auto a = tx.open(words);
            for (int i = 0; i < 60; ++i) {
                const std::string key = "key" + std::to_string(i * 7);
                if (!a.erase(key)) { a.put(key, "new"); }
            }
        });
    } catch (const error&) {}
    try {
        check_options chosen;
        chosen.files = &file.files;
        (void)check(file.path, chosen, [](const finding&) {});
    } catch (const error&) {}
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static sound_file file;
    {
        const auto restored = file.files.open(file.path, io::open_mode::read_write);
        restored->truncate(file.content.size());
        restored->write(0, file.content);
    }
    test::forged_file forged(file.files, file.path);
    // Changes of 4 bytes: which byte of the pages in use, and its new value.
    for (; size >= 4; data += 4, size -= 4) {
        std::uint32_t change = 0;
        std::memcpy(&change, data, sizeof change);
        const std::size_t place = 8192 + (change >> 8) % (40 * 4096);
        if (place < forged.content.size()) {
            forged.content[place] = static_cast<std::byte>(change);
        }
    }
    forged.reseal();
    forged.save();
    use(file);
    return 0;
}
