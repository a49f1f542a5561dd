#!/usr/bin/env bash
# Fills the berths of a server and opens many more connections. Usage:
#
#   scripts/flood.sh [ADDR:PORT] [CLIENTS]
#
# Without an address it starts its own server, with three berths; without a number it opens 50
# connections. Exit status 0 means: the number of admitted clients equals the number of berths,
# every other client read the whole refusal line and then end of file, and no admitted client was
# disturbed.
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

# The generator needs a descriptor per client, admitted or not.
ulimit -Sn "$(ulimit -Hn)" || true

build flood
if [[ -n $target ]]; then
    # How many berths a foreign server has is for the flood to find out.
    "${CARGO_TARGET_DIR:-target}"/release/examples/flood "$target" "$clients"
else
    start_server --max-clients "$berths"
    "${CARGO_TARGET_DIR:-target}"/release/examples/flood "$address" "$clients" "$berths"
fi
