#!/usr/bin/env bash
# Fills the berths of a server and sends many more clients at it. Usage:
#
#   scripts/flood.sh [ADDR:PORT] [CLIENTS]
#
# Without an address it starts a server of its own, with three berths; without a number it sends
# 50 clients. Exits with 0 only if exactly as many were let in as there are berths, everyone else
# read the whole line that turns them away and then the end, and nobody inside was disturbed.
set -euo pipefail
# shellcheck source=server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"

berths=3
clients=50
target=
for argument in "$@"; do
    case $argument in
    *:*) target=$argument ;;
    *[!0-9]* | '') die "usage: scripts/flood.sh [ADDR:PORT] [CLIENTS]" ;;
    *) clients=$argument ;;
    esac
done

# The generator needs a descriptor for each client that is at the door or inside.
ulimit -Sn "$(ulimit -Hn)" || true

build flood
if [[ -n $target ]]; then
    # How many berths a foreign server has is for the flood to find out.
    "${CARGO_TARGET_DIR:-target}"/release/examples/flood "$target" "$clients"
else
    start_server --max-clients "$berths"
    "${CARGO_TARGET_DIR:-target}"/release/examples/flood "$address" "$clients" "$berths"
fi
