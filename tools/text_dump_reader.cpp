#include "tools/text_dump_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "tools/escape.hpp"

namespace pinyon::tool {

namespace {

// A name takes up to 4 KiB, and four times that with escapes.
constexpr std::size_t header_line_bytes_max = std::size_t{20} << 10;
constexpr std::size_t shown_bytes_max = 60;

// What the programs say of their files, which is nothing to a Pinyon tree.
constexpr std::array<std::string_view, 23> passed_over{
    "mapaddr",    "db_pagesize", "db_lorder",      "bt_minkey",      "chksum",    "dupfixed",
    "integerkey", "integerdup",  "reversekey",     "reversedup",     "h_ffactor", "h_nelem",
    "recnum",     "extentsize",  "keys",           "re_len",         "re_pad",    "renumber",
    "compressed", "heapsize",    "blob_threshold", "ext_bthreshold", "nparts"};

std::string excerpt(std::string_view text) {
    return "'" + std::string(text.substr(0, shown_bytes_max)) +
           (text.size() > shown_bytes_max ? "...'" : "'");
}

// The decimal number that is all of `text`.
template <class Number>
bool read_number(std::string_view text, Number& into) {
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, into);
    return !text.empty() && parsed.ec == std::errc() && parsed.ptr == end;
}

// Takes "name=value" and the blank behind it from the front; nullopt when it does not stand there.
std::optional<std::string_view> take_value(std::string_view& text, std::string_view name) {
    if (!text.starts_with(name) || text.size() == name.size() || text[name.size()] != '=') {
        return std::nullopt;
    }
    text.remove_prefix(name.size() + 1);
    const std::string_view value = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(value.size() + 1, text.size()));
    return value;
}

template <class Number>
bool take_number(std::string_view& text, std::string_view name, Number& into) {
    const auto value = take_value(text, name);
    return value && read_number(*value, into);
}

bool take_word(std::string_view& text, std::string_view name, std::string& into) {
    const auto value = take_value(text, name);
    into = value.value_or("");
    return !into.empty();
}

// The name of a database as db_dump has it: \xx and \\ stand for one byte. As it is when it is not
// of that kind.
std::string unescaped_name(const std::string& name) {
    std::string out;
    for (std::size_t at = 0; at < name.size(); ++at) {
        if (name[at] != '\\') {
            out += name[at];
        } else if (at + 1 < name.size() && name[at + 1] == '\\') {
            out += name[++at];
        } else {
            const auto byte = from_hexadecimal(std::string_view(name).substr(at + 1, 2));
            if (!byte || byte->empty()) { return name; }
            out += *byte;
            at += 2;
        }
    }
    return out;
}

}  // namespace

text_dump_reader::text_dump_reader(dump_source source)
    : source_(std::move(source)), lines_(source_.bytes) {}

// --- headers -------------------------------------------------------------------------------------

bool text_dump_reader::next_tree(dumped_tree& out) {
    const bool more_announced = section_.from_pinyon && section_.tree < section_.trees;
    if (lines_.at_end()) {
        if (!started_ || more_announced) {
            source_.refuse_end(lines_.position(),
                               started_
                                   ? fmt::format("tree {} of {}", section_.tree + 1, section_.trees)
                                   : std::string("VERSION=3"));
        }
        return false;
    }
    const section before = section_;
    section_ = {};
    entries_ = 0;
    out = {};
    out.at = lines_.position();
    read_header(out);
    if (started_) { check_place(before, out.at); }
    if (!started_ && section_.from_pinyon && section_.tree > 1) {
        source_.refuse(out.at,
                       fmt::format("found tree {} of {} first: a part of the dump is missing",
                                   section_.tree, section_.trees),
                       exit_code::incomplete);
    }
    started_ = true;
    if (!section_.from_pinyon || section_.trees != 0) { return true; }
    // A database without trees.
    dumped_entry none;
    if (next_entry(none)) { source_.refuse(none.at, "found an entry, expected DATA=END"); }
    return next_tree(out);
}

// The trees of a dump of Pinyon follow each other, without others between them.
void text_dump_reader::check_place(const section& before, text_position at) const {
    if (!before.from_pinyon && !section_.from_pinyon) { return; }
    const bool one_dump = before.from_pinyon && section_.from_pinyon &&
                          before.trees == section_.trees && section_.tree > before.tree;
    if (one_dump && section_.tree == before.tree + 1) { return; }
    const auto shown = [](const section& each) {
        return each.from_pinyon ? fmt::format("tree {} of {}", each.tree, each.trees)
                                : std::string("a section of another program");
    };
    source_.refuse(at,
                   fmt::format("found {} behind {}: a part of the dump is missing, or there "
                               "are two",
                               shown(section_), shown(before)),
                   one_dump ? exit_code::incomplete : exit_code::no);
}

void text_dump_reader::read_header(dumped_tree& out) {
    std::string line;
    for (bool first = true;; first = false) {
        const text_position at = lines_.position();
        if (lines_.at_end()) { source_.refuse_end(at, "HEADER=END"); }
        if (!lines_.take(line, header_line_bytes_max)) {
            source_.refuse(at, fmt::format("found a header line of more than {} bytes",
                                           header_line_bytes_max));
        }
        if (first && line != "VERSION=3") {
            source_.refuse(at, "found " + excerpt(line) + ", expected VERSION=3");
        }
        if (line == "HEADER=END") { break; }
        if (line.starts_with("HEADER=END ")) {
            read_own(std::string_view(line).substr(11), at, out);
            break;
        }
        if (!first) { read_field(line, at, out); }
    }
    if (!section_.from_lmdb) { out.name = unescaped_name(out.name); }
}

void text_dump_reader::read_field(const std::string& line, text_position at, dumped_tree& out) {
    const std::size_t sign = line.find('=');
    if (sign == std::string::npos) {
        source_.refuse(at, "found " + excerpt(line) + ", expected NAME=VALUE or HEADER=END");
    }
    const std::string name = line.substr(0, sign);
    const std::string value = line.substr(sign + 1);
    if (name == "format") {
        if (value != "bytevalue" && value != "print") {
            source_.refuse(
                at, "found " + excerpt(line) + ", expected format=bytevalue or format=print");
        }
        section_.print = value == "print";
    } else if (name == "database" || name == "subdatabase") {
        out.name = value;
    } else if (name == "type") {
        check_type(value, at);
    } else if (name == "mapsize" || name == "maxreaders") {
        section_.from_lmdb = true;
    } else if (name == "duplicates" || name == "dupsort") {
        section_.duplicates = value != "0";
    } else if (std::find(passed_over.begin(), passed_over.end(), name) == passed_over.end()) {
        source_.remark(at, "the keyword " + excerpt(name) + " is not known and passed over");
    }
}

void text_dump_reader::check_type(const std::string& type, text_position at) const {
    if (type == "btree" || type == "hash") { return; }
    source_.refuse(at, "found type=" + type.substr(0, shown_bytes_max) +
                           ", expected btree or hash" +
                           (type == "recno" || type == "queue"
                                ? ": its keys are numbers of records; import --format lines "
                                  "takes what stands one a line"
                                : ""));
}

// See text_dump_writer.hpp.
void text_dump_reader::read_own(std::string_view text, text_position at, dumped_tree& out) {
    section_.from_pinyon = true;
    unsigned version = 0;
    std::string place;
    bool sound = take_number(text, "pinyon", version) && version == 1 &&
                 take_word(text, "tree", place) && take_number(text, "page_bytes", out.page_bytes);
    const std::size_t slash = place.find('/');
    sound = sound && slash != std::string::npos &&
            read_number(std::string_view(place).substr(0, slash), section_.tree) &&
            read_number(std::string_view(place).substr(slash + 1), section_.trees) &&
            section_.tree <= section_.trees && (section_.tree == 0) == (section_.trees == 0);
    if (sound && section_.trees != 0) {
        tree_types& types = out.types;
        sound = take_number(text, "entries", section_.entries) &&
                take_word(text, "key_type", types.key_type) &&
                take_number(text, "key_bytes", types.key_bytes) &&
                take_word(text, "value_type", types.value_type) &&
                take_number(text, "value_bytes", types.value_bytes) &&
                take_number(text, "value_alignment", types.value_alignment) &&
                take_number(text, "minimum_degree", out.minimum_degree) && !out.name.empty();
    }
    if (!sound || !text.empty()) {
        source_.refuse(at,
                       "found a HEADER=END line that pinyon dump does not write: it, or the "
                       "database= line, was changed or is of a newer version");
    }
}

// --- entries -------------------------------------------------------------------------------------

bool text_dump_reader::next_entry(dumped_entry& out) {
    const text_position at = lines_.position();
    if (lines_.at_end()) { source_.refuse_end(at, "DATA=END"); }
    if (lines_.front() != ' ') {
        end_section();
        return false;
    }
    out.at = {at.line, 2};
    read_item(out.key, dumped_key_bytes_max, "key");
    const text_position value_at = lines_.position();
    if (lines_.at_end()) { source_.refuse_end(value_at, "the value of the key before"); }
    if (lines_.front() != ' ') {
        std::string line;
        (void)lines_.take(line, shown_bytes_max);
        source_.refuse(value_at,
                       "found " + excerpt(line) +
                           ", expected a blank and the value of the key "
                           "before",
                       line == "DATA=END" ? exit_code::incomplete : exit_code::no);
    }
    read_item(out.value, dumped_value_bytes_max, "value");
    ++entries_;
    return true;
}

void text_dump_reader::end_section() {
    const text_position at = lines_.position();
    std::string line;
    if (!lines_.take(line, shown_bytes_max) || line != "DATA=END") {
        // The line may be the rest of one: a cut, not a contradiction.
        const bool cut =
            lines_.at_end() && !line.empty() && std::string_view("DATA=END").starts_with(line);
        source_.refuse(at, "found " + excerpt(line) + ", expected a blank and a key, or DATA=END",
                       cut ? exit_code::incomplete : exit_code::no);
    }
    if (section_.from_pinyon) { source_.check_count(at, entries_, section_.entries); }
}

// Takes a line as it comes, so that the digits are never in memory as a whole.
void text_dump_reader::read_item(std::string& out, std::size_t bytes_max, const char* what) {
    out.clear();
    lines_.skip();
    high_.reset();
    escape_ = false;
    text_position at = lines_.position();
    for (std::string_view piece = lines_.piece(); !piece.empty(); piece = lines_.piece()) {
        section_.print ? add_print(piece, at, out) : add_digits(piece, at, out);
        if (out.size() > bytes_max) {
            source_.refuse(at, fmt::format("the {} has more than {} bytes, which is the most", what,
                                           bytes_max));
        }
        at.column += piece.size();
    }
    if (high_ || escape_) {
        const std::string text = section_.print
                                     ? "the line ends within \\xx, expected two digits"
                                     : "found an odd number of digits, expected two for each byte";
        source_.refuse(at, text, lines_.at_end() ? exit_code::incomplete : exit_code::no);
    }
}

unsigned text_dump_reader::digit(char letter, text_position at) const {
    const auto value = digit_value(letter);
    if (!value) {
        source_.refuse(at, "found " + excerpt({&letter, 1}) + ", expected a hexadecimal digit");
    }
    return *value;
}

void text_dump_reader::add_digits(std::string_view piece, text_position at, std::string& out) {
    for (const char letter : piece) {
        const unsigned value = digit(letter, at);
        ++at.column;
        if (!high_) {
            high_ = value;
        } else {
            out += static_cast<char>(*high_ << 4 | value);
            high_.reset();
        }
    }
}

void text_dump_reader::add_print(std::string_view piece, text_position at, std::string& out) {
    for (const char letter : piece) {
        if (high_) {
            const char byte = static_cast<char>(*high_ << 4 | digit(letter, at));
            check_escape(byte, false, at);
            out += byte;
            high_.reset();
            escape_ = false;
        } else if (escape_ && letter == '\\') {
            check_escape(letter, true, at);
            out += letter;
            escape_ = false;
        } else if (escape_) {
            high_ = digit(letter, at);
        } else if (letter == '\\') {
            escape_ = true;
        } else {
            out += letter;
        }
        ++at.column;
    }
}

// mdb_dump -p of LMDB before 0.9.27 writes a backslash of the data as it is. Where that shows, the
// text cannot be trusted; where it does not, a person should know.
void text_dump_reader::check_escape(char byte, bool doubled, text_position at) {
    if (!section_.from_lmdb || section_.from_pinyon) { return; }
    if (doubled || (byte >= ' ' && byte <= '~' && byte != '\\')) {
        source_.refuse(at,
                       "found a backslash that mdb_dump -p did not mark as one, so that what "
                       "follows can be read in two ways; expected a dump without -p");
    }
    if (!warned_) {
        source_.remark(at,
                       "mdb_dump -p of older LMDB does not mark backslashes, and one before two "
                       "digits is read as a byte: a dump without -p is safe");
    }
    warned_ = true;
}

}  // namespace pinyon::tool
