// The verbs: each takes its part of the command line, writes its results to streams.out and returns
// how it ended.
//
// Threads: one a verb. Failure: refusal, interruption, pinyon::error; `run` turns them into
// messages.
#pragma once

#include "tools/arguments.hpp"
#include "tools/exit_code.hpp"
#include "tools/streams.hpp"

namespace pinyon::tool {

[[nodiscard]] exit_code run_info(const info_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_check(const check_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_stat(const stat_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_pages(const pages_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_page(const page_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_owner(const owner_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_map(const map_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_tree(const tree_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_path(const path_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_free(const free_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_log(const log_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_report(const report_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_import(const import_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_get(const get_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_scan(const scan_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_count(const count_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_diff(const diff_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_compact(const compact_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_backup(const backup_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_dump(const dump_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_load(const load_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_recover(const recover_arguments& arguments, const streams& streams);
[[nodiscard]] exit_code run_bench(const bench_arguments& arguments, const streams& streams);

}  // namespace pinyon::tool
