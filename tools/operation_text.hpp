// The operations of a transaction in the log, in words and in JSON, with the names and types of the
// trees as they are at that moment.
//
// Threads: one. Failure: log_corrupt for payloads that are no operations.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "pinyon/engine/operation.hpp"
#include "pinyon/mmap/error.hpp"
#include "tools/escape.hpp"

namespace pinyon::tool {

class operation_text {
public:
    // Knows the trees of the file's newest meta, where its catalog can be read.
    operation_text(const std::string& file, byte_style style);
    // Why the catalog cannot be read: trees go by their numbers then, and keys by their bytes.
    [[nodiscard]] const std::optional<error>& problem() const noexcept { return problem_; }

    // Calls `use` for each operation in turn, and follows what they do to the trees.
    void each(bytes payload, std::uint32_t count, const std::function<void(const operation&)>& use);

    // "put 'users' 7 = ann"; long keys and values are cut.
    [[nodiscard]] std::string text(const operation& what) const;
    [[nodiscard]] json as_json(const operation& what) const;

private:
    struct known_tree {
        std::string name;
        std::string key_type = "bytes";
        std::string value_type = "bytes";
    };

    void note(const operation& what);
    [[nodiscard]] known_tree tree(std::uint32_t number) const;
    [[nodiscard]] std::string tree_text(std::uint32_t number) const;
    [[nodiscard]] std::string key(const operation& what, bytes key) const;

    byte_style style_;
    std::optional<error> problem_;
    std::map<std::uint32_t, known_tree> trees_;
};

[[nodiscard]] const char* name(operation_kind kind) noexcept;

}  // namespace pinyon::tool
