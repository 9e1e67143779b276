from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import pytest

from oms.kernel.encoding import from_json, from_plain, to_json, to_plain
from oms.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    units: int = 0


@dataclass(frozen=True, slots=True)
class Whole:
    at: datetime
    price: Money
    parts: tuple[Part, ...] = ()
    note: str = ""


WHOLE = Whole(datetime(2026, 5, 1, tzinfo=UTC), Money(0, "BRL"), (Part("a"), Part("b", 2)))


def test_what_is_encoded_is_decoded_to_the_same_value() -> None:
    assert from_json(to_json(WHOLE), Whole) == WHOLE
    assert from_plain(to_plain(WHOLE), Whole) == WHOLE


def test_members_that_equal_their_default_are_left_out() -> None:
    assert to_json(WHOLE) == (
        '{"at":"2026-05-01T00:00:00Z","price":{"minor":0,"currency":"BRL"},'
        '"parts":[{"name":"a"},{"name":"b","units":2}]}'
    )


def test_what_is_of_another_shape_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        from_json('{"name":1}', Part)
