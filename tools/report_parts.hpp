// The files of tools/report/ as the build embeds them (tools/report/embed.cmake).
//
// Threads: any. Failure: none.
#pragma once

namespace pinyon::tool::report_parts {

extern const char* const page;  // with {{name}} where text is to stand
extern const char* const style;
extern const char* const script;  // all modules in one
// SHA-256 in hexadecimal of the two, as they stand between their tags.
extern const char* const style_sha256;
extern const char* const script_sha256;

}  // namespace pinyon::tool::report_parts
