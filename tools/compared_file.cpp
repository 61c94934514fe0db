#include "tools/compared_file.hpp"

namespace pinyon::tool {

compared_file::compared_file(const data_arguments& which, std::string verb, const streams& streams)
    : name_(which.file), verb_(std::move(verb)), watch_(which, streams) {
    guard([&] { file_.emplace(name_, which.checkpoint); });
}

}  // namespace pinyon::tool
