#include "results_file.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>

namespace pinyon::bench {

namespace {

[[nodiscard]] std::string first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// The value behind "name : value" in a file of /proc.
[[nodiscard]] std::string value_in(const char* path, const std::string& name) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(name)) { continue; }
        const std::size_t begin = line.find_first_not_of(" \t", line.find(':') + 1);
        return begin == std::string::npos ? "" : line.substr(begin);
    }
    return {};
}

[[nodiscard]] std::string file_system_of(const std::string& folder) {
    struct ::statfs facts {};
    if (::statfs(folder.c_str(), &facts) != 0) { return "unknown"; }
    switch (static_cast<std::uint32_t>(facts.f_type)) {
        case 0xef53:
            return "ext4";
        case 0x58465342:
            return "xfs";
        case 0x9123683e:
            return "btrfs";
        case 0x01021994:
            return "tmpfs";
        case 0x794c7630:
            return "overlayfs";
        default:
            break;
    }
    std::ostringstream text;
    text << "type 0x" << std::hex << facts.f_type;
    return text.str();
}

// In KiB. A partition has the queue of its disk.
[[nodiscard]] std::string read_ahead_of(const std::string& folder) {
    struct ::stat facts {};
    if (::stat(folder.c_str(), &facts) != 0) { return "unknown"; }
    const std::string device = "/sys/dev/block/" + std::to_string(major(facts.st_dev)) + ":" +
                               std::to_string(minor(facts.st_dev));
    const std::string own = first_line(device + "/queue/read_ahead_kb");
    return own.empty() ? first_line(device + "/../queue/read_ahead_kb") : own;
}

[[nodiscard]] std::string now() {
    const std::time_t seconds = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S+00:00", &parts);
    return text;
}

[[nodiscard]] std::string command_of(int argc, char** argv) {
    std::string result = std::filesystem::path(argv[0]).filename();
    for (int i = 1; i < argc; ++i) { result += std::string(" ") + argv[i]; }
    return result;
}

[[nodiscard]] std::string kernel() {
    struct ::utsname names {};
    (void)::uname(&names);
    return std::string(names.sysname) + " " + names.release;
}

}  // namespace

results_file::results_file(const run_settings& how, int argc, char** argv) : path_(how.json) {
    const char* commit = std::getenv("PINYON_COMMIT");
    context_ = {
        {"date", now()},
        {"executable", std::filesystem::path(argv[0]).filename()},
        {"num_cpus", std::thread::hardware_concurrency()},
        {"mhz_per_cpu", std::atoi(value_in("/proc/cpuinfo", "cpu MHz").c_str())},
        {"cpu_scaling_enabled", false},
        {"library_build_type", "release"},
        {"command", command_of(argc, argv)},
        {"commit", commit == nullptr ? "unknown" : commit},
        {"compiler", __VERSION__},
        {"cpu", value_in("/proc/cpuinfo", "model name")},
        {"memory_gib", std::atoll(value_in("/proc/meminfo", "MemTotal").c_str()) >> 20},
        {"kernel", kernel()},
        {"file_system", file_system_of(how.folder)},
        {"read_ahead_kib", read_ahead_of(how.folder)},
        {"order", "interleaved: each round measures every store once and begins with another one"},
    };
}

void results_file::note(const std::string& name, const nlohmann::ordered_json& value) {
    context_[name] = value;
}

void results_file::add(const std::string& work, const interleaved& figures) {
    for (const std::string& name : figures.names()) {
        const std::vector<figure>& rounds = figures.figures(name);
        for (std::size_t round = 0; round < rounds.size(); ++round) {
            const std::string run = work + "/" + name;
            nlohmann::ordered_json entry = {{"name", run},
                                            {"run_name", run},
                                            {"run_type", "iteration"},
                                            {"repetitions", rounds.size()},
                                            {"repetition_index", round},
                                            {"iterations", 1},
                                            {"real_time", rounds[round].value},
                                            {"cpu_time", rounds[round].value},
                                            {"time_unit", "ns"}};
            for (const auto& [fact, value] : rounds[round].facts) { entry[fact] = value; }
            runs_.push_back(std::move(entry));
        }
    }
}

int results_file::finish(const requirements& verdict) {
    const int code = verdict.report();
    if (path_.empty()) { return code; }
    nlohmann::ordered_json lines = nlohmann::ordered_json::array();
    for (const requirements::line& each : verdict.lines()) {
        lines.push_back({{"name", each.name},
                         {"required", each.required},
                         {"measured", each.measured},
                         {"passed", each.passed}});
    }
    const nlohmann::ordered_json whole = {
        {"context", context_}, {"benchmarks", runs_}, {"requirements", lines}};
    std::ofstream file(path_);
    file << whole.dump(1) << '\n';
    if (!file.flush()) {
        std::fprintf(stderr, "%s: cannot be written; the figures are above\n", path_.c_str());
        return 2;
    }
    return code;
}

}  // namespace pinyon::bench
