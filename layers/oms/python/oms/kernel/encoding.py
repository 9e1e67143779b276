"""Frozen dataclasses to compact JSON and back.

Fields that equal their default are left out, because DynamoDB bills by the kilobyte and an order's
state is written at every step. Reading fills the defaults in again.
"""

import dataclasses
from functools import cache
from typing import TypeVar

import msgspec

T = TypeVar("T")


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


@cache
def _decoder(as_type: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(as_type)


@cache
def _defaults(of: type) -> tuple[tuple[str, object], ...]:
    return tuple((field.name, field.default) for field in dataclasses.fields(of))


def _compact(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_compact(member) for member in value]
    if not dataclasses.is_dataclass(value):
        return value
    written = {}
    for name, default in _defaults(type(value)):
        member = getattr(value, name)
        if member != default:
            written[name] = _compact(member)
    return written
