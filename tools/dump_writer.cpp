#include "tools/dump_writer.hpp"

#include "tools/csv_dump.hpp"
#include "tools/json_dump.hpp"
#include "tools/text_dump_writer.hpp"

namespace pinyon::tool {

std::unique_ptr<dump_writer> make_dump_writer(const dump_arguments& arguments,
                                              const streams& streams) {
    switch (arguments.format) {
        case dump_format::ndjson:
            return std::make_unique<json_dump_writer>(arguments, streams);
        case dump_format::csv:
            return std::make_unique<csv_dump_writer>(arguments, streams);
        case dump_format::lmdb:
        case dump_format::bdb:
            break;
    }
    return std::make_unique<text_dump_writer>(arguments, streams);
}

}  // namespace pinyon::tool
