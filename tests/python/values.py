"""Values and their bytes: the section "Values" of rpc-core/PROTOCOL.md.

A type is written as the document writes it, `seq<tuple<string,bytes>>` or `enum{Empty,Circle(u32)}`, and `parse` makes
something of it that encodes and decodes. Python's value of a type is its value in JSON, but for `bytes`: a struct is a
dict, a variant without fields its name, a variant with fields `{name: fields}`, none is None.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any


class Malformed(ValueError):
    """Bytes that are not a value of their type."""


class Source:
    """Bytes that are taken from their beginning."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, count: int) -> bytes:
        if count > self.left():
            raise Malformed(f"{count} bytes are needed, {self.left()} are left")
        self.at += count
        return self.data[self.at - count : self.at]


class Type:
    """How values of one type are written and read."""

    def __init__(self, write: Callable[[Any, bytearray], None], read: Callable[[Source], Any]) -> None:
        self.write, self.read = write, read

    def encode(self, value: Any) -> bytes:
        out = bytearray()
        self.write(value, out)
        return bytes(out)

    def decode(self, data: bytes) -> Any:
        """The value that all of `data` is."""
        source = Source(data)
        value = self.read(source)
        if source.left():
            raise Malformed(f"{source.left()} bytes are left over")
        return value


# What a varint's first byte says: the width of the number behind it.
WIDTHS = {251: 2, 252: 4, 253: 8, 254: 16}


def write_varint(number: int, out: bytearray) -> None:
    if number <= 250:
        out.append(number)
        return
    tag, width = next(pair for pair in WIDTHS.items() if number < 1 << 8 * pair[1])
    out.append(tag)
    out += number.to_bytes(width, "little")


def read_varint(source: Source, widest: int) -> int:
    first = source.take(1)[0]
    if first <= 250:
        return first
    width = WIDTHS.get(first)
    if width is None or width > widest:
        raise Malformed(f"no number of {widest} bytes begins with {first}")
    return int.from_bytes(source.take(width), "little")


def unsigned(width: int) -> Type:
    def write(value: int, out: bytearray) -> None:
        if not 0 <= value < 1 << 8 * width:
            raise ValueError(f"{value} is no u{8 * width}")
        write_varint(value, out) if width > 1 else out.append(value)

    return Type(write, lambda source: read_varint(source, width) if width > 1 else source.take(1)[0])


def signed(width: int) -> Type:
    if width == 1:
        return Type(
            lambda value, out: out.extend(struct.pack("b", value)),
            lambda source: struct.unpack("b", source.take(1))[0],
        )
    zigzag = unsigned(width)

    def read(source: Source) -> int:
        number: int = zigzag.read(source)
        return number // 2 if number % 2 == 0 else -(number + 1) // 2

    return Type(lambda value, out: zigzag.write(2 * value if value >= 0 else -2 * value - 1, out), read)


def floating(form: str) -> Type:
    width = struct.calcsize(form)
    return Type(
        lambda value, out: out.extend(struct.pack(form, value)),
        lambda source: struct.unpack(form, source.take(width))[0],
    )


def chosen(source: Source, limit: int) -> int:
    """A byte that says which of a few things follows."""
    byte = source.take(1)[0]
    if byte >= limit:
        raise Malformed(f"{byte} is not under {limit}")
    return byte


def text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"no UTF-8: {error}") from error


def read_char(source: Source) -> str:
    first = source.take(1)
    more = next((more for more, below in enumerate([0x80, 0xE0, 0xF0, 0xF8]) if first[0] < below), None)
    if more is None:
        raise Malformed(f"no character begins with {first[0]}")
    return text(first + source.take(more))


def read_length(source: Source) -> int:
    """A number of bytes, or of elements of at least one byte: more than what is left cannot follow."""
    length = read_varint(source, 8)
    if length > source.left():
        raise Malformed(f"{length} are promised, {source.left()} bytes are left")
    return length


def write_block(data: bytes, out: bytearray) -> None:
    write_varint(len(data), out)
    out += data


def option(of: Type) -> Type:
    def write(value: Any, out: bytearray) -> None:
        out.append(value is not None)
        if value is not None:
            of.write(value, out)

    return Type(write, lambda source: of.read(source) if chosen(source, 2) else None)


def seq(of: Type) -> Type:
    def write(values: Sequence[Any], out: bytearray) -> None:
        write_varint(len(values), out)
        for value in values:
            of.write(value, out)

    return Type(write, lambda source: [of.read(source) for _ in range(read_length(source))])


def mapping(key: Type, of: Type) -> Type:
    pairs = seq(product([key, of]))
    return Type(
        lambda value, out: pairs.write(sorted(value.items()), out), lambda source: dict(pairs.read(source))
    )


def product(parts: Sequence[Type]) -> Type:
    """One behind the other: a tuple, an array."""

    def write(values: Sequence[Any], out: bytearray) -> None:
        for part, value in zip(parts, values, strict=True):
            part.write(value, out)

    return Type(write, lambda source: [part.read(source) for part in parts])


def record(fields: Mapping[str, Type]) -> Type:
    def write(value: Mapping[str, Any], out: bytearray) -> None:
        for name, of in fields.items():
            of.write(value.get(name), out)

    return Type(write, lambda source: {name: of.read(source) for name, of in fields.items()})


def variants(names: Mapping[str, Type | None]) -> Type:
    """An enum: the variant's number, then its fields."""
    numbered = list(names.items())

    def write(value: Any, out: bytearray) -> None:
        name, fields = (value, None) if isinstance(value, str) else next(iter(value.items()))
        write_varint(list(names).index(name), out)
        of = names[name]
        if of is not None:
            of.write(fields, out)

    def read(source: Source) -> Any:
        number = read_varint(source, 4)
        if number >= len(numbered):
            raise Malformed(f"there is no variant {number}")
        name, of = numbered[number]
        return name if of is None else {name: of.read(source)}

    return Type(write, read)


UNIT = Type(lambda value, out: None, lambda source: None)
STRING = Type(
    lambda value, out: write_block(value.encode("utf-8"), out),
    lambda source: text(source.take(read_length(source))),
)
BYTES = Type(
    lambda value, out: write_block(bytes(value), out), lambda source: source.take(read_length(source))
)

NAMED: dict[str, Type] = {
    **{f"u{8 * width}": unsigned(width) for width in (1, 2, 4, 8, 16)},
    **{f"i{8 * width}": signed(width) for width in (1, 2, 4, 8, 16)},
    "bool": Type(lambda value, out: out.append(value), lambda source: bool(chosen(source, 2))),
    "f32": floating("<f"),
    "f64": floating("<d"),
    "char": Type(lambda value, out: out.extend(value.encode("utf-8")), read_char),
    "string": STRING,
    "bytes": BYTES,
    "unit": UNIT,
}


class Parser:
    """Reads a type as the document writes it."""

    def __init__(self, notation: str, known: Mapping[str, Type]) -> None:
        self.words, self.known = re.findall(r"\w+|[<>(){}:,]", notation)[::-1], known

    def next(self, *expected: str) -> str:
        word = self.words.pop() if self.words else "the end"
        if expected and word not in expected:
            raise ValueError(f"{word!r} where {' or '.join(expected)} is due")
        return word

    def opens(self, bracket: str) -> bool:
        return bool(self.words) and self.words[-1] == bracket and bool(self.words.pop())

    def type(self) -> Type:
        word = self.next()
        if word == "struct" and self.opens("{"):
            return record(self.fields())
        if word == "enum" and self.opens("{"):
            return variants(dict(self.listed("}", self.variant)))
        if not self.opens("<"):
            return self.known[word]
        if word == "array":
            of, _ = self.type(), self.next(",")
            return product([of] * int(self.next() + self.next(">")[:0]))
        parts = self.listed(">", self.type)
        kinds: dict[str, Callable[..., Type]] = {"option": option, "seq": seq, "map": mapping}
        if word == "result":
            return variants({"Ok": parts[0], "Err": parts[1]})
        return product(parts) if word == "tuple" else kinds[word](*parts)

    def listed(self, end: str, read: Callable[[], Any]) -> list[Any]:
        found = [read()]
        while self.next(",", end) == ",":
            found.append(read())
        return found

    def fields(self) -> dict[str, Type]:
        return dict(self.listed("}", self.field))

    def field(self) -> tuple[str, Type]:
        name, _ = self.next(), self.next(":")
        return name, self.type()

    def variant(self) -> tuple[str, Type | None]:
        name = self.next()
        if self.opens("{"):
            return name, record(self.fields())
        if not self.opens("("):
            return name, None
        parts = self.listed(")", self.type)
        return name, parts[0] if len(parts) == 1 else product(parts)


def parse(notation: str, **known: Type) -> Type:
    """The type that is written so; `known` are names of types beside those of the document."""
    return Parser(notation, {**NAMED, **known}).type()


NAMED["duration"] = parse("struct{secs:u64,nanos:u32}")
NAMED["status"] = parse("struct{code:u8,execution:enum{DidNotRun,MayHaveRun},message:string,details:bytes}")
