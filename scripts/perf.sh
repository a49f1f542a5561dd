#!/usr/bin/env bash
# Shows where a server spends its time: the ten functions with the most samples. Usage:
#
#   scripts/perf.sh                  its own server: under requests, then under downloads
#   scripts/perf.sh PID [SECONDS]    a running server, for 10 seconds by default
#
# It also draws a flame graph for each, in target/flame.
set -euo pipefail
# shellcheck source=server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
need perf linux-perf perf perf

pid=${1-}
seconds=${2-10}
[[ $pid$seconds != *[!0-9]* ]] || die "usage: scripts/perf.sh [PID [SECONDS]]"

# Virtual machines often have no cycle counter; the CPU clock is nearly as good.
event=cycles
if ! perf stat -e cycles true 2>&1 | grep -q '[0-9] *cycles'; then
    event=cpu-clock
fi

# hot TITLE COMMAND...: samples the server while the command runs, then prints the top ten.
hot() {
    local title=$1
    shift
    printf '\n%s\n' "$title"
    if ! perf record --quiet -e "$event" -F 997 -g -p "$pid" -o "$folder/perf.data" -- "$@" \
        2>"$folder/perf.log"; then
        cat "$folder/perf.log" >&2
        die "perf may not record here; /proc/sys/kernel/perf_event_paranoid is" \
            "$(cat /proc/sys/kernel/perf_event_paranoid), and 2 or less is needed"
    fi
    perf report --stdio --no-children -g none --percent-limit 0 -i "$folder/perf.data" \
        2>>"$folder/perf.log" | awk '
            !/^#/ && NF && n++ < 10 { print "  " $0 }
            END { if (!n) print "  it was never found at work" }'
    draw "$title"
}

# draw TITLE: draws a flame graph of the last recording.
draw() {
    local picture
    picture=target/flame/$(tr -cs '[:alnum:]\n' - <<<"${1%%:*}").svg
    mkdir -p target/flame
    if perf script -i "$folder/perf.data" 2>>"$folder/perf.log" |
        "${CARGO_TARGET_DIR:-target}"/release/examples/flame "${1%%:*}" \
            >"$picture" 2>>"$folder/perf.log"; then
        echo "  drawn in $picture"
    else
        rm -f "$picture"
        echo "  not drawn: there is no stack to draw"
    fi
}

cargo build --release --locked --quiet --example flame
if [[ -n $pid ]]; then
    [[ -d /proc/$pid ]] || die "no process $pid"
    hot "process $pid for $seconds s, by $event:" sleep "$seconds"
    exit
fi

build load
truncate -s 256M "$folder/big"
start_server --max-clients 3
pid=$server
load="${CARGO_TARGET_DIR:-target}"/release/examples/load
hot "three clients, one request at a time, by $event:" "$load" "$address" lines 3 1 100000
hot "three clients, 32 requests in flight each:" "$load" "$address" lines 3 32 1000000
hot "three clients, downloads of 256 MiB:" "$load" "$address" file 3 big 16
