# shellcheck shell=bash
# Sourced by the other scripts: starts a server of their own, and always stops it.
#
# Sets `folder` (the served folder, removed at the end). start_server sets `server` (its process id)
# and `address` (its listen address).

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
BERTHD_PROGRAM=${BERTHD:-${CARGO_TARGET_DIR:-target}/release/berthd}
folder=
server=
address=

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# need TOOL DEBIAN FEDORA ARCH: if the tool is missing, ends and names its package.
need() {
    command -v "$1" >/dev/null && return
    die "$1 is missing. Install it with one of:
    Debian, Ubuntu   apt install $2
    Fedora           dnf install $3
    Arch             pacman -S $4"
}

# Builds the release server and one load generator.
build() {
    cargo build --release --locked --quiet --bin berthd ${1:+--example "$1"}
}

# start_server [OPTION...]: starts it on a free port of the loopback address.
start_server() {
    coproc BERTHD {
        exec "${BERTHD_PROGRAM}" --listen 127.0.0.1:0 --repo "$folder" --drain-timeout 1s \
            --log "${log_level-warn}" "$@"
    }
    # Bash forgets this variable when the process ends, and the trap below still needs it.
    server=$BERTHD_PID
    local line
    IFS= read -r -t 10 line <&"${BERTHD[0]}" || die "berthd did not start"
    # shellcheck disable=SC2034 # It is for the script that sources this.
    address=${line#berthd listening on }
}

stop_server() {
    if [[ -n $server ]]; then
        kill "$server" 2>/dev/null || true
        # It has a second to finish what it does; one that takes much longer hangs.
        for _ in {1..50}; do
            kill -0 "$server" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$server" 2>/dev/null && echo "berthd did not stop when it was told" >&2
    fi
    [[ -z $folder ]] || rm -rf "$folder"
}
trap stop_server EXIT
folder=$(mktemp -d)
