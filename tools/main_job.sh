#!/bin/sh
# Runs the main job with the programs in BIN_DIR on Debian's UnicodeData.txt; its files stay in run/ beside it.
set -eu
if [ $# -ne 1 ]; then
    echo "usage: tools/main_job.sh BIN_DIR" >&2
    exit 2
fi
data=$(dpkg -L unicode-data 2>/dev/null | grep '/UnicodeData\.txt$' || true)
if [ -z "$data" ]; then
    data=/usr/share/unicode/UnicodeData.txt
fi
if [ ! -r "$data" ]; then
    echo "main job: UnicodeData.txt is missing: install the package unicode-data (tools/dev setup does)" >&2
    exit 1
fi
exec "$1/pinyon-main-job" "$data" "$(dirname "$1")/run"
