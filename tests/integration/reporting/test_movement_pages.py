from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oms.aws import dynamo
from oms.aws.settlement_store import SettlementStore
from oms.kernel.errors import Invalid
from oms.kernel.money import Money
from oms.reporting.settlement import Belief, MovementOfMoney
from tests.integration.world import world
from tests.samples import NOW


@pytest.fixture
def store() -> Iterator[SettlementStore]:
    with world() as oms:
        yield SettlementStore(oms.client, "views")


def moved(number: int, hours: int) -> Belief:
    return Belief(
        f"ord:{number}:1",
        MovementOfMoney.CAPTURE,
        NOW + timedelta(hours=hours),
        "ord",
        "pay",
        Money(100, "BRL"),
        ("pay",),
    )


@given(
    st.lists(st.integers(-60, 200), max_size=12),
    st.integers(-40, 40),
    st.integers(1, 150),
    st.integers(1, 5),
)
@settings(max_examples=40, deadline=None)
def test_pages_have_each_movement_of_the_period_once_and_in_order(
    hours: list[int], begin: int, length: int, limit: int
) -> None:
    with world() as oms:
        store = SettlementStore(oms.client, "views")
        made = [moved(number, each) for number, each in enumerate(hours)]
        for one in [*made, *made]:
            store.keep("stripe", one)
        since, until = NOW + timedelta(hours=begin), NOW + timedelta(hours=begin + length)
        expected = sorted(
            (one for one in made if since <= one.at < until), key=lambda one: (one.at, one.id)
        )
        assert list(store.between("stripe", since, until)) == expected
        found: list[Belief] = []
        cursor: str | None = None
        while True:
            page = store.page("stripe", since, until, limit, cursor)
            found += page.movements
            assert len(page.movements) <= limit
            cursor = page.cursor
            if cursor is None:
                break
        assert found == expected


@pytest.mark.parametrize(
    ("day", "after"),
    [
        ("paid#stripe#2026-05-04", "2025-01-01T00:00:00.000Z#x"),
        ("paid#stripe#2026-05-04", "z"),
        ("paid#stripe#2020-01-01", "-"),
        ("paid#adyen#2026-05-04", "-"),
    ],
)
def test_a_cursor_of_elsewhere_is_refused(store: SettlementStore, day: str, after: str) -> None:
    cursor = dynamo.encode_cursor({"pk": dynamo.text(day), "sk": dynamo.text(after)})
    with pytest.raises(Invalid) as refused:
        store.page("stripe", NOW, NOW + timedelta(days=2), 10, cursor)
    assert refused.value.problem_code == "invalid_cursor"


def test_what_is_withdrawn_is_gone(store: SettlementStore) -> None:
    one, other = moved(1, 0), moved(2, 0)
    for each in (one, other):
        store.keep("stripe", each)
    store.withdraw("stripe", one)
    store.withdraw("stripe", one)
    assert list(store.between("stripe", NOW, NOW + timedelta(hours=1))) == [other]
