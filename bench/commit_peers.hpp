// Other stores that commit one small put durably, where their packages were present at build time:
// each is a folder of its own, opened by the constructor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pinyon::bench {

class peer {
public:
    virtual ~peer() = default;
    peer(const peer&) = delete;
    peer& operator=(const peer&) = delete;

    // One durable commit of one put by the thread of this number.
    virtual void put(unsigned thread, const std::string& key, const std::string& value) = 0;

protected:
    peer() = default;
};

struct peer_maker {
    std::string name;
    std::string settings;
    std::unique_ptr<peer> (*make)(const std::string& folder, unsigned threads);
};

[[nodiscard]] std::vector<peer_maker> peers();

}  // namespace pinyon::bench
