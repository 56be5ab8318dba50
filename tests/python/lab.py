"""The cases of the conformance program, and the host that serves them.

The host is the test that has started this program. A line of standard output asks it for something, a line of standard
input is its answer: `begin CASE` for the address of a new server, `open N` lets gated requests pass, `hear gate PROCEDURE`,
`hear cancelled PROCEDURE` and `hear broken` wait until the service has seen that, `shutdown` ends the server in order.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from rpc_client import Connection
from values import NAMED, parse
from wire import BINCODE, Preface, Procedure

# The service of tests/tests/conformance/service.rs, as the document writes types.
TYPES = dict(NAMED)
TYPES["wanted"] = parse("struct{size:u64,after:duration}")
TYPES["request"] = parse(
    "struct{payload:bytes,responses:seq<wanted>,status:option<status>,telling:bool,gated:bool}", **TYPES
)
TYPES["surroundings"] = parse("struct{metadata:seq<tuple<string,bytes>>,remaining:option<duration>}")
TYPES["response"] = parse("struct{payload:bytes,surroundings:option<surroundings>}", **TYPES)
TYPES["total"] = parse("struct{requests:u32,payload_size:u64,surroundings:option<surroundings>}", **TYPES)

REQUEST, RESPONSE, TOTAL = TYPES["request"], TYPES["response"], TYPES["total"]
ONE_REQUEST = parse("tuple<request>", **TYPES)

EMPTY = Procedure("empty_call")
UNARY = Procedure("unary_call", ONE_REQUEST, RESPONSE)
INPUT = Procedure("streaming_input_call", returns=TOTAL, takes=REQUEST)
OUTPUT = Procedure("streaming_output_call", ONE_REQUEST, gives=RESPONSE)
FULL_DUPLEX = Procedure("full_duplex_call", ONE_REQUEST, takes=REQUEST, gives=RESPONSE)
HALF_DUPLEX = Procedure("half_duplex_call", takes=REQUEST, gives=RESPONSE)


def request(size: int = 0, *wanted: int, after: float = 0, **more: Any) -> dict[str, Any]:
    """A request of `size` zeros for responses of `wanted` zeros, each after a pause."""
    pause = {"secs": int(after), "nanos": int(after % 1 * 1e9)}
    responses = [{"size": size, "after": pause} for size in wanted]
    blank = {"status": None, "telling": False, "gated": False}
    return {**blank, "payload": bytes(size), "responses": responses, **more}


def status(code: int, message: str, details: bytes = b"") -> dict[str, Any]:
    return {"code": code, "execution": "MayHaveRun", "message": message, "details": details}


class Host:
    """The server of one case."""

    def __init__(self, encoding: int) -> None:
        self.encoding, self.address = encoding, ""
        self.sockets: list[socket.socket] = []
        # Bytes are numbers in JSON, which an unoptimised server is slow to read: less of them do there.
        self.often, self.large = (50, (271_828, 314_159)) if encoding == BINCODE else (5, (27_182, 31_415))

    def ask(self, *words: object) -> str:
        print(*words, flush=True)
        return sys.stdin.readline().strip()

    def dial(self) -> socket.socket:
        """A connection on which nothing has been said."""
        family = socket.AF_UNIX if self.address.startswith("unix:") else socket.AF_INET
        sock = socket.socket(family)
        self.sockets.append(sock)
        sock.settimeout(10)
        host, _, port = self.address.partition(":")
        sock.connect(port if host == "unix" else (host, int(port)))
        sock = secured(sock, host)
        self.sockets.append(sock)
        return sock

    def connect(self, ours: Preface = Preface(), **options: Any) -> Connection:
        return Connection(self.dial(), ours, encoding=self.encoding, **options)


def secured(sock: socket.socket, host: str) -> socket.socket:
    """TLS around it, with a server that the authority in the environment vouches for; without one the same socket."""
    if "RPC_CA" not in os.environ:
        return sock
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=os.environ["RPC_CA"])
    context.set_alpn_protocols(["rpc-core"])
    return context.wrap_socket(sock, server_hostname=host)


def serving(sock: socket.socket) -> socket.socket:
    """As `secured`, for a server that is 127.0.0.1: the environment has its certificate and key."""
    if "RPC_CA" not in os.environ:
        return sock
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as identity:
        identity.write(os.environ["RPC_IDENTITY"])
        identity.flush()
        context.load_cert_chain(identity.name)
    context.set_alpn_protocols(["rpc-core"])
    return context.wrap_socket(sock, server_side=True)


Case = Callable[[Host], None]
CASES: dict[str, list[Case]] = {}


def cases(group: str) -> Callable[[Case], Case]:
    """Marks a case of a group: `interop`, `scripted` or `hostile`."""

    def mark(case: Case) -> Case:
        CASES.setdefault(group, []).append(case)
        return case

    return mark


def equal(came: Any, expected: Any) -> None:
    if came != expected:
        raise AssertionError(f"{came!r:.300} instead of {expected!r:.300}")
