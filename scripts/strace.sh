#!/usr/bin/env bash
# Counts the system calls of a server. Usage:
#
#   scripts/strace.sh                  its own server: calls per request and per MiB
#   scripts/strace.sh PID [SECONDS]    a running server, for 10 seconds by default
#   scripts/strace.sh --transcript     the transcript of one download, explained in docs/loop.md
#
# BERTHD is the server program; default: the release build.
set -euo pipefail
# shellcheck source=server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
need strace strace strace strace

# The pause between single requests, in microseconds. Without a pause, the next request has always
# arrived when a server slowed down by strace looks for it, and the server's waits never show.
single=3000
pause=1000
many=60000
mib=256
pid=${1-}
seconds=${2-10}
[[ $pid == --transcript || $pid$seconds != *[!0-9]* ]] ||
    die "usage: scripts/strace.sh [PID [SECONDS] | --transcript]"

# settle: waits until the server sleeps, neither stopped by strace nor with work to do.
settle() {
    local quiet=0 state
    while ((quiet < 4)); do
        read -r _ _ state _ <"/proc/$server/stat"
        if [[ $state == S ]]; then quiet=$((quiet + 1)); else quiet=0; fi
        sleep 0.03
    done
}

# One client connects and requests 8 MiB, more than the kernel's buffers hold. It does not read
# until the server waits; then it reads everything and disconnects. Each step begins when the server
# sleeps, so only the number of the file's pieces differs between runs.
transcript() {
    local tracer file=$folder/tides.bin mib=8 ready
    truncate -s "${mib}M" "$file"
    start_server --max-clients 3
    strace -p "$server" -s 20 -o "$folder/transcript" 2>"$folder/strace.log" &
    tracer=$!
    until grep -q '^TracerPid:.*[1-9]' "/proc/$server/status"; do
        kill -0 "$tracer" 2>/dev/null || die "$(cat "$folder/strace.log")"
        sleep 0.05
    done
    settle
    exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
    settle
    IFS= read -r ready <&3
    [[ $ready == 'Welcome Client01' ]] || die "not let in: $ready"
    printf 'get tides.bin\n' >&3
    settle
    head -c $((mib * 1024 * 1024 + 18)) <&3 >/dev/null
    settle
    printf 'exit\n' >&3
    IFS= read -r ready <&3
    settle
    exec 3>&-
    settle
    kill -INT "$tracer"
    wait "$tracer" || true
    # One column less of what differs from run to run: addresses in memory, and padding.
    sed -E -e 's/u64=18446744073709551614/u64=…/' \
        -e 's/\) +=/) =/' -e '/detached/d' -e 's/0x[0-9a-f]{6,}/0x…/' "$folder/transcript" | shorten
}

# shorten: omits the repeated calls of a file transfer, and says how many lines they were.
shorten() {
    awk '
        function flush(    i, blocked, last) {
            for (i = 1; i <= n && !blocked; i++)
                if (line[i] ~ /^sendfile.*EAGAIN/) blocked = i
            for (last = n; last > 1 && line[last] !~ /^sendfile/; last--);
            for (i = 1; i <= n; i++) {
                if (i <= 4 || i == blocked - 1 || i == blocked || i == blocked + 1 || i >= last) {
                    if (left) print "... " left " lines like these"
                    left = 0
                    print line[i]
                } else left++
            }
            n = 0
        }
        /^sendfile/ || (n && /^epoll_wait/) { line[++n] = $0; next }
        { flush(); print }
        END { flush() }'
}

# count TABLE COMMAND...: runs the command while strace counts, and writes the counts to TABLE.
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

if [[ $pid == --transcript ]]; then
    [[ -n ${BERTHD-} ]] || build ""
    transcript
    exit
fi
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
load="${CARGO_TARGET_DIR:-target}"/release/examples/load
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

# wakes TITLE COMMAND...: wake-ups per second while the command runs, without strace.
wakes() {
    local title=$1 before after began ended
    shift
    before=$(awk '/^voluntary/ { print $2 }' "/proc/$pid/status")
    began=$(date +%s%N)
    "$@" >/dev/null
    ended=$(date +%s%N)
    after=$(awk '/^voluntary/ { print $2 }' "/proc/$pid/status")
    printf '  %-28s %14s\n' "$title" $(((after - before) * 1000000000 / (ended - began)))
}

printf '\n  %-28s %14s\n' 'wake-ups per second' '(not watched)'
wakes 'idle' sleep 1
wakes "a request every $pause us" "$load" "$address" lines 1 1 1000 "$pause"
wakes 'requests, one at a time' "$load" "$address" lines 1 1 50000
wakes 'requests, 32 in flight' "$load" "$address" lines 3 32 1000000
wakes 'a download' "$load" "$address" file 1 big 4

for table in single many file; do
    printf '\n%s:\n' "$table"
    cat "$folder/$table"
done
