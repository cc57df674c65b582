"""Property bags: protobuf structs to Python values and back, with unknowns, secrets and assets.

The signatures are Pulumi's wire format (pulumi/sdk go/common/resource/sig). Secrets never arrive, because the servicers say
`acceptSecrets=False`: the engine keeps them and marks outputs of the same name; only new secrets are wrapped here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.struct_pb2 import ListValue, Struct, Value

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
UNKNOWN_ON_THE_WIRE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Unknown:
    """A value that only the update will know. There is one: UNKNOWN."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


class UnsupportedValue(Exception):
    """A value that the stand-in cannot take."""


@dataclass(frozen=True)
class Secret:
    """An output to be marked secret."""

    value: Any


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file or a text. In `Diff`, `Read` and old values the engine sends the hash alone (SHA-256, hex)."""

    hash: str
    path: str = ""
    text: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asset) and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    def content(self) -> bytes:
        """The bytes; raises OSError when the file is not readable, UnsupportedValue when it is not what was hashed."""
        content = Path(self.path).read_bytes() if self.path else self.text.encode()
        if hashlib.sha256(content).hexdigest() != self.hash:
            raise UnsupportedValue(f"the content of asset {self.path or 'text'} is no longer what the program declared")
        return content


def from_struct(struct: Struct) -> dict[str, Any]:
    """A property bag as a dict; null entries are left out."""
    return _from_fields(struct.fields)


def _from_fields(fields: Mapping[str, Value]) -> dict[str, Any]:
    values = {key: _from_value(value) for key, value in fields.items()}
    return {key: value for key, value in values.items() if value is not None}


def _from_value(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _from_object(value.struct_value)
        case "list_value":
            return [_from_value(item) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return UNKNOWN if value.string_value == UNKNOWN_ON_THE_WIRE else value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _from_object(struct: Struct) -> Any:
    fields = struct.fields
    signature = fields[SIGNATURE].string_value if SIGNATURE in fields else ""
    if not signature:
        return _from_fields(fields)
    if signature == SECRET:
        return _from_value(fields["value"])
    if signature == ASSET:
        if "uri" in fields and fields["uri"].string_value:
            raise UnsupportedValue("a remote asset (uri) is not supported by the stand-in: use a FileAsset or StringAsset")
        return Asset(**{key: fields[key].string_value for key in ("hash", "path", "text") if key in fields})
    if signature == ARCHIVE:
        raise UnsupportedValue("archives are not supported by the stand-in: build the file and use a FileAsset")
    raise UnsupportedValue(f"a property value of Pulumi type {signature} is not supported by the stand-in")


def to_struct(bag: Mapping[str, Any]) -> Struct:
    """The reverse of `from_struct`; None entries are left out."""
    return Struct(fields={key: _to_value(value) for key, value in bag.items() if value is not None})


def _to_value(value: Any) -> Value:
    match value:
        case None:
            return Value(null_value=0)
        case bool():
            return Value(bool_value=value)
        case int() | float():
            return Value(number_value=value)
        case str():
            return Value(string_value=value)
        case Unknown():
            return Value(string_value=UNKNOWN_ON_THE_WIRE)
        case Secret():
            return Value(struct_value=Struct(fields={SIGNATURE: _to_value(SECRET), "value": _to_value(value.value)}))
        case Asset():
            fields = {SIGNATURE: ASSET, "hash": value.hash}
            # The engine wants one of path and text, be it empty, to tell which kind of asset it is.
            fields |= {"path": value.path} if value.path else {"text": value.text}
            return Value(struct_value=to_struct(fields))
        case Mapping():
            return Value(struct_value=to_struct(value))
        case Iterable():
            return Value(list_value=ListValue(values=[_to_value(item) for item in value]))
        case _:
            raise TypeError(f"a table returned {value!r} ({type(value).__name__}): no property value")


def has_unknown(value: Any) -> bool:
    match value:
        case Unknown():
            return True
        case Mapping():
            return any(has_unknown(item) for item in value.values())
        case list():
            return any(has_unknown(item) for item in value)
        case _:
            return False
