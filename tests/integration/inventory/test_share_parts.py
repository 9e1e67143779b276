"""Some of what a holder took of a channel's part comes back, or is lost."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.aws.share_store import ShareStore
from oms.aws.stock_audit import audit
from oms.inventory.position import Position, ShareRule
from oms.inventory.shares import EVERYBODY, Part, further, parted
from oms.kernel.errors import StockContended
from tests.integration.world import World
from tests.samples import CAUSE, NOW

RULES = (ShareRule("web", Decimal("0.2"), None, ("app",)), ShareRule("app", Decimal("0.5")))


@pytest.fixture
def shares(oms: World) -> ShareStore:
    """Of ten mugs web has 2, app 5, everybody 3; ``ord_1`` has taken 7 for web, 2 of them lent."""
    store = ShareStore(oms.client, "inventory")
    store.put_rules("MUG", RULES, 10, CAUSE)
    take(oms, store, 7, "ord_1")
    return store


def take(oms: World, shares: ShareStore, units: int, holder: str) -> None:
    positions = {"MUG": Position("MUG", shares=shares.shares("MUG"))}
    oms.stock.transact(shares.take("web", {"MUG": units}, holder, positions, NOW))


def parts(shares: ShareStore) -> dict[str, tuple[int, int, int]]:
    return {one.channel: (one.granted, one.left, one.lent) for one in shares.shares("MUG")}


def reduce(oms: World, shares: ShareStore, units: int, *, lost: bool = False) -> None:
    oms.stock.transact(shares.reduce({"MUG": units}, "ord_1", NOW, lost=lost))
    assert audit(oms.client, "inventory")[1] == []


def test_what_was_borrowed_last_is_returned_first(oms: World, shares: ShareStore) -> None:
    assert parts(shares) == {"web": (2, 0, 0), "app": (5, 3, 2), EVERYBODY: (3, 0, 0)}
    reduce(oms, shares, 1)
    assert parts(shares)["app"] == (5, 4, 1)
    assert shares.owed_by("MUG") == {"web": 1}
    reduce(oms, shares, 2)
    assert parts(shares) == {"web": (2, 0, 0), "app": (5, 5, 0), EVERYBODY: (3, 1, 0)}
    assert shares.owed_by("MUG") == {}


def test_what_is_lost_is_in_no_part(oms: World, shares: ShareStore) -> None:
    reduce(oms, shares, 3, lost=True)
    assert sum(granted for granted, _, _ in parts(shares).values()) == 7
    assert sum(left for _, left, _ in parts(shares).values()) == 3


def test_all_that_is_left_comes_back_together(oms: World, shares: ShareStore) -> None:
    reduce(oms, shares, 2, lost=True)
    take(oms, shares, 2, further("ord_1", 9))
    oms.stock.transact(shares.give_back({"MUG": 7}, "ord_1", NOW))
    assert shares.give_back({"MUG": 7}, "ord_1", NOW) == []
    assert sum(left for _, left, _ in parts(shares).values()) == 8
    assert audit(oms.client, "inventory")[1] == []


def test_another_holder_of_a_longer_name_keeps_what_it_has(oms: World, shares: ShareStore) -> None:
    take(oms, shares, 1, "ord_10")
    oms.stock.transact(shares.give_back({"MUG": 7}, "ord_1", NOW))
    assert sum(left for _, left, _ in parts(shares).values()) == 9


def test_two_that_reduce_at_once_do_it_one_after_the_other(oms: World, shares: ShareStore) -> None:
    first, second = (shares.reduce({"MUG": 1}, "ord_1", NOW) for _ in range(2))
    oms.stock.transact(first)
    with pytest.raises(StockContended):
        oms.stock.transact(second)


def test_a_sku_without_shares_is_written_nothing_for(oms: World) -> None:
    assert ShareStore(oms.client, "inventory").reduce({"TEE": 2}, "ord_1", NOW) == []


@given(st.lists(st.integers(1, 5), max_size=4), st.integers(0, 20))
def test_a_holding_is_parted_without_a_rest(units: list[int], back: int) -> None:
    taken = [Part(f"p{number}", of) for number, of in enumerate(units)]
    kept, returned = parted(taken, back)
    of = {part.source: part.units for part in kept}
    for part in returned:
        of[part.source] = of.get(part.source, 0) + part.units
    assert of == {part.source: part.units for part in taken}
    assert sum(part.units for part in returned) == min(back, sum(units))
