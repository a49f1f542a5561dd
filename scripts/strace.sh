#!/usr/bin/env bash
# Counts the system calls of a server. Usage:
#
#   scripts/strace.sh                  a server of its own: calls per request and per MiB
#   scripts/strace.sh PID [SECONDS]    a running server, for 10 seconds of its own work
set -euo pipefail
# shellcheck source=server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
need strace strace strace strace

requests=20000
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
    cat "$folder/calls"
    exit
fi

build load
truncate -s "${mib}M" "$folder/big"
start_server --max-clients 3
pid=$server
load=target/release/examples/load
echo "one client, one request at a time; three clients, 32 in flight each; a download of $mib MiB"
echo "(strace slows the server down, so these rates are not its own):"
count "$folder/single" "$load" "$address" lines 1 1 "$requests"
count "$folder/many" "$load" "$address" lines 3 32 "$requests"
count "$folder/file" "$load" "$address" file 1 big 1

# A row of `strace -c` is: % time, seconds, usecs/call, calls, errors (may be missing), name.
awk -v single="$requests" -v many="$((3 * requests))" -v mib="$mib" '
    $4 ~ /^[0-9]+$/ && $NF != "total" {
        count[FILENAME, $NF] = $4
        sum[FILENAME] += $4
        names[$NF]
    }
    function row(name, a, b, c) {
        printf "  %-16s %14.3f %14.3f %14.3f\n", name, a / single, b / many, c / mib
    }
    END {
        printf "\n  %-16s %14s %14s %14s\n", "calls per", "request,", "request,", "MiB"
        printf "  %-16s %14s %14s %14s\n", "", "one at a time", "32 in flight", "of a download"
        for (name in names)
            row(name, count[ARGV[1], name], count[ARGV[2], name], count[ARGV[3], name]) | "sort"
        close("sort")
        row("all", sum[ARGV[1]], sum[ARGV[2]], sum[ARGV[3]])
    }' "$folder/single" "$folder/many" "$folder/file"

for table in single many file; do
    printf '\n%s:\n' "$table"
    cat "$folder/$table"
done
