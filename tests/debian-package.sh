#!/usr/bin/env bash
# Makes the Debian package, looks at it, installs it, uses it as its units would have it used, and purges it with nothing left.
# Needs root on Debian and cargo-deb; run by .ci/run. Where it cannot run it says so, and in CI it fails.
set -euo pipefail
cd "$(dirname "$0")/.."
release=${CARGO_TARGET_DIR:-target}/release
units=/usr/lib/systemd/system

fail() {
    printf 'debian package: %s\n' "$*" >&2
    exit 1
}

skip() {
    printf 'SKIPPED: %s\n' "$*" >&2
    [[ -z ${CI:-} ]]
    exit
}

[[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || skip 'a Debian package is installed by root, with apt-get'
command -v cargo-deb >/dev/null || skip 'cargo-deb makes the package: cargo install --locked cargo-deb'
[[ ! -e /var/lib/binder && ! -e /etc/rpc-chat ]] && ! dpkg -s rpc-chat >/dev/null 2>&1 || skip 'rpc-chat is installed on this machine'
missing=()
for tool in lintian:lintian systemd-analyze:systemd ip:iproute2 strace:strace man:man-db pgrep:procps setpriv:util-linux; do
    command -v "${tool%:*}" >/dev/null || missing+=("${tool#*:}")
done
if ((${#missing[@]})); then
    apt-get -qq update >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
fi

work=$(mktemp -d)
chmod 755 "$work"
started=()
leave() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    dpkg --purge rpc-chat >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap leave EXIT

# Waits until the file has a line like this, for half a minute at most.
await() {
    for _ in $(seq 300); do
        grep -q "$2" "$1" 2>/dev/null && return
        sleep 0.1
    done
    cat "$1" >&2
    fail "$1 does not say $2"
}

make_it() {
    cargo build --quiet --release -p binder -p chat-server -p chat-client -p rpc-tool
    chat-server/debian/papers "$release"
    deb=$(cargo deb --quiet -p chat-server --no-build --output "$work/")
    deb=$(echo "$work"/*.deb)
    printf '%s: %s KiB\n' "$(basename "$deb")" "$(($(stat -c %s "$deb") / 1024))"
}

look_at_it() {
    lintian --fail-on error,warning --tag-display-limit 0 --allow-root --suppress-tags initial-upload-closes-no-bugs "$deb"
    dpkg-deb --contents "$deb" >"$work/contents"
    for file in usr/bin/{binder,chat-server,chat-client,rpc} usr/share/man/man1/{binder,binder-serve,chat-server,chat-client,rpc}.1.gz \
        usr/share/bash-completion/completions/binder usr/share/zsh/vendor-completions/_binder \
        usr/share/fish/vendor_completions.d/binder.fish etc/rpc-chat/{binder,chat-server}.toml \
        usr/share/doc/rpc-chat/{copyright,changelog.Debian.gz}; do
        grep -q " \./$file$" "$work/contents" || fail "it lacks $file"
    done
    for page in "$release"/papers/man1/*; do
        [[ -z $(LC_ALL=C.UTF-8 man --warnings -l "$page" 2>&1 >/dev/null) ]] || fail "man warns about $page"
    done
}

# Both services may do less than the score says: 2.0 and below is OK to systemd.
judge_the_units() {
    systemd-analyze verify "$units"/{binder.socket,binder.service,chat-server.service} 2>&1 |
        grep -E 'binder|chat-server' && fail 'systemd does not like the units'
    for unit in binder.service chat-server.service; do
        systemd-analyze security --offline=true --no-pager --threshold=20 "$units/$unit" >"$work/security" ||
            { cat "$work/security" >&2; fail "$unit is too exposed"; }
        grep 'Overall exposure level' "$work/security"
    done
}

# Runs a unit's own command as its unit would: as a user without a name and without rights, with nothing of our environment.
as_unit() {
    local unit=$1 command
    shift
    command=$(sed -n 's/^ExecStart=//p' "$units/$unit")
    # shellcheck disable=SC2086
    (umask 077 && exec env -i PATH=/usr/sbin:/usr/bin NO_COLOR=1 setpriv --reuid=61999 --regid=61999 --clear-groups --no-new-privs \
        --bounding-set=-all --inh-caps=-all "$@" $command)
}

# Every system call that was made must be one that the unit's filter allows.
hold_the_filter() {
    local allowed denied made call
    allowed=$(calls_of @system-service)
    denied=$(calls_of @privileged @resources)
    made=$(sed -nE 's/^([0-9]+ +)?([a-z_0-9]+)\(.*/\2/p' "$1" | sort -u)
    (($(wc -w <<<"$made") > 20)) || fail "$1 tells of too few system calls"
    for call in $made; do
        grep -qx "$call" <<<"$allowed" || fail "$call is not in @system-service ($1)"
        ! grep -qx "$call" <<<"$denied" || fail "$call is denied by @privileged or @resources ($1)"
    done
}

# The system calls of these groups and of the groups inside them.
calls_of() {
    systemd-analyze syscall-filter "$@" | sed -nE 's/^ +//p' | grep -v '^#' | while read -r name; do
        case $name in @*) calls_of "$name" ;; *) echo "$name" ;; esac
    done | sort -u
}

# In a network of its own, so that the port of the socket unit is free.
use_it() {
    ip link set lo up
    install -d -m 700 -o 61999 -g 61999 /var/lib/binder "$work/calls"
    local listen
    listen=$(sed -n 's/^ListenStream=//p' "$units/binder.socket")
    as_unit binder.service strace -f -qq -o "$work/calls/binder" \
        systemd-socket-activate --listen="$listen" --fdname=listen -E NO_COLOR=1 2>"$work/binder" &
    started+=($!)
    await "$work/binder" 'Listening on'
    as_unit chat-server.service strace -f -qq -o "$work/calls/chat-server" 2>"$work/server" &
    started+=($!)
    # The server's first call starts the binder.
    await "$work/server" 'registered with the binder'
    grep -q 'opened by the supervisor' "$work/binder" || fail 'the binder did not take the socket'
    binder lookup join_room
    [[ $(binder list --json | wc -l) -ge 10 ]] || fail 'the binder does not list the chat'
    rpc list >"$work/listed"
    grep -q 'send_message' "$work/listed" || fail 'rpc does not list the chat'
    printf '%s\n' '/create rust' '/join rust' 'hello' '/quit' | chat-client --json --username ana >"$work/said"
    grep -q '"event":"message".*"body":"hello"' "$work/said" || fail 'nobody said hello'
    await /var/lib/binder/state join_room
    [[ $(stat -c %a /var/lib/binder/state) == 600 ]] || fail 'others may read the state'
    for program in chat-server binder; do
        MAINPID=$(pgrep --newest --uid 61999 --exact "$program") bash -c "$(sed -n 's/^ExecReload=//p' "$units/$program.service")"
    done
    await "$work/binder" 'no certificates to read again'
    await "$work/server" 'no certificates to read again'
    for program in chat-server binder; do
        kill "$(pgrep --newest --uid 61999 --exact "$program")"
    done
    wait "${started[@]}"
    started=()
    hold_the_filter "$work/calls/binder"
    hold_the_filter "$work/calls/chat-server"
}

# Nothing of the package may be anywhere: not its files, its links, its state, nor what was noted about its units.
see_nothing_left() {
    local left
    left=$(while read -r file; do [[ -d $file || ! -e $file ]] || echo "$file"; done <"$work/files")
    left+=$(find /etc /usr/lib /var/lib /run/systemd -xdev \( -path '*rpc-chat*' -o -name 'binder.s*' -o -name 'chat-server.service*' \
        -o -path '/var/lib/binder*' \) 2>/dev/null || true)
    [[ -z $left ]] || fail "this is left: $left"
}

make_it
look_at_it
dpkg --install "$deb" >"$work/installed" 2>&1 || { cat "$work/installed" >&2; fail 'it cannot be installed'; }
dpkg -L rpc-chat >"$work/files"
[[ -L /etc/systemd/system/sockets.target.wants/binder.socket ]] || fail 'binder.socket is not enabled'
[[ -L /etc/systemd/system/multi-user.target.wants/chat-server.service ]] || fail 'chat-server.service is not enabled'
judge_the_units
export -f use_it as_unit await fail hold_the_filter calls_of
export work units
unshare --net bash -euo pipefail -c 'started=(); use_it'
printf 'lease = "20s"\n' >>/etc/rpc-chat/binder.toml
dpkg --remove rpc-chat >/dev/null 2>&1
[[ ! -e /usr/bin/binder && -e /etc/rpc-chat/binder.toml ]] || fail 'removing does not leave exactly the configuration'
dpkg --purge rpc-chat >/dev/null 2>&1
see_nothing_left
printf 'debian package: made, installed, used, purged\n'
