#!/usr/bin/env bash
# The example systems between two machines: servers on one, the others on both. Needs root and iproute2; run by .ci/run.
#   examples/two-machines.sh FOLDER-OF-PROGRAMS
set -euo pipefail
programs=$(cd "$1" && pwd)
. "$(dirname "$0")/../tests/machines.sh"

# Waits until a program listens on a port; 20 s at most.
listens() {
    for _ in $(seq 200); do
        "$1" bash -c "exec 3<>/dev/tcp/127.0.0.1/$2" 2>/dev/null && return
        sleep 0.1
    done
    fail "nobody listens on port $2"
}

# Says that a program's output is exactly this.
is() {
    [[ $(cat "$work/$1") == "$2" ]] || fail "$1 is not '$2'"
}

# Waits until a process has ended with success.
ended() {
    wait "$2" || fail "$1 failed"
}

rpctalk() {
    near "$programs/sala" 6000 >"$work/sala" 2>&1 &
    local sala=$!
    listens near 6000
    # Both machines have the same name, which leads each to itself: the far display is found where it called from.
    near "$programs/exibe" ana 6001 127.0.0.1 6000 >"$work/ana" 2>&1 &
    local ana=$!
    await ana '^1$'
    far "$programs/exibe" bia 6001 10.77.0.1 6000 >"$work/bia" 2>&1 &
    local bia=$!
    await bia '^2$'
    printf 'M,bia,olá de longe\nM,ana,oi 🦀\nM,todos,a todos\nL\nT\n' |
        far "$programs/envia" caio 10.77.0.1 6000 >"$work/caio" 2>&1 || fail 'envia failed'
    ended sala "$sala" && ended ana "$ana" && ended bia "$bia"
    is caio $'1\n1\n1\n2\nsaida ana\nsaida bia\nentrada caio'
    is ana $'1\nMensagem de caio: oi 🦀\nMensagem de caio: a todos'
    is bia $'2\nMensagem de caio: olá de longe\nMensagem de caio: a todos'
    is sala ''
}

wallets() {
    printf 'joão 30\nloja 5' | near "$programs/svc_banco" 5000 >"$work/banco" 2>&1 &
    local banco=$!
    listens near 5000
    far "$programs/svc_loja" 10 5001 loja 10.77.0.1:5000 >"$work/loja" 2>&1 &
    local loja=$!
    listens far 5001
    printf 'S\nO 7\nX 1 7 loja' | far "$programs/cln_banco" joão 10.77.0.1:5000 >"$work/cliente" 2>&1
    printf 'C\nC\nC\nT' | near "$programs/cln_loja" joão 127.0.0.1:5000 10.77.0.2:5001 >"$work/comprador" 2>&1
    ended banco "$banco" && ended loja "$loja"
    is cliente $'30\n1\n0'
    is comprador $'10\n2\n0\n3\n0\n-2\n25'
    is loja 0
    is banco $'joão 3\nloja 32'
}

streaming_chat() {
    ip netns exec "$near" "$programs/chat_stream_server" >"$work/server" 2>&1 &
    local server=$!
    await server 'porta 50051'
    mkfifo "$work/keys"
    far "$programs/chat_stream_client" 10.77.0.1:50051 <"$work/keys" >"$work/longe" 2>&1 &
    local client=$!
    exec 3>"$work/keys"
    printf 'Zé\n' >&3
    await longe 'Mensagem: '
    printf 'Ana\noi, Zé 🦀\n/sair\n' | near "$programs/chat_stream_client" >"$work/perto" 2>&1 || fail 'near left'
    await longe '^\[Ana\]: oi, Zé 🦀$'
    # The wire is cut in silence, and mended before anybody gives up.
    ip -n "$near" link set near0 down
    printf 'ainda estou aqui\n' >&3
    ip -n "$near" link set near0 up
    await server '^\[Zé\]: ainda estou aqui$'
    exec 3>&-
    ended client "$client"
    [[ $(tail -n 1 "$work/longe") == *'Encerrando conexão...' ]] || fail 'the far client did not leave in order'
    kill -TERM "$server"
    ended server "$server"
    is server $'Servidor gRPC rodando em porta 50051...\n[Ana]: oi, Zé 🦀\nCliente desconectado\n[Zé]: ainda estou aqui\nCliente desconectado'
}

rpctalk
wallets
streaming_chat
printf 'two machines: they talk, pay and chat\n'
