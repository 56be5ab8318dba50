"""A client of rpc-core, written from rpc-core/PROTOCOL.md: the standard library, no thread of its own.

Whoever waits, for an answer, an item or credit, reads the connection for all its calls; so a connection belongs to one
thread. What a call fails with is a `Status`, or `Failed` with the error that is the procedure's own.

    connection = Connection(socket.create_connection(("127.0.0.1", 4000)))
    greet = Procedure("greet", parse("tuple<string>"), parse("string"))
    print(connection.call(greet, ["Ana"]))
    for event in connection.start(Procedure("events", gives=parse("struct{seq:u64,text:string}")), deadline=None):
        print(event)
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import ceil
from time import monotonic
from typing import Any

from values import Malformed, Source, Type
from wire import (
    BINCODE,
    CANCELLED,
    DEADLINE_EXCEEDED,
    HEADER,
    HEADER_ROOM,
    INTERNAL,
    RESOURCE_EXHAUSTED,
    STRANGER,
    UNAVAILABLE,
    Failed,
    Fatal,
    Preface,
    Procedure,
    Status,
    cost,
    pack,
    pack_item,
    unpack,
    unpack_item,
)

# What a socket says that is to be asked again later.
WOULD_WAIT = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
# How long a server may take nothing.
WRITE_STALL = 30.0


class Connection:
    """One connection to a server."""

    def __init__(
        self,
        sock: socket.socket,
        ours: Preface = Preface(),
        *,
        encoding: int = BINCODE,
        keepalive: float = 20.0,
        pong_time: float = 20.0,
    ) -> None:
        self.sock, self.ours, self.encoding = sock, ours, encoding
        self.keepalive, self.pong_time = keepalive, pong_time
        self.theirs, self.greeted = STRANGER, False
        self.inbound, self.calls, self.last_id = bytearray(), dict[int, Call](), 0
        # Why no further call can be sent, and why nothing comes any more.
        self.leaving: Status | None = None
        self.lost: Status | None = None
        self.pong: int | None = None
        sock.setblocking(False)
        self.send(ours.encode())

    def start(
        self,
        procedure: Procedure,
        arguments: Any = None,
        *,
        deadline: float | None = 30.0,
        metadata: Sequence[tuple[str, bytes]] = (),
        encoding: int | None = None,
    ) -> Call:
        """Sends a call, as soon as the server has a place for it, and does not wait for its answer."""
        until = None if deadline is None else monotonic() + deadline
        encoding = self.encoding if encoding is None else encoding
        payload = pack(procedure.arguments, arguments, encoding)
        large = len(payload) + HEADER_ROOM > STRANGER.frame
        try:
            self.wait(lambda: self.leaving is not None or self.has_place(large), until)
        except TimeoutError:
            raise Status(
                DEADLINE_EXCEEDED, "the server had no place for the call in its time", False
            ) from None
        if self.leaving:
            raise replace(self.leaving, may_have_run=False)
        header = {
            "id": self.last_id + 1,
            "procedure": procedure.name,
            "encoding": encoding,
            "metadata": metadata,
        }
        header["remaining_ms"] = None if until is None else max(1, ceil((until - monotonic()) * 1000))
        frame = self.frame({"Call": header}, payload)
        self.last_id += 1
        call = self.calls[self.last_id] = Call(self, self.last_id, procedure, until, encoding)
        self.send(frame)
        return call

    def has_place(self, large: bool) -> bool:
        return len(self.calls) < self.theirs.calls and (self.greeted or not large)

    def call(self, procedure: Procedure, arguments: Any = None, **options: Any) -> Any:
        """Calls a procedure without streams and waits for what it returns."""
        return self.start(procedure, arguments, **options).result()

    def ping(self, nonce: int, deadline: float = 10.0) -> None:
        self.send(self.frame({"Ping": {"nonce": nonce}}))
        self.wait(lambda: self.pong == nonce or self.lost is not None, monotonic() + deadline)

    def close(self) -> None:
        self.end(Status(CANCELLED, "the connection was closed here"))

    def frame(self, message: dict[str, Any], payload: bytes = b"") -> bytes:
        content = HEADER.encode(message) + payload
        if len(content) > self.theirs.frame:
            raise Status(
                RESOURCE_EXHAUSTED, f"a frame of {len(content)} bytes, allowed are {self.theirs.frame}", False
            )
        return struct.pack("<I", len(content)) + content

    def send(self, data: bytes) -> None:
        """Writes all of `data`. What comes meanwhile is taken in, or two full directions would wait for each other."""
        left = memoryview(data)
        while left and not self.lost:
            readable, writable, _ = select.select([self.sock], [self.sock], [], WRITE_STALL)
            if readable:
                self.take_in()
            elif not writable:
                self.end(Status(UNAVAILABLE, "the server takes nothing"))
            if writable and not self.lost:
                try:
                    left = left[self.sock.send(left) :]
                except WOULD_WAIT:
                    pass
                except OSError:
                    # What the server said before is still read, and then its end.
                    return

    def wait(self, ready: Callable[[], bool], until: float | None) -> None:
        """Reads until `ready`; raises `TimeoutError` after `until`. Asks a server that says nothing whether it is there."""
        heard, asked = monotonic(), False
        while not ready():
            if self.lost:
                raise self.lost
            now, patience = monotonic(), heard + (self.pong_time if asked else self.keepalive)
            if until is not None and now >= until:
                raise TimeoutError
            if now >= patience and asked:
                self.end(Status(UNAVAILABLE, "the server said nothing, and did not answer a ping"))
            elif now >= patience:
                heard, asked = now, True
                self.send(self.frame({"Ping": {"nonce": 0}}))
            elif select.select([self.sock], [], [], min(patience, until or patience) - now)[0]:
                self.take_in()
                heard, asked = monotonic(), False

    def take_in(self) -> None:
        """Reads what has come, and sorts what is complete."""
        try:
            data = self.sock.recv(1 << 16)
            while isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
                # What TLS has taken off the socket does not make it readable again.
                data += self.sock.recv(1 << 16)
        except WOULD_WAIT:
            return
        except OSError:
            data = b""
        self.inbound += data
        try:
            while self.sort_next():
                pass
        except (Fatal, Malformed) as error:
            self.end(Status(UNAVAILABLE, f"the server broke the protocol: {error}"))
        if not data:
            self.end(Status(UNAVAILABLE, "the server closed the connection"))

    def sort_next(self) -> bool:
        """Takes the next preface or message off what has come; false if it is not all there."""
        if not self.greeted:
            preface = Preface.cut_off(self.inbound)
            if preface is None:
                return False
            self.greeted, self.theirs = True, preface
            for call in self.calls.values():
                call.credit += preface.credit
        length = int.from_bytes(self.inbound[:4], "little")
        if len(self.inbound) >= 4 and not 1 <= length <= self.ours.frame:
            raise Fatal(f"a frame of {length} bytes")
        if len(self.inbound) < 4 + length or length == 0:
            return False
        content = Source(bytes(self.inbound[4 : 4 + length]))
        del self.inbound[: 4 + length]
        message = HEADER.read(content)
        ((kind, fields),) = message.items()
        self.sort(kind, fields, content.take(content.left()))
        return True

    def sort(self, kind: str, fields: dict[str, Any], payload: bytes) -> None:
        call = self.calls.get(fields.get("id", 0))
        if kind == "Goodbye":
            self.leaving = self.leaving or Status.read(fields["refusal"])
            for later in [call for call in self.calls.values() if call.id > fields["last_accepted"]]:
                later.end(replace(self.leaving, may_have_run=False))
        elif kind == "Pong":
            self.pong = fields["nonce"]
        elif kind == "Call":
            raise Fatal("a call came from a server")
        elif call is None or kind == "Ping":
            pass  # It crossed the end of its call on the way; or its being read is the answer.
        elif kind == "Reply":
            call.answered(fields["outcome"], payload)
        elif kind == "Items":
            call.came(fields["count"], payload)
        elif kind == "End":
            call.end(Status.read(fields["refusal"]) if fields["refusal"] else None)
        elif kind == "Credit":
            call.credit += fields["items"]
        elif kind == "Cancel":
            call.unwanted = True

    def end(self, why: Status) -> None:
        self.lost = self.lost or why
        self.leaving = self.leaving or replace(why, may_have_run=False)
        for call in list(self.calls.values()):
            call.end(self.lost)
        self.sock.close()


class Call:
    """A call under way, and its streams."""

    def __init__(
        self, connection: Connection, id: int, procedure: Procedure, until: float | None, encoding: int
    ) -> None:
        self.connection, self.id, self.procedure = connection, id, procedure
        self.until, self.encoding = until, encoding
        self.reply: tuple[str, bytes] | None = None
        self.over, self.why = False, None  # type: bool, Status | None
        # What may be sent; whether the server wants no more of it.
        self.credit, self.unwanted = connection.theirs.credit, False
        # What has come and is not taken, what the server may still send, and what is to be given back to it.
        self.items: deque[tuple[int, bytes]] = deque()
        self.granted, self.taken = connection.ours.credit, 0

    def result(self) -> Any:
        """What the procedure returns. Of one that gives a stream: returns once the stream has begun."""
        self.wait(lambda: self.reply is not None or self.over)
        if self.reply is None:
            assert self.why is not None
            raise self.why
        outcome, payload = self.reply
        if self.procedure.gives and outcome == "Returned":
            return None
        try:
            value = unpack(
                self.procedure.returns if outcome == "Returned" else self.procedure.fails,
                payload,
                self.encoding,
            )
        except Malformed as error:
            raise Status(INTERNAL, f"the answer does not decode: {error}") from error
        if outcome == "Failed":
            raise Failed(value)
        return value

    def send(self, item: Any) -> None:
        """Sends an item of the call's stream, once there is credit for it."""
        assert self.procedure.takes is not None
        payload = pack_item(self.procedure.takes, item, self.encoding)
        frame = self.connection.frame({"Items": {"id": self.id, "count": 1}}, payload)
        self.wait(lambda: self.credit >= 1 or self.over or self.unwanted)
        if self.over or self.unwanted:
            raise self.why or Status(CANCELLED, "the server wants no more items")
        self.credit -= cost(1, payload)
        self.connection.send(frame)

    def finish(self) -> None:
        """The regular end of the call's stream."""
        if not self.over:
            self.connection.send(self.connection.frame({"End": {"id": self.id, "refusal": None}}))

    def __iter__(self) -> Iterator[Any]:
        """The items of the stream that the procedure gives, to its end."""
        self.result()
        gives = self.procedure.gives
        assert gives is not None
        while True:
            self.wait(lambda: bool(self.items) or self.over)
            if not self.items:
                if self.why:
                    raise self.why
                return
            count, payload = self.items.popleft()
            source = Source(payload)
            for number in range(count):
                yield self.item(gives, source)
                self.give_back(1 if number + 1 < count else 1 + cost(count, payload) - count)
            if source.left():
                raise self.give_up(Status(INTERNAL, f"{source.left()} bytes are left over behind items"))

    def item(self, of: Type, source: Source) -> Any:
        try:
            return unpack_item(of, source, self.encoding)
        except Malformed as error:
            raise self.give_up(Status(INTERNAL, f"an item does not decode: {error}")) from error

    def cancel(self) -> None:
        """Nobody waits for this call any more."""
        self.give_up(Status(CANCELLED, "the call was given up"))

    def give_up(self, why: Status) -> Status:
        if not self.over:
            self.end(why)
            self.connection.send(self.connection.frame({"Cancel": {"id": self.id}}))
        return why

    def give_back(self, used: int) -> None:
        """Half of the credit is given back at a time."""
        self.taken += used
        if self.taken >= max(1, self.connection.ours.credit // 2) and not self.over:
            self.granted += self.taken
            self.connection.send(self.connection.frame({"Credit": {"id": self.id, "items": self.taken}}))
            self.taken = 0

    def wait(self, ready: Callable[[], bool]) -> None:
        try:
            self.connection.wait(ready, self.until)
        except TimeoutError:
            raise self.give_up(
                Status(DEADLINE_EXCEEDED, f"{self.procedure.name} took longer than its time")
            ) from None

    def answered(self, outcome: Any, payload: bytes) -> None:
        if isinstance(outcome, dict):
            return self.end(Status.read(outcome["Status"]))
        self.reply = (outcome, payload)
        if outcome == "Failed" or not self.procedure.gives:
            self.end(None)

    def came(self, count: int, payload: bytes) -> None:
        if not 1 <= count <= self.granted:
            raise Fatal(f"{count} items came on a stream with credit for {self.granted}")
        self.granted -= cost(count, payload)
        self.items.append((count, payload))

    def end(self, why: Status | None) -> None:
        """The call is over: `why` it is, unless it came to its regular end."""
        if not self.over:
            self.over, self.why = True, why
            self.connection.calls.pop(self.id, None)
