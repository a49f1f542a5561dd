#!/usr/bin/env bash
# Runs the lesson of docs/loop.md on this machine. Usage:
#
#   scripts/lesson.sh [FOLDER]
#
# Writes to FOLDER (default: target/lesson): transcript.txt, the transcript of one download's system
# calls, where strace is permitted; trace.json and timeline.html, the three experiments; and
# figures.txt, the server's statistics after them.
set -euo pipefail
into=$(realpath -m "${1-target/lesson}")
# shellcheck source=server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"

mkdir -p "$into"
if [[ -z ${BERTHD-} ]]; then
    build lesson
else
    cargo build --locked --quiet --example lesson
fi
program="${CARGO_TARGET_DIR:-target}"/release/examples/lesson
[[ -x $program && -z ${BERTHD-} ]] || program="${CARGO_TARGET_DIR:-target}"/debug/examples/lesson

if command -v strace >/dev/null && BERTHD=$BERTHD_PROGRAM scripts/strace.sh --transcript \
    >"$into/transcript.txt" 2>"$folder/strace.log"; then
    echo "transcript.txt: one download, call by call; docs/loop.md explains it"
else
    rm -f "$into/transcript.txt"
    echo "no transcript: strace is missing, or not permitted here" >&2
fi

truncate -s 50M "$folder/tides.bin"
server_log=$folder/log
# shellcheck disable=SC2034 # start_server reads it.
log_level=info
start_server --max-clients 3 --trace "$into/trace.json" 2>"$server_log"
"$program" "$address" tides.bin
kill -USR1 "$server"
until grep -q 'figures: slow 1:' "$server_log"; do sleep 0.05; done
sleep 0.2
sed -n 's/^.*INFO  figures: //p' "$server_log" >"$into/figures.txt"
kill "$server"
while kill -0 "$server" 2>/dev/null; do sleep 0.05; done
"$BERTHD_PROGRAM" trace "$into/trace.json" -o "$into/timeline.html"
echo "figures.txt: what the server counted"
echo "trace.json: for ui.perfetto.dev or chrome://tracing"
echo "timeline.html: for any browser; all of it in $into"
