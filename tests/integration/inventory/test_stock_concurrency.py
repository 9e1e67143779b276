"""Many at once, against an engine that really runs transactions side by side."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from oms.aws.reservation_store import ReservationStore
from oms.aws.stock_audit import audit
from oms.inventory import reservations
from oms.inventory.baskets import Wanted
from oms.inventory.model import Need
from oms.inventory.reservation import Reservation
from oms.inventory.reservations import Basket
from oms.kernel.errors import Conflict, StockContended
from oms.kernel.events import Cause
from tests.integration.world import SP, World
from tests.samples import CAUSE, NOW

pytestmark = pytest.mark.xdist_group("inventory_on_engine")


@pytest.fixture
def oms(oms_on_engine: World) -> World:
    return oms_on_engine


def test_of_sixty_who_want_one_of_twenty_exactly_twenty_get_it(oms: World) -> None:
    oms.receive("MUG", 20)

    def buy(number: int) -> bool:
        need = [Need("MUG", "sp-dc", 1)]
        try:
            oms.stock.transact(oms.stock.reserve(need, f"ord_{number}", CAUSE))
        except StockContended:
            return False
        return True

    with ThreadPoolExecutor(16) as buyers:
        won = sum(buyers.map(buy, range(60)))
    assert won == 20
    assert oms.balance("MUG").available == 0
    assert oms.ledger("MUG") == (20, 20)


@pytest.mark.parametrize("counters", [1, 4])
def test_of_sixty_baskets_for_twenty_units_exactly_twenty_are_held(
    oms: World, counters: int
) -> None:
    oms.receive("MUG", 20)
    oms.stock.spread("MUG", SP.id, counters, CAUSE)

    with ThreadPoolExecutor(16) as buyers:
        held = [one for one in buyers.map(lambda number: hold(oms, number), range(60)) if one]

    assert len(held) == 20
    assert oms.balance("MUG").available == 0
    assert audit(oms.client, "inventory")[1] == []


def test_units_are_held_and_let_go_while_the_sku_is_spread_and_gathered(oms: World) -> None:
    oms.receive("MUG", 30)

    def buy(number: int) -> int:
        """Holds a unit; every third lets it go again."""
        taken = hold(oms, number)
        if taken is None:
            return 0
        if number % 3:
            return 1
        reservations.release(taken.id, store(oms), later(number))
        return 0

    def spread(number: int) -> None:
        try:
            oms.stock.spread("MUG", SP.id, (4, 2, 1, 8)[number % 4], later(1000 + number))
        except StockContended:
            return

    with ThreadPoolExecutor(12) as people:
        spreading = [people.submit(spread, number) for number in range(8)]
        kept = sum(people.map(buy, range(36)))
        for one in spreading:
            one.result()

    oms.stock.spread("MUG", SP.id, 1, later(5000))
    balance = oms.balance("MUG")
    assert (balance.on_hand, balance.reserved, balance.available) == (30, kept, 30 - kept)
    assert audit(oms.client, "inventory")[1] == []


def test_what_expired_is_ended_once_by_however_many_who_want_it(oms: World) -> None:
    oms.receive("MUG", 10)
    for number in range(10):
        assert hold(oms, number)
    after = replace(CAUSE, at=NOW + timedelta(minutes=16))

    with ThreadPoolExecutor(12) as buyers:
        held = [
            one
            for one in buyers.map(lambda number: hold(oms, 100 + number, after), range(24))
            if one
        ]

    assert len(held) == 10
    assert audit(oms.client, "inventory")[1] == []


def store(oms: World) -> ReservationStore:
    return ReservationStore(oms.client, "inventory", oms.stock)


def later(number: int) -> Cause:
    return replace(CAUSE, at=NOW + timedelta(milliseconds=number))


def hold(oms: World, number: int, cause: Cause = CAUSE) -> Reservation | None:
    """A unit for one of many baskets; None when there is none left. Whoever is told to try again
    does."""
    until = cause.at + timedelta(minutes=15)
    basket = Basket(f"basket-{number}", "web", (Wanted("MUG", 1),), until, "same")
    while True:
        try:
            return reservations.take(basket, store(oms), oms.stock, oms.catalog, cause).reservation
        except StockContended:
            continue
        except Conflict:
            return None
