#!/usr/bin/env bash
# The dissector shows what PROTOCOL.md says of its own bytes: `tests/wireshark/check.sh`. Needs tshark and Python 3.
set -euo pipefail
cd "$(dirname "$0")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -B capture.py "$folder/document.pcap"
tshark -X lua_script:../../rpc-core/wireshark/rpc_core.lua -r "$folder/document.pcap" -Y rpc_core \
    -T fields -e tcp.stream -e tcp.srcport -e _ws.col.Info 2>"$folder/complaints" >"$folder/shown" || {
    cat "$folder/complaints"
    exit 1
}
! grep -i -A3 'lua.*error' "$folder/complaints"
diff -u shown.txt "$folder/shown"
echo "tshark shows $(wc -l <shown.txt) packets as they should be"
