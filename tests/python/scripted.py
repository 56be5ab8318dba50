"""The client against servers that are written out beforehand: what it makes of what a server may say or not."""

from __future__ import annotations

import json
import queue
import socket
import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from interop import refused
from lab import EMPTY, FULL_DUPLEX, OUTPUT, RESPONSE, UNARY, Host, cases, equal, request, secured, serving
from rpc_client import Connection
from values import Malformed, Source, parse
from wire import HEADER, Preface, Status

CORE = Path(__file__).parents[2] / "rpc-core"
VECTORS: dict[str, Any] = json.loads((CORE / "vectors.json").read_text("utf-8"))
DOCUMENT = (CORE / "PROTOCOL.md").read_text("utf-8")
SERVER = Preface(calls=1024)
scripted = cases("scripted")


def message(kind: str, payload: bytes = b"", **fields: Any) -> bytes:
    content = HEADER.encode({kind: fields}) + payload
    return struct.pack("<I", len(content)) + content


def refusal(code: int, message: str, may_have_run: bool = True) -> dict[str, Any]:
    return {"code": code, "may_have_run": may_have_run, "message": message, "details": b""}


class Script(threading.Thread):
    """A server that says its preface, then a step of the script at each call that it hears, and leaves behind the last."""

    def __init__(self, sock: socket.socket, preface: bytes, steps: Sequence[bytes], leaves: bool) -> None:
        super().__init__(daemon=True)
        self.sock, self.preface, self.steps, self.leaves = sock, preface, list(steps), leaves
        self.heard: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()

    def run(self) -> None:
        try:
            self.sock = serving(self.sock)
            said = self.sock.makefile("rb")
            self.sock.sendall(self.preface)
            said.read(24)
            while self.steps or not self.leaves:
                content = Source(said.read(int.from_bytes(said.read(4), "little")))
                ((kind, fields),) = HEADER.read(content).items()
                if kind == "Call" and self.steps:
                    self.sock.sendall(self.steps.pop(0))
                self.heard.put((kind, fields))
            self.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, Malformed):
            pass  # The client has closed: this script is over.

    def hear(self, kind: str) -> dict[str, Any]:
        """The next message of this kind; others are passed over."""
        while True:
            came, fields = self.heard.get(timeout=5)
            if came == kind:
                return fields


def meet(
    *steps: bytes, preface: bytes = SERVER.encode(), leaves: bool = False, **options: Any
) -> tuple[Connection, Script]:
    """A client of a script. It says a step at each call, and none at a call behind the last."""
    near, far = socket.socketpair()
    script = Script(far, preface, steps, leaves)
    script.start()
    return Connection(secured(near, "127.0.0.1"), **options), script


def check_lost(connection: Connection) -> None:
    why = refused(lambda: connection.call(EMPTY))
    equal((why.code, connection.lost is not None), (14, True))


@scripted
def values(host: Host) -> None:
    types: dict[str, Any] = {}
    for name, notation in VECTORS["types"].items():
        types[name] = parse(notation, **types)
    for row in VECTORS["values"]:
        of, data = parse(row["type"], **types), bytes.fromhex(row["hex"])
        value = of.decode(data)
        equal(of.encode(value), data)
        if row["json"] is not None and not row["type"].startswith("map<u8"):
            equal(of.encode(row["json"]), data)
    for row in VECTORS["longer"]:
        of = parse(row["type"], **types)
        equal(of.encode(of.decode(bytes.fromhex(row["hex"]))).hex(), row["shortest"])
    for row in VECTORS["malformed"]:
        try:
            came = parse(row["type"], **types).decode(bytes.fromhex(row["hex"]))
        except Malformed:
            continue
        raise AssertionError(f"{row} decoded to {came}")


@scripted
def examples_of_the_document(host: Host) -> None:
    """The values that it shows are vectors, and so tested."""
    rows = DOCUMENT.split("\nSome of each:\n\n")[1].split("\n\n")[0].splitlines()[2:]
    shown = [example for row in rows for example in row.split("|")[2].split("`")[1::2]]
    known = [row["hex"] for row in VECTORS["values"]]
    equal([example for example in shown if example not in known], [])
    equal(len(shown) > 25, True)


@scripted
def messages(host: Host) -> None:
    """The document's type of a header, and this client's, write the vectors."""
    header, refusal = DOCUMENT.split("```types\n")[1].split("```")[0].split("\nrefusal:")
    documented = parse(header, refusal=parse(refusal))
    for row in VECTORS["messages"]:
        payload = bytes.fromhex(row["payload"])
        ((kind, fields),) = row["header"].items()
        equal(message(kind, payload, **fields).hex(), row["hex"])
        equal((documented.encode(row["header"]) + payload).hex(), row["hex"][8:])


@scripted
def prefaces(host: Host) -> None:
    for row in VECTORS["prefaces"]:
        accepted = row["verdict"] == "accepted"
        preface, reply = bytes.fromhex(row["hex"]), message("Reply", id=1, outcome="Returned")
        connection, _ = meet(*[reply] * accepted, preface=preface, leaves=True)
        if not accepted:
            check_lost(connection)
            continue
        connection.call(EMPTY)
        equal(connection.theirs, Preface(row["frame"], max(1, row["calls"]), row["credit"]))


@scripted
def version_mismatch(host: Host) -> None:
    connection, _ = meet(preface=SERVER.encode(newest=9, oldest=2))
    equal("versions 2 to 9" in refused(lambda: connection.call(EMPTY)).message, True)


@scripted
def fatal_messages(host: Host) -> None:
    for row in VECTORS["fatal"]:
        if row["to"] != "server":
            check_lost(meet(bytes.fromhex(row["hex"]))[0])


@scripted
def stream_rules(host: Host) -> None:
    """Items beyond the credit, and a message of none, end the connection."""
    one = RESPONSE.encode({"payload": b"", "surroundings": None})
    begin = message("Reply", id=1, outcome="Returned")
    for count, ends in [(64, False), (65, True), (0, True)]:
        items = message("Items", one * count, id=1, count=count)
        connection, _ = meet(begin + items + message("End", id=1, refusal=None))
        call = connection.start(OUTPUT, [request()])
        if ends:
            equal(refused(lambda: list(call)).code, 14)
        else:
            equal(len(list(call)), count)
        equal(connection.lost is not None, ends)


@scripted
def unknown_calls_are_ignored(host: Host) -> None:
    """What crossed the end of a call on its way, and fields of later versions."""
    said = [
        message("Reply", id=7, outcome="Returned"),
        message("Items", b"x", id=7, count=1),
        message("End", id=7, refusal=refusal(1, "over")),
        message("Credit", b"later", id=7, items=1),
        message("Cancel", b"later", id=7),
        message("Ping", b"later", nonce=1),
        message("Reply", id=1, outcome="Returned"),
    ]
    equal(meet(b"".join(said))[0].call(EMPTY), None)


@scripted
def unrecognized_code(host: Host) -> None:
    for code in [0, 17, 255]:
        outcome = {"Status": refusal(code, "odd", False)}
        connection, _ = meet(message("Reply", id=1, outcome=outcome))
        equal(refused(lambda: connection.call(EMPTY)), Status(2, "odd", False))


@scripted
def answers_that_do_not_decode(host: Host) -> None:
    """They fail their call only."""
    said = [message("Reply", b"\xff", id=1, outcome="Returned"), message("Reply", id=2, outcome="Returned")]
    connection, _ = meet(*said)
    equal(refused(lambda: connection.call(UNARY, [request()])).code, 13)
    connection.call(EMPTY)


@scripted
def items_that_do_not_decode(host: Host) -> None:
    """They fail their stream only, which is given up."""
    begin = message("Reply", id=1, outcome="Returned")
    bad = message("Items", b"\x05", id=1, count=1)
    connection, script = meet(begin + bad, message("Reply", id=2, outcome="Returned"))
    equal(refused(lambda: list(connection.start(OUTPUT, [request()]))).code, 13)
    connection.call(EMPTY)
    equal(script.hear("Cancel"), {"id": 1})


@scripted
def goodbye(host: Host) -> None:
    """A call over the last accepted did not run, whatever the goodbye's status says; those before it are answered."""
    leaving = message("Goodbye", last_accepted=1, refusal=refusal(14, "leaving"))
    connection, _ = meet(b"", leaving + message("Reply", id=1, outcome="Returned"))
    first, second = connection.start(EMPTY), connection.start(EMPTY)
    equal(refused(second.result), Status(14, "leaving", False))
    equal(first.result(), None)
    equal(refused(lambda: connection.start(EMPTY)), Status(14, "leaving", False))


@scripted
def no_end_stream(host: Host) -> None:
    """A connection that is lost in the middle of a stream fails it: what came before is given."""
    one = RESPONSE.encode({"payload": b"", "surroundings": None})
    said = message("Reply", id=1, outcome="Returned") + message("Items", one, id=1, count=1)
    connection, _ = meet(said, leaves=True)
    items = iter(connection.start(OUTPUT, [request()]))
    next(items)
    equal(refused(lambda: next(items)).code, 14)


@scripted
def lost_calls_may_have_run(host: Host) -> None:
    connection, _ = meet(b"", leaves=True)
    why = refused(lambda: connection.call(UNARY, [request()]))
    equal((why.code, why.may_have_run), (14, True))
    equal(refused(lambda: connection.start(EMPTY)).may_have_run, False)


@scripted
def no_more_items_wanted(host: Host) -> None:
    """A server's Cancel ends what is sent to it; the call goes on."""
    said = [
        message("Cancel", id=1),
        message("Reply", id=1, outcome="Returned"),
        message("End", id=1, refusal=None),
    ]
    connection, _ = meet(b"".join(said))
    call = connection.start(FULL_DUPLEX, [request()])
    call.result()
    equal(refused(lambda: call.send(request())).code, 1)
    equal(list(call), [])


@scripted
def keep_alive(host: Host) -> None:
    """A server that says nothing is pinged, and given up when it does not answer."""
    connection, script = meet(keepalive=0.05, pong_time=0.1)
    call = connection.start(EMPTY)
    why = refused(call.result)
    equal((why.code, why.may_have_run), (14, True))
    equal(script.hear("Ping"), {"nonce": 0})
    patient, _ = meet(message("Reply", id=1, outcome="Returned"), keepalive=0.05, pong_time=10.0)
    equal(patient.call(EMPTY), None)
