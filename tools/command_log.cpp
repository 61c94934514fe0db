#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/field_list.hpp"
#include "tools/file_watch.hpp"
#include "tools/log_picture.hpp"
#include "tools/operation_text.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

std::string verdict_word(const log_outlook& outlook) {
    if (outlook.damage) { return "damaged"; }
    switch (outlook.verdict) {
        case log_verdict::clean:
            return "none";
        case log_verdict::clean_with_leftovers:
            return "leftovers";
        case log_verdict::replay:
            return "replay";
    }
    return "unknown";
}

std::string verdict_text(const log_outlook& outlook) {
    if (outlook.damage) {
        return fmt::format("a recovery would refuse it, after {} that it could do",
                           counted(outlook.transactions, "transaction", "transactions"));
    }
    switch (outlook.verdict) {
        case log_verdict::clean:
            return "the file is complete without a log, and there is none";
        case log_verdict::clean_with_leftovers:
            return "the file is complete without a log; these segments may go";
        case log_verdict::replay:
            break;
    }
    if (outlook.transactions == 0) { return "a recovery would find nothing to do"; }
    return fmt::format("a recovery would do {} again ({}, {}), up to transaction {}",
                       counted(outlook.transactions, "transaction", "transactions"),
                       counted(outlook.operations, "operation", "operations"),
                       byte_size(outlook.bytes), grouped(outlook.last_transaction));
}

std::string segment_text(const log_segment& segment, bool coloured) {
    std::string out = fmt::format(
        "\n{}  {}", painted(escaped(file_name_of(segment.path)), colour::bold, coloured),
        byte_size(segment.size));
    if (!segment.header) {
        return out + "  " +
               (segment.blank ? "blank: " : painted("damaged: ", colour::red, coloured)) +
               escaped(segment.defect) + "\n";
    }
    return out + fmt::format("  log {}, from position {} on\n",
                             hex_number(segment.header->log_id, 8), segment.header->position);
}

std::string batch_text(const log_place& place) {
    return fmt::format("  transaction {}  position {}  offset {}  {}, {}{}{}\n",
                       place.header.transaction, place.header.position, place.offset,
                       counted(place.header.operations, "operation", "operations"),
                       counted(place.header.length, "byte", "bytes"),
                       place.replayed ? "" : "  (not needed)",
                       place.follows ? "" : "  does not follow the one before");
}

json segment_json(const log_segment& segment) {
    json out{{"file", escaped(file_name_of(segment.path))},
             {"sequence", segment.sequence},
             {"bytes", segment.size},
             {"blank", segment.blank}};
    if (!segment.header) {
        out["defect"] = escaped(segment.defect);
        return out;
    }
    out["log"] = hex_number(segment.header->log_id, 8);
    out["position"] = segment.header->position;
    return out;
}

json batch_json(const log_place& place) {
    return {{"segment", place.segment->sequence},
            {"offset", place.offset},
            {"position", place.header.position},
            {"transaction", place.header.transaction},
            {"operations", place.header.operations},
            {"bytes", place.header.length},
            {"durable", place.header.durable},
            {"follows", place.follows},
            {"replayed", place.replayed}};
}

class log_report {
public:
    log_report(const log_arguments& arguments, const log_picture& log, const streams& streams)
        : arguments_(arguments),
          log_(log),
          streams_(streams),
          operations_(arguments.file, arguments.bytes) {}

    [[nodiscard]] const std::optional<error>& problem() const noexcept {
        return operations_.problem();
    }
    void write() {
        if (arguments_.json) {
            write_json();
        } else if (arguments_.ndjson) {
            each_batch([&](const log_place& place) { streams_.out << whole_json(place) << '\n'; });
        } else {
            write_text();
        }
    }

private:
    template <class Use>
    void each_batch(Use&& use) {
        for (const log_segment& segment : log_.segments()) {
            if (!segment.header) { continue; }
            (void)log_.walk(segment, [&](const log_place& place) {
                streams_.check_interrupt();
                use(place);
            });
        }
    }

    [[nodiscard]] json whole_json(const log_place& place) {
        json out = batch_json(place);
        if (!arguments_.operations) { return out; }
        out["list"] = json::array();
        try {
            operations_.each(place.payload, place.header.operations, [&](const operation& what) {
                out["list"].push_back(operations_.as_json(what));
            });
        } catch (const error& failure) { out["defect"] = escaped(failure.what()); }
        return out;
    }

    void write_json() {
        const format::meta& meta = log_.meta();
        const log_outlook& outlook = log_.outlook();
        json head{{"schema", "pinyon.log/1"},
                  {"file", escaped(arguments_.file)},
                  {"transaction", meta.transaction},
                  {"clean", log_.is_clean()},
                  {"log", hex_number(meta.log_id, 8)},
                  {"position", meta.log_position},
                  {"first_segment", meta.log_first_segment},
                  {"verdict", verdict_word(outlook)}};
        if (outlook.damage) { head["damage"] = escaped(outlook.damage->what()); }
        head["replay"] = {{"transactions", outlook.transactions},
                          {"operations", outlook.operations},
                          {"bytes", outlook.bytes},
                          {"last_transaction", outlook.last_transaction}};
        head["segments"] = json::array();
        for (const log_segment& each : log_.segments()) {
            head["segments"].push_back(segment_json(each));
        }
        std::string text = head.dump();
        text.pop_back();
        streams_.out << text << ",\"batches\":[";
        bool first = true;
        each_batch([&](const log_place& place) {
            streams_.out << (first ? "\n" : ",\n") << whole_json(place);
            first = false;
        });
        streams_.out << "\n]}\n";
    }

    void write_text() {
        const format::meta& meta = log_.meta();
        const bool coloured = streams_.out_colour;
        streams_.out << fmt::format(
            "{}  transaction {}, {}\n", painted(escaped(arguments_.file), colour::bold, coloured),
            meta.transaction,
            log_.is_clean()
                ? "closed cleanly"
                : fmt::format("not closed; it goes on in log {} from position {}, segment {}",
                              hex_number(meta.log_id, 8), meta.log_position,
                              meta.log_first_segment));
        for (const log_segment& segment : log_.segments()) {
            streams_.out << segment_text(segment, coloured);
            if (!segment.header) { continue; }
            const segment_end end = log_.walk(segment, [&](const log_place& place) {
                streams_.check_interrupt();
                streams_.out << batch_text(place);
                if (arguments_.operations) { write_operations(place); }
            });
            streams_.out << fmt::format("  {} to position {} (offset {}); there: {}\n",
                                        counted(end.batches, "batch", "batches"), end.position,
                                        end.offset, end.what);
        }
        streams_.out << "\n  " << verdict_text(log_.outlook()) << '\n';
    }

    void write_operations(const log_place& place) {
        try {
            operations_.each(place.payload, place.header.operations, [&](const operation& what) {
                streams_.out << "      " << operations_.text(what) << '\n';
            });
        } catch (const error& failure) {
            streams_.out << "      " << escaped(failure.what()) << '\n';
        }
    }

    const log_arguments& arguments_;
    const log_picture& log_;
    const streams& streams_;
    operation_text operations_;
};

}  // namespace

exit_code run_log(const log_arguments& arguments, const streams& streams) {
    const file_watch watch(arguments, streams);
    return watch.run([&] {
        const log_picture log(arguments.file);
        log_report report(arguments, log, streams);
        report.write();
        streams.flush_results();
        if (log.outlook().damage) { throw error(*log.outlook().damage); }
        if (arguments.operations && report.problem()) { throw error(*report.problem()); }
        require_both_metas(arguments.file);
        return exit_code::fine;
    });
}

}  // namespace pinyon::tool
