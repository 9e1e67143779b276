"""Frozen dataclasses to compact JSON and back.

Fields that equal their default are left out, because DynamoDB bills by the kilobyte and an order's
state is written at every step. Reading fills the defaults in again.
"""

import dataclasses
from typing import Any, TypeVar, cast

import msgspec

T = TypeVar("T")

_DECODERS: dict[type, "msgspec.json.Decoder[Any]"] = {}
_DEFAULTS: dict[type, tuple[tuple[str, object], ...]] = {}


def to_json(value: object) -> str:
    return msgspec.json.encode(_compact(value)).decode()


def from_json(text: str, as_type: type[T]) -> T:
    """Raises ``msgspec.ValidationError`` when ``text`` is not an ``as_type``."""
    return _decoder(as_type).decode(text)


def to_plain(value: object) -> dict[str, object]:
    """The dictionary that ``to_json`` would write, for an event's ``data``."""
    plain = msgspec.to_builtins(_compact(value))
    assert isinstance(plain, dict)
    return plain


def from_plain(value: object, as_type: type[T]) -> T:
    return msgspec.convert(value, as_type)


def _decoder(as_type: type[T]) -> "msgspec.json.Decoder[T]":
    if as_type not in _DECODERS:
        _DECODERS[as_type] = msgspec.json.Decoder(as_type)
    return _DECODERS[as_type]


def _defaults(of: type) -> tuple[tuple[str, object], ...]:
    if of not in _DEFAULTS:
        _DEFAULTS[of] = tuple((field.name, field.default) for field in dataclasses.fields(of))
    return _DEFAULTS[of]


def _compact(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_compact(member) for member in value]
    if not dataclasses.is_dataclass(value):
        return value
    written = {}
    for name, default in _defaults(cast(type, value.__class__)):
        member = getattr(value, name)
        if member != default:
            written[name] = _compact(member)
    return written
