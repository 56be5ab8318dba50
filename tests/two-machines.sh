#!/usr/bin/env bash
# Two machines, made of network namespaces, chat with each other. Needs root and iproute2; run by .ci/run.
#   tests/two-machines.sh FOLDER-OF-PROGRAMS
set -euo pipefail
programs=$(cd "$1" && pwd)
. "$(dirname "$0")/machines.sh"

near "$programs/binder" --listen 0.0.0.0:5000 --insecure 2>"$work/binder" &
printf 'operator-0123456789abcdef\n' >"$work/operators"
mkfifo "$work/console.in"
near "$programs/chat-server" --listen 0.0.0.0:0 --insecure --console --lang pt-BR --admin-token-file "$work/operators" \
    <"$work/console.in" >"$work/console" 2>"$work/server" &
server=$!
exec 5>"$work/console.in"
await server 'registered with the binder'

mkfifo "$work/near.in" "$work/far.in"
near "$programs/chat-client" --json --username ana <"$work/near.in" >"$work/near.out" 2>"$work/near.err" &
exec 3>"$work/near.in"
far "$programs/chat-client" --binder 10.77.0.1:5000 --json --username bia <"$work/far.in" >"$work/far.out" 2>"$work/far.err" &
exec 4>"$work/far.in"
printf '/create rust\n/join rust\n' >&3
await near.out '"event":"joined"'
printf '/join rust\nfrom afar\n' >&4
await near.out '"body":"from afar"'
printf 'from near\n' >&3
await far.out '"body":"from near"'

# Each asker is told an address that he can reach.
[[ $(far "$programs/binder" lookup join_room --binder 10.77.0.1:5000) == 10.77.0.1:* ]] || fail 'lookup from afar'
[[ $(near "$programs/binder" lookup join_room) == 127.0.0.1:* ]] || fail 'lookup from near'

# A server on loopback only is a sentence for those who cannot reach it, not a wrong address.
near "$programs/binder" --listen 0.0.0.0:5001 --insecure 2>"$work/binder2" &
near "$programs/chat-server" --binder 127.0.0.1:5001 2>"$work/server2" &
await server2 'registered with the binder'
if far "$programs/binder" lookup join_room --binder 10.77.0.1:5001 2>"$work/refusal"; then fail 'loopback was told afar'; fi
grep -q 'join_room' "$work/refusal" || fail 'the refusal does not name the procedure'

# An operator at the console, and one on the other machine, who needs his token.
admin() { far "$programs/chat-server" admin --binder 10.77.0.1:5000 --lang pt-BR "$@" 2>>"$work/admin"; }
operator() { admin --token-file "$work/operators" "$@"; }
if admin list; then fail 'an operator without a token was obeyed'; fi
await admin "wants an operator's token"
[[ $(operator create 'Aula 🦀' --limit 2) == 'Sala Aula 🦀 criada.' ]] || fail 'no room was made from afar'
printf '/join Aula 🦀\n' >&4
await far.out '"event":"joined","room":"Aula 🦀"'
[[ $(operator users 'Aula 🦀') == '1 - bia' ]] || fail 'who is in was not told afar'
printf '/participantes\nAula 🦀\n\n' >&5
await console '^1 - bia$'
printf '/SAIR\n' >&5
await far.out '"state":"ended"'
await near.out '"state":"ended"'
wait "$server" || fail 'the server did not end in order'
await console '^Encerrando aplicação...$'

exec 3>&- 4>&- 5>&-
printf 'two machines: they chat\n'
