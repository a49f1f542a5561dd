#!/usr/bin/env bash
# Counts the system calls of a server. Usage:
#
#   scripts/strace.sh                  a server of its own: calls per request and per MiB
#   scripts/strace.sh PID [SECONDS]    a running server, for 10 seconds of its own work
set -euo pipefail
# shellcheck source=server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
need strace strace strace strace

# Those that come one at a time come at the pace below, in microseconds. Without a pause, a server
# that strace slows down finds the next request there already, and never shows that it waits.
single=3000
pause=1000
many=60000
mib=256
pid=${1-}
seconds=${2-10}
[[ $pid$seconds != *[!0-9]* ]] || die "usage: scripts/strace.sh [PID [SECONDS]]"

# count TABLE COMMAND...: runs the command while strace counts, and leaves its table there.
count() {
    local table=$1 tracer
    shift
    strace -c -f -p "$pid" -o "$table" 2>"$folder/strace.log" &
    tracer=$!
    # Until strace holds the server, what it does would not be counted.
    until grep -q '^TracerPid:.*[1-9]' "/proc/$pid/status"; do
        kill -0 "$tracer" 2>/dev/null || die "$(cat "$folder/strace.log")"
        sleep 0.05
    done
    "$@"
    kill -INT "$tracer"
    wait "$tracer" || true
}

if [[ -n $pid ]]; then
    [[ -d /proc/$pid ]] || die "no process $pid"
    echo "watching process $pid for $seconds s"
    count "$folder/calls" sleep "$seconds"
    [[ -s $folder/calls ]] || echo "  it made no system call"
    cat "$folder/calls"
    exit
fi

build load
truncate -s "${mib}M" "$folder/big"
start_server --max-clients 3
pid=$server
load=target/release/examples/load
echo "one client, a request every $pause us; three clients, 32 requests in flight each; then a"
echo "download of $mib MiB (strace slows the server down, so these rates are not its own):"
count "$folder/single" "$load" "$address" lines 1 1 "$single" "$pause"
count "$folder/many" "$load" "$address" lines 3 32 "$((many / 3))"
count "$folder/file" "$load" "$address" file 1 big 1

# A row of `strace -c` is: % time, seconds, usecs/call, calls, errors (may be missing), name.
awk -v single="$single" -v many="$many" -v mib="$mib" '
    $4 ~ /^[0-9]+$/ && $NF != "total" {
        count[FILENAME, $NF] = $4
        sum[FILENAME] += $4
        names[$NF]
    }
    function row(name, a, b, c) {
        return sprintf("  %-16s %14.3f %14.3f %14.3f", name, a / single, b / many, c / mib)
    }
    END {
        printf "\n  %-16s %14s %14s %14s\n", "calls per", "request,", "request,", "MiB"
        printf "  %-16s %14s %14s %14s\n", "", "one at a time", "32 in flight", "of a download"
        fflush()
        for (name in names)
            print row(name, count[ARGV[1], name], count[ARGV[2], name], \
                count[ARGV[3], name]) | "sort"
        close("sort")
        print row("all", sum[ARGV[1]], sum[ARGV[2]], sum[ARGV[3]])
    }' "$folder/single" "$folder/many" "$folder/file"

for table in single many file; do
    printf '\n%s:\n' "$table"
    cat "$folder/$table"
done
