# Two machines, made of network namespaces: 10.77.0.1 (near) and 10.77.0.2 (far), without names for each other.
# Sourced by the scripts that chat, and talk, between them. Needs root and iproute2.
near=rpc-near-$$ far=rpc-far-$$
work=$(mktemp -d)

clean_up() {
    for machine in "$near" "$far"; do ip netns pids "$machine" 2>/dev/null | xargs -r kill 2>/dev/null || true; done
    wait || true
    ip netns del "$near" 2>/dev/null || true
    ip netns del "$far" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT

fail() {
    printf 'two machines: %s\n' "$1"
    tail -n +1 "$work"/*
    exit 1
}

# Waits until a file holds a text; 20 s at most.
await() {
    for _ in $(seq 200); do
        grep -q "$2" "$work/$1" 2>/dev/null && return
        sleep 0.1
    done
    fail "$1 does not say '$2'"
}

near() { ip netns exec "$near" "$@"; }
far() { ip netns exec "$far" "$@"; }

ip netns add "$near"
ip netns add "$far"
ip link add near0 netns "$near" type veth peer name far0 netns "$far"
ip -n "$near" addr add 10.77.0.1/24 dev near0
ip -n "$far" addr add 10.77.0.2/24 dev far0
for machine in "$near" "$far"; do ip -n "$machine" link set lo up; done
ip -n "$near" link set near0 up
ip -n "$far" link set far0 up
