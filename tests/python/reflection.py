"""Procedures as their server tells of them: the section "Built-in procedures" of rpc-core/PROTOCOL.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rpc_client import Connection
from values import UNIT, Type, parse, product
from wire import JSON, Procedure

DOCUMENT = (Path(__file__).parents[2] / "rpc-core/PROTOCOL.md").read_text("utf-8")


def block(name: str) -> dict[str, Type]:
    """The types that a block of the document defines, each by those before it."""
    types: dict[str, Type] = {}
    for line in DOCUMENT.split(f"```types {name}\n")[1].split("```")[0].splitlines():
        defined, _, notation = line.partition(": ")
        types[defined] = parse(notation, **types)
    return types


def fields(of: Any) -> str:
    """The fields of a struct or variant in the notation of values."""
    if of == "None":
        return ""
    ((kind, told),) = of.items()
    if kind == "Named":
        return "{" + ",".join(f"{field['name']}:{field['shape']}" for field in told) + "}"
    return f"({told})" if kind == "One" else f"({','.join(told)})"


def notation(form: Any) -> str:
    """A named type in the notation of values."""
    ((kind, told),) = form.items()
    if kind == "Enum":
        return "enum{" + ",".join(variant["name"] + fields(variant["fields"]) for variant in told) + "}"
    if told == "None":
        return "unit"
    if "One" in told:
        return str(told["One"])
    return "struct" + fields(told) if "Named" in told else f"tuple<{','.join(told['Places'])}>"


class Named(dict[str, Type]):
    """Named types, each made when it is first asked for: there is no cycle among them."""

    def __init__(self, told: Any) -> None:
        super().__init__()
        self.told = {one["name"]: one["form"] for one in told}

    def of(self, shape: str) -> Type:
        for name in [name for name in self.told if name in shape and name not in self]:
            self[name] = self.of(notation(self.told[name]))
        return parse(shape, **self)


def described(connection: Connection, name: str) -> Procedure:
    """A procedure of which nothing was known but its name."""
    describe = Procedure("rpc.describe", parse("tuple<string>"), block("reflection")["description"])
    told = connection.call(describe, [name], encoding=JSON)
    types = Named(told["types"])
    plain = [types.of(one["of"]["shape"]) for one in told["parameters"] if not one["streams"]]
    streams = [types.of(one["of"]["shape"]) for one in told["parameters"] if one["streams"]]
    result, error = types.of(told["result"]["shape"]), types.of(told["error"]["shape"])
    gives = result if told["kind"] in ("ServerStream", "Bidirectional") else None
    return Procedure(
        name, product(plain), UNIT if gives else result, error, streams[0] if streams else None, gives
    )
