"""A client that breaks the rules on purpose: each refusal of the real server is the one that the document promises."""

from __future__ import annotations

import socket
from typing import Any

from lab import EMPTY, INPUT, OUTPUT, REQUEST, UNARY, Host, cases, equal, request
from scripted import VECTORS, message
from values import Source
from wire import HEADER, Preface

hostile = cases("hostile")


class Liar:
    """A connection of which nothing is known but its bytes."""

    def __init__(self, host: Host, *said: bytes) -> None:
        self.sock, self.came = host.dial(), b""
        self.say(Preface().encode(), *said)
        equal(self.hear(24)[:8], Preface().encode()[:8])

    def say(self, *said: bytes) -> None:
        self.sock.sendall(b"".join(said))

    def hear(self, count: int) -> bytes:
        while len(self.came) < count:
            data = self.sock.recv(1 << 16)
            if not data:
                raise AssertionError(f"the server closed the connection behind {self.came!r:.100}")
            self.came += data
        heard, self.came = self.came[:count], self.came[count:]
        return heard

    def message(self) -> tuple[str, dict[str, Any]]:
        content = Source(self.hear(int.from_bytes(self.hear(4), "little")))
        ((kind, fields),) = HEADER.read(content).items()
        return kind, fields

    def refused(self, id: int, code: int) -> None:
        kind, fields = self.message()
        status = fields["outcome"]["Status"]
        equal((kind, fields["id"], status["code"], status["may_have_run"]), ("Reply", id, code, False))

    def ended(self, *before: bytes) -> None:
        """Nothing more comes but `before`, and then the end. A reset is an end too: what was said was not read."""
        rest = self.came
        try:
            while data := self.sock.recv(1 << 16):
                rest += data
        except ConnectionResetError:
            pass
        equal(rest, b"".join(before))

    def lives(self) -> None:
        self.say(message("Ping", nonce=9))
        equal(self.message(), ("Pong", {"nonce": 9}))


def call(id: int, procedure: str = "empty_call", payload: bytes = b"", **fields: Any) -> bytes:
    blank: dict[str, Any] = {"remaining_ms": None, "encoding": 0, "metadata": []}
    return message("Call", payload, id=id, procedure=procedure, **{**blank, **fields})


@hostile
def fatal_vectors(host: Host) -> None:
    for row in VECTORS["fatal"]:
        if row["to"] != "client":
            Liar(host, bytes.fromhex(row["hex"])).ended()


@hostile
def prefaces_of_strangers(host: Host) -> None:
    for row in VECTORS["prefaces"]:
        sock = host.dial()
        sock.sendall(bytes.fromhex(row["hex"]))
        if row["verdict"] == "accepted":
            sock.sendall(call(1))
            equal(len(sock.recv(24)), 24)
            continue
        shown = b""
        try:
            while data := sock.recv(100):
                shown += data
        except ConnectionResetError:
            pass
        equal(len(shown), 24 if row["verdict"] in ("other versions", "TLS") else 0)


@hostile
def a_call_that_comes_twice(host: Host) -> None:
    for ids in [(1, 1), (2, 1), (5, 4)]:
        liar = Liar(host, call(ids[0]))
        equal(liar.message()[0], "Reply")
        liar.say(call(ids[1]))
        liar.ended()


@hostile
def ids_may_be_left_out(host: Host) -> None:
    liar = Liar(host)
    for id in [3, 250, 251, 1 << 40, (1 << 63) - 1]:
        liar.say(call(id))
        equal(liar.message(), ("Reply", {"id": id, "outcome": "Returned"}))


@hostile
def refusals_use_the_id_up(host: Host) -> None:
    liar = Liar(host, call(1, "nobody has this"))
    liar.refused(1, 12)
    liar.say(call(1))
    liar.ended()


@hostile
def calls_that_are_refused(host: Host) -> None:
    liar = Liar(host)
    long = "x" * 300
    pairs = [["k", b""]] * 65
    said = [
        (call(1, long), 12),
        (call(2, ""), 12),
        (call(3, encoding=255), 12),
        (call(4, remaining_ms=0), 4),
        (call(5, metadata=[["Capital", b""]]), 3),
        (call(6, metadata=[["", b""]]), 3),
        (call(7, metadata=[["k" * 65, b""]]), 3),
        (call(8, metadata=pairs), 3),
        (call(9, metadata=[["k", bytes(16_384)]]), 3),
        (call(10, payload=b"\0"), 3),
        (call(11, "unary_call"), 3),
    ]
    for id, (data, code) in enumerate(said, 1):
        liar.say(data)
        liar.refused(id, code)
    liar.lives()


@hostile
def at_the_limits(host: Host) -> None:
    liar = Liar(host, call(1, metadata=[["k" * 64, b""]] * 64))
    equal(liar.message()[1]["outcome"], "Returned")
    liar.say(call(2, metadata=[["k", bytes(16_383)]], remaining_ms=(1 << 64) - 1))
    equal(liar.message()[1]["outcome"], "Returned")


@hostile
def one_call_too_many(host: Host) -> None:
    """The server of this case runs four calls at a time, and as many that were given up."""
    gated = UNARY.arguments.encode([request(gated=True)])
    liar = Liar(host, *(call(id, "unary_call", gated) for id in range(1, 6)))
    liar.refused(5, 8)
    liar.say(message("Cancel", id=1), call(6))
    equal(liar.message(), ("Reply", {"id": 6, "outcome": "Returned"}))


@hostile
def items_beyond_the_credit(host: Host) -> None:
    gated, one = REQUEST.encode(request(gated=True)), REQUEST.encode(request())
    liar = Liar(host, call(1, INPUT.name), message("Items", gated + one * 63, id=1, count=64))
    host.ask("hear", "gate", INPUT.name)
    liar.lives()
    liar.say(message("Items", one, id=1, count=1))
    liar.ended()


@hostile
def a_large_message_uses_more_credit(host: Host) -> None:
    """A message of 63 begun 64 KiB leaves credit for one item."""
    gated, one = REQUEST.encode(request(gated=True)), REQUEST.encode(request())
    large = REQUEST.encode(request(62 * 65_536))
    liar = Liar(host, call(1, INPUT.name), message("Items", gated, id=1, count=1))
    host.ask("hear", "gate", INPUT.name)
    liar.say(message("Items", large, id=1, count=1))
    liar.lives()
    liar.say(message("Items", one, id=1, count=1))
    liar.ended()


@hostile
def a_message_of_no_items(host: Host) -> None:
    Liar(host, call(1, INPUT.name), message("Items", id=1, count=0)).ended()


@hostile
def items_behind_the_end(host: Host) -> None:
    gated, one = REQUEST.encode(request(gated=True)), REQUEST.encode(request())
    liar = Liar(host, call(1, INPUT.name), message("Items", gated, id=1, count=1))
    host.ask("hear", "gate", INPUT.name)
    liar.say(message("End", id=1, refusal=None))
    liar.lives()
    liar.say(message("Items", one, id=1, count=1))
    liar.ended()


@hostile
def items_that_do_not_decode_fail_their_call(host: Host) -> None:
    """The procedure learns it as the end of its stream, and this one returns it as its error."""
    for payload in [b"\xff", REQUEST.encode(request()) + b"\0"]:
        liar = Liar(host, call(1, INPUT.name), message("Items", payload, id=1, count=1))
        heard = [liar.message() for _ in range(2)]
        equal(heard, [("Cancel", {"id": 1}), ("Reply", {"id": 1, "outcome": "Failed"})])
        liar.lives()


@hostile
def messages_for_no_call_are_ignored(host: Host) -> None:
    end = {"code": 1, "may_have_run": True, "message": "", "details": b""}
    said = [
        message("Items", b"x", id=7, count=1_000_000),
        message("End", id=7, refusal=end),
        message("Credit", id=7, items=(1 << 32) - 1),
        message("Cancel", id=7),
        message("Pong", nonce=7),
    ]
    liar = Liar(host, *said)
    liar.lives()
    # Items for a call that takes no stream are nobody's either.
    gated = UNARY.arguments.encode([request(gated=True)])
    liar.say(
        call(8, "unary_call", gated), message("Items", b"x", id=8, count=1), message("Credit", id=8, items=1)
    )
    liar.lives()


@hostile
def credit_without_an_end(host: Host) -> None:
    many = OUTPUT.arguments.encode([request(0, *[1] * 200)])
    endless = message("Credit", id=1, items=(1 << 32) - 1)
    liar = Liar(host, call(1, OUTPUT.name, many), endless, endless)
    items = 0
    while (said := liar.message())[0] != "End":
        items += said[1].get("count", 0)
    equal((items, said), (200, ("End", {"id": 1, "refusal": None})))


@hostile
def half_a_frame_and_gone(host: Host) -> None:
    liar = Liar(host, call(1)[:-1])
    # What an SSLSocket does here would also give up what there is to read.
    socket.socket.shutdown(liar.sock, socket.SHUT_WR)
    liar.ended()
    whole = host.connect()
    whole.call(EMPTY)


@hostile
def a_goodbye_is_not_contradicted(host: Host) -> None:
    """Behind a goodbye calls are not answered, pings are."""
    gated = UNARY.arguments.encode([request(0, 1, gated=True)])
    liar = Liar(host, call(1, "unary_call", gated))
    host.ask("hear", "gate", "unary_call")
    host.ask("shutdown")
    kind, fields = liar.message()
    equal((kind, fields["last_accepted"], fields["refusal"]["may_have_run"]), ("Goodbye", 1, False))
    liar.say(call(2))
    liar.lives()
    host.ask("open", 1)
    equal(liar.message(), ("Reply", {"id": 1, "outcome": "Returned"}))
    liar.ended()
