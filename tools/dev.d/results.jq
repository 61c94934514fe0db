# Markdown of one file of figures (Google Benchmark's JSON). A work is what stands before the last
# "/" of a name, a store what stands behind it.
def middle: sort | .[length / 2 | floor];
def in_order: reduce .[] as $each ([]; if index([$each]) then . else . + [$each] end);
def work: .name | split("/") | .[:-1] | join("/");
def store: .name | split("/") | last;
def digits($number):  # three of them
    if $number >= 100 then $number | round
    elif $number >= 10 then ($number * 10 | round) / 10
    else ($number * 100 | round) / 100 end;
def time:
    if . >= 1e9 then "\(digits(. / 1e9)) s"
    elif . >= 1e6 then "\(digits(. / 1e6)) ms"
    elif . >= 1e3 then "\(digits(. / 1e3)) us"
    else "\(digits(.)) ns" end;
def row: "| " + join(" | ") + " |";
def rule($columns): "|" + ([range($columns)] | map(if . == 0 then "---|" else "---:|" end) | add);

def header:
    .context as $c
    | "Measured \($c.date[:10]) at \($c.commit[:12]) on \($c.num_cpus) processors (\($c.cpu)), "
    + "\($c.memory_gib) GiB of memory, \($c.kernel), \($c.file_system), read-ahead \($c.read_ahead_kib) KiB; "
    + "compiled by \($c.compiler | if test("^[0-9]") then "GCC " + . else . end). Command: `\($c.command | sub(" ?--json [^ ]+"; ""))`.";

# Tables of works: those of one kind ("numbers: get") together, and kinds that know the same stores.
def tables($runs):
    ($runs | group_by(.kind) | map({stores: (map(.store) | unique), kind: .[0].kind})
     | group_by(.stores) | map(map(.kind))) as $together
    | $runs | map(.kind) | in_order
    | map(. as $kind | $together[] | select(index([$kind]))) | in_order
    | map(. as $kinds | $runs | map(select(.kind as $kind | $kinds | index([$kind]))));

def medians:
    [.benchmarks[] | {kind: (work | split(": ")[0]), work: work, store: store, time: .real_time}]
    | tables(.)[]
    | . as $runs
    | (map(.work) | in_order) as $works
    | (map(.store) | in_order) as $stores
    | (["time of an operation, median"] + $stores | row),
      rule($stores | length + 1),
      ($works[] as $work
       | [$work] + [$stores[] as $store
            | [$runs[] | select(.work == $work and .store == $store) | .time]
            | if length == 0 then "" else middle | time end]
       | row),
      "";

def spread:
    [.benchmarks[] | {work: work, store: store, run: .}] as $runs
    | ($runs[0].run | has("p99") ) as $tails
    | (["work", "store", "median", "smallest", "largest"]
       + if $tails then ["p50", "p99", "p99.9"] else [] end | row),
      rule(if $tails then 8 else 5 end),
      ($runs | map([.work, .store]) | in_order | .[] as [$work, $store]
       | [$runs[] | select(.work == $work and .store == $store) | .run] as $rounds
       | ($rounds | map(.real_time)) as $times
       | [$work, $store] + ([$times | middle, min, max] | map(time))
         + if $tails then [("p50", "p99", "p99.9") as $fact
                           | $rounds | map(.[$fact]) | if .[0] then middle | time else "" end]
           else [] end
       | row);

# What measurements took of the machine, where that was noted: medians of the rounds.
def used:
    [.benchmarks[] | select(has("minor_faults")) | {work: work, store: store, run: .}] as $runs
    | select($runs | length > 0)
    | "<details><summary>Faults, device, processor: medians of a measurement</summary>", "",
      (["work", "store", "minor faults", "major", "MiB read", "MiB written", "processor"] | row),
      rule(7),
      ($runs | map([.work, .store]) | in_order | .[] as [$work, $store]
       | [$runs[] | select(.work == $work and .store == $store) | .run] as $rounds
       | def of($fact): $rounds | map(.[$fact]) | middle;
         [$work, $store, of("minor_faults"), of("major_faults"),
          digits(of("device_bytes_read") / 1048576), digits(of("device_bytes_written") / 1048576),
          (of("processor_seconds") * 1e9 | time)]
       | row),
      "", "</details>", "";

# What stores take when they are filled and read once.
def footprints:
    [.context | to_entries[] | select(.key | startswith("footprint, "))] as $all
    | select($all | length > 0)
    | ([$all[].value | keys_unsorted] | add | in_order) as $stores
    | (["filled and read once, MiB"] + $stores | row), rule($stores | length + 1),
      ($all[] as $one
       | ("resident_bytes", "disk_bytes") as $fact
       | [($one.key | ltrimstr("footprint, ")) + (if $fact == "disk_bytes" then ", on the disk" else ", resident" end)]
         + [$stores[] as $store | $one.value[$store][$fact] | if . then . / 1048576 | round else "" end]
       | row),
      "";

def verdicts:
    (["requirement", "required", "measured", ""] | row), rule(4),
    (.requirements[]
     | [.name, .required, .measured, if .passed then "PASS" else "**FAIL**" end] | row);

header, "",
medians,
footprints,
if .requirements | length > 0 then verdicts, "" else empty end,
if .benchmarks | length > 0
then "<details><summary>Spread</summary>", "", spread, "", "</details>", "" else empty end,
used
