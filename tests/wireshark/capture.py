"""Writes a capture of the conversations that rpc-core/PROTOCOL.md shows: `capture.py FILE`.

Each is a TCP connection of its own on port 5000, behind the prefaces of the first. The first is there twice, cut into
segments of 10 bytes the second time, as a network may cut it.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

DOCUMENT = (Path(__file__).parents[2] / "rpc-core/PROTOCOL.md").read_text("utf-8")


def conversations() -> dict[str, list[tuple[str, bytes]]]:
    """Who says what, by conversation. A number marked `~` is taken as it stands."""
    found: dict[str, list[tuple[str, bytes]]] = {}
    for block in DOCUMENT.split("```hex ")[1:]:
        label, _, lines = block.split("```")[0].partition("\n")
        name, _, side = label.partition(" ")
        digits = "".join(line.split(";")[0] for line in lines.splitlines())
        said = bytes.fromhex(digits.replace("~", "").replace(" ", ""))
        found.setdefault(name, []).append((side.partition(":")[0], said))
    greeting = found["exchange"][:2]
    return {name: said if name == "exchange" else greeting + said for name, said in found.items()}


class Capture:
    """A file of packets, in the classic format of tcpdump, of IPv4 without a link layer."""

    def __init__(self, path: str) -> None:
        self.file, self.time = open(path, "wb"), 0
        self.file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101))

    def packet(self, ports: tuple[int, int], numbers: tuple[int, int], flags: int, data: bytes) -> None:
        tcp = struct.pack(">HHIIBBHHH", *ports, *numbers, 5 << 4, flags, 65_535, 0, 0)
        ends = b"\x7f\0\0\1" * 2
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp) + len(data), 0, 0x4000, 64, 6, 0) + ends
        self.time += 1
        size = len(ip) + len(tcp) + len(data)
        self.file.write(struct.pack("<IIII", self.time // 1000, self.time % 1000 * 1000, size, size))
        self.file.write(ip + tcp + data)

    def connection(self, port: int, said: list[tuple[str, bytes]], segment: int) -> None:
        ports = {"client": (port, 5000), "server": (5000, port)}
        sent = {"client": 1, "server": 1}
        self.packet(ports["client"], (0, 0), 0x02, b"")
        self.packet(ports["server"], (0, 1), 0x12, b"")
        for side, data in said:
            other = "server" if side == "client" else "client"
            for at in range(0, len(data), segment):
                piece = data[at : at + segment]
                self.packet(ports[side], (sent[side], sent[other]), 0x18, piece)
                sent[side] += len(piece)


def main(path: str) -> None:
    capture, all_of_them = Capture(path), conversations()
    for port, (_, said) in enumerate(all_of_them.items(), 40_001):
        capture.connection(port, said, 65_000)
    capture.connection(40_009, all_of_them["exchange"], 10)
    capture.file.close()


main(sys.argv[1])
