"""What travels: the preface, a message's header, and a status, after rpc-core/PROTOCOL.md."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

from values import NAMED, UNIT, Malformed, Source, Type, parse

REFUSAL = parse("struct{code:u8,may_have_run:bool,message:string,details:bytes}")
HEADER = parse(
    """enum{
    Call{id:u64,procedure:string,remaining_ms:option<u64>,encoding:u8,metadata:seq<tuple<string,bytes>>},
    Reply{id:u64,outcome:enum{Returned,Failed,Status(refusal)}},
    Items{id:u64,count:u32}, End{id:u64,refusal:option<refusal>}, Credit{id:u64,items:u32},
    Cancel{id:u64}, Ping{nonce:u64}, Pong{nonce:u64}, Goodbye{last_accepted:u64,refusal:refusal}}""",
    refusal=REFUSAL,
)
BINCODE, JSON = 0, 1
CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE = 1, 2, 4, 8, 13, 14
# Bytes of a message of items that use the credit of one item.
CREDIT_BYTES = 65_536
# The most that a header may take: its metadata, and a name.
HEADER_ROOM = 24_576


@dataclass
class Status(Exception):
    """The call was not run, or ended without an answer of its procedure."""

    code: int
    message: str
    may_have_run: bool = True
    details: bytes = b""

    @staticmethod
    def read(fields: dict[str, Any]) -> Status:
        code = fields["code"] if 1 <= fields["code"] <= 16 else UNKNOWN
        return Status(code, fields["message"], fields["may_have_run"], fields["details"])


@dataclass
class Failed(Exception):
    """The procedure's own error."""

    error: Any


class Fatal(Exception):
    """The server broke the protocol: the connection cannot go on."""


@dataclass(frozen=True)
class Procedure:
    """What both sides know of a procedure. `takes` and `gives` are the items of its streams, where it has some."""

    name: str
    arguments: Type = UNIT
    returns: Type = UNIT
    fails: Type = NAMED["status"]
    takes: Type | None = None
    gives: Type | None = None


@dataclass(frozen=True)
class Preface:
    """What one side says of itself: its limits."""

    frame: int = 8 << 20
    calls: int = 0
    credit: int = 64

    def encode(self, newest: int = 1, oldest: int = 1) -> bytes:
        return struct.pack(
            "<4sHBBIIII", b"\xf1RPC", 24, newest, oldest, 0, self.frame, self.calls, self.credit
        )

    @staticmethod
    def cut_off(data: bytearray) -> Preface | None:
        """Takes the preface off the beginning of `data`, if it is all there."""
        if not b"\xf1RPC".startswith(data[:4]):
            raise Fatal(f"{bytes(data[:4])!r} is no preface")
        if len(data) < 8:
            return None
        _, length, newest, oldest = struct.unpack_from("<4sHBB", data)
        if not 24 <= length <= 1024:
            raise Fatal(f"a preface of {length} bytes")
        if not oldest <= 1 <= newest:
            raise Fatal(f"it speaks versions {oldest} to {newest}, this side speaks 1")
        if len(data) < length:
            return None
        _, frame, calls, credit = struct.unpack_from("<IIII", data, 8)
        del data[:length]
        return Preface(frame, max(calls, 1), credit)


# What holds for a server until its preface has come.
STRANGER = Preface(frame=65_536, calls=64, credit=0)


def cost(count: int, payload: bytes) -> int:
    """The credit that a message of items uses."""
    return max(count, -(-len(payload) // CREDIT_BYTES))


def pack(of: Type, value: Any, encoding: int) -> bytes:
    """A payload of one value."""
    if encoding == BINCODE:
        return of.encode(value)
    return json.dumps(value, default=list, ensure_ascii=False, separators=(",", ":")).encode()


def unpack(of: Type, payload: bytes, encoding: int) -> Any:
    """The value that a payload is. What JSON has no types for is told from the type."""
    if encoding == BINCODE:
        return of.decode(payload)
    try:
        return of.decode(of.encode(json.loads(payload)))
    except (ValueError, TypeError, KeyError) as error:
        raise Malformed(f"not of its type: {error!r}") from error


def pack_item(of: Type, value: Any, encoding: int) -> bytes:
    """An item of a stream: in JSON one document without a line feed in it, and one behind it."""
    return pack(of, value, encoding) + (b"\n" if encoding == JSON else b"")


def unpack_item(of: Type, source: Source, encoding: int) -> Any:
    """Takes the next item off what has come."""
    if encoding == BINCODE:
        return of.read(source)
    length = source.data.find(b"\n", source.at) - source.at
    if length < 0:
        raise Malformed("an item does not end")
    document = source.take(length)
    source.take(1)
    return unpack(of, document, encoding)
