#include "tools/report_page.hpp"

#include <fmt/format.h>

#include "tools/escape.hpp"
#include "tools/report_parts.hpp"

namespace pinyon::tool {

namespace {

// As a policy names a hash: base64 of its bytes.
std::string policy_hash(std::string_view sha256) {
    std::string raw;
    for (std::size_t i = 0; i + 1 < sha256.size(); i += 2) {
        raw += static_cast<char>(std::stoi(std::string(sha256.substr(i, 2)), nullptr, 16));
    }
    return "sha256-" + base64(raw);
}

std::string policy() {
    return fmt::format(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
        policy_hash(report_parts::script_sha256), policy_hash(report_parts::style_sha256));
}

std::string text_for(std::string_view name, const report_text& text) {
    if (name == "policy") { return policy(); }
    if (name == "style") { return report_parts::style; }
    if (name == "script") { return report_parts::script; }
    if (name == "title") { return html_escaped(text.title); }
    if (name == "head") { return text.head; }
    if (name == "foot") { return text.foot; }
    return text.data;
}

}  // namespace

std::string html_escaped(std::string_view text) {
    std::string out;
    for (const char each : text) {
        switch (each) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += each;
        }
    }
    return out;
}

// These characters stand in no JSON but inside its strings.
std::string script_json(std::string_view document) {
    std::string out;
    out.reserve(document.size());
    for (const char each : document) {
        if (each == '<' || each == '>' || each == '&') {
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(each));
        } else {
            out += each;
        }
    }
    return out;
}

std::string report_page(const report_text& text) {
    std::string out;
    std::string_view rest = report_parts::page;
    for (std::size_t at = rest.find("{{"); at != std::string_view::npos; at = rest.find("{{")) {
        const std::size_t end = rest.find("}}", at);
        out += rest.substr(0, at);
        out += text_for(rest.substr(at + 2, end - at - 2), text);
        rest.remove_prefix(end + 2);
    }
    return out += rest;
}

std::size_t report_page_bytes() { return report_page({}).size(); }

}  // namespace pinyon::tool
