"""A SKU spread over counters, and gathered, while units of it are held and sold."""

from dataclasses import replace
from datetime import timedelta

import pytest

from oms.aws.reservation_store import ReservationStore
from oms.aws.stock_audit import audit
from oms.inventory import reservations
from oms.inventory.baskets import Wanted
from oms.inventory.model import Entry, Movement, MovementKind, Need
from oms.inventory.reservations import Basket
from oms.kernel.errors import Conflict, NotFound, StockContended
from oms.kernel.events import Cause
from oms.orders import sourcing
from oms.orders.model import Order
from oms.routing.policies import BuiltIn
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, NOW, content, line

UNTIL = NOW + timedelta(minutes=15)


def at(seconds: int) -> Cause:
    return replace(CAUSE, at=NOW + timedelta(seconds=seconds))


def spread(oms: World, counters: int, seconds: int = 100) -> None:
    oms.stock.spread("MUG", SP.id, counters, at(seconds))


def on_counters(oms: World) -> tuple[int, ...]:
    position = oms.stock.positions({"MUG"}, NOW)["MUG"]
    return position.available_on_counters(SP.id)


def take(oms: World, units: int, number: int = 1) -> tuple[int, ...]:
    """The counters that the units come from."""
    store = ReservationStore(oms.client, "inventory", oms.stock)
    basket = Basket(f"basket-{number}", "web", (Wanted("MUG", units),), UNTIL, "same")
    taken = reservations.take(basket, store, oms.stock, oms.catalog, CAUSE)
    return tuple(line.counter for line in taken.reservation.lines)


def release(oms: World, number: int = 1) -> None:
    store = ReservationStore(oms.client, "inventory", oms.stock)
    reservations.release(f"basket-{number}", store, at(500))


def is_sound(oms: World) -> bool:
    return audit(oms.client, "inventory")[1] == []


def test_units_are_shared_out_and_none_is_lost(oms: World) -> None:
    oms.receive("MUG", 10)
    spread(oms, 4)
    assert on_counters(oms) == (4, 2, 2, 2)
    assert oms.balance("MUG").available == 10
    spread(oms, 1, 200)
    assert on_counters(oms)[0] == 10
    assert oms.balance("MUG").counters == 1
    assert is_sound(oms)


def test_what_is_held_is_gathered_too_and_given_back_at_home(oms: World) -> None:
    oms.receive("MUG", 8)
    spread(oms, 4)
    for number in range(6):
        take(oms, 1, number)
    spread(oms, 1, 200)
    assert (oms.balance("MUG").reserved, oms.balance("MUG").available) == (6, 2)
    for number in range(6):
        release(oms, number)
    assert (oms.balance("MUG").reserved, oms.balance("MUG").available) == (0, 8)
    assert is_sound(oms)


def test_a_basket_over_several_counters_is_given_back_at_home_in_one_entry(oms: World) -> None:
    oms.receive("MUG", 8)
    spread(oms, 4)
    assert len(take(oms, 8)) == 4
    spread(oms, 1, 200)
    release(oms)
    assert (oms.balance("MUG").reserved, oms.balance("MUG").available) == (0, 8)
    assert is_sound(oms)


def test_what_is_held_on_a_gathered_counter_still_expires_to_the_second(oms: World) -> None:
    oms.receive("MUG", 4)
    spread(oms, 4)
    for number in range(4):
        take(oms, 1, number)
    spread(oms, 1, 200)
    position = oms.stock.positions({"MUG"}, UNTIL)["MUG"]
    assert position.at(SP.id).available == 4
    assert len(position.lapsed) == 4


def test_one_counter_is_taken_from_and_several_only_when_none_has_enough(oms: World) -> None:
    oms.receive("MUG", 8)
    spread(oms, 4)
    assert len(take(oms, 2)) == 1
    assert len(take(oms, 6, 2)) == 3
    assert oms.balance("MUG").available == 0
    with pytest.raises(Conflict):
        take(oms, 1, 3)


def test_takings_begin_at_different_counters(oms: World) -> None:
    oms.receive("MUG", 400)
    spread(oms, 4)
    assert {take(oms, 1, number)[0] for number in range(30)} == {0, 1, 2, 3}


def test_a_receipt_is_shared_out_when_a_taking_finds_its_counter_short(oms: World) -> None:
    oms.receive("MUG", 4)
    spread(oms, 4)
    take(oms, 4)
    oms.receive("MUG", 40)
    for number in range(2, 10):
        take(oms, 1, number)
    assert min(on_counters(oms)) > 0
    assert is_sound(oms)


@pytest.mark.parametrize("kind", [MovementKind.DAMAGE, MovementKind.QUARANTINE])
def test_a_movement_may_take_all_that_the_counters_have(oms: World, kind: MovementKind) -> None:
    oms.receive("MUG", 12)
    spread(oms, 4)
    take(oms, 2)
    oms.stock.move(Movement("big", kind, "MUG", SP.id, 10, "a test"), at(300))
    assert (oms.balance("MUG").on_hand, oms.balance("MUG").available) == (2, 0)
    with pytest.raises(Conflict):
        oms.stock.move(Movement("more", kind, "MUG", SP.id, 1, "a test"), at(400))
    assert is_sound(oms)


def test_a_count_is_of_all_counters_together(oms: World) -> None:
    oms.receive("MUG", 12)
    spread(oms, 4)
    take(oms, 2)
    assert oms.stock.move(Movement("c", MovementKind.COUNT, "MUG", SP.id, 5), at(300))
    assert not oms.stock.move(Movement("c", MovementKind.COUNT, "MUG", SP.id, 5), at(300))
    balance = oms.balance("MUG")
    assert (balance.on_hand, balance.reserved, balance.available) == (5, 2, 3)
    assert balance.counters == 4
    assert is_sound(oms)


def test_all_of_a_spread_sku_leaves_on_a_transfer(oms: World) -> None:
    oms.receive("MUG", 12)
    spread(oms, 4)
    moved = Movement("t", MovementKind.TRANSFER, "MUG", SP.id, 12, to_node=RJ.id)
    oms.stock.move(moved, at(300))
    assert oms.balance("MUG").on_hand == 0
    assert oms.balance("MUG", RJ).incoming == 12
    assert is_sound(oms)


def test_what_is_held_back_comes_from_all_counters(oms: World) -> None:
    oms.receive("MUG", 12)
    spread(oms, 4)
    oms.stock.set_thresholds("MUG", SP.id, 10, 0, at(300))
    assert oms.balance("MUG").available == 2
    with pytest.raises(Conflict):
        oms.stock.set_thresholds("MUG", SP.id, 13, 0, at(400))
    assert oms.balance("MUG").counters == 4
    assert is_sound(oms)


def test_fewer_counters_and_more_again(oms: World) -> None:
    oms.receive("MUG", 32)
    for seconds, counters in enumerate((16, 4, 8, 2, 1, 3), start=1):
        spread(oms, counters, 100 * seconds)
        assert sum(on_counters(oms)) == 32
        assert oms.balance("MUG").counters == counters
    assert is_sound(oms)


def test_what_a_node_never_held_is_not_spread(oms: World) -> None:
    with pytest.raises(NotFound):
        spread(oms, 4)


def test_the_ledger_of_all_counters_is_read_by_time_page_by_page(oms: World) -> None:
    oms.receive("MUG", 8)
    spread(oms, 4)
    take(oms, 8)
    seen: list[Entry] = []
    cursor: str | None = None
    while True:
        page = oms.stock.entries("MUG", SP.id, 2, cursor)
        seen += page.entries
        cursor = page.cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == len(oms.stock.entries("MUG", SP.id, 100, None).entries)
    assert [entry.at for entry in seen] == sorted((entry.at for entry in seen), reverse=True)
    assert sum(entry.on_hand for entry in seen) == 8
    assert sum(entry.reserved for entry in seen) == 8


def test_a_hard_reservation_given_back_twice_in_chunks_is_given_back_once(oms: World) -> None:
    oms.receive("MUG", 8)
    spread(oms, 2)
    need = [Need("MUG", SP.id, 3, counter=1)]
    oms.stock.transact(oms.stock.reserve(need, "ord_1", at(300)))
    again = at(400)
    oms.stock.transact(oms.stock.unreserve(need, "ord_1", again))
    spread(oms, 1, 500)
    with pytest.raises((Conflict, StockContended)) as refused:
        oms.stock.transact(oms.stock.unreserve(need, "ord_1", again))
    assert refused.value.problem_code == "entry_exists"
    assert oms.balance("MUG").available == 8


def test_a_sku_that_is_not_spread_costs_what_it_did(oms: World) -> None:
    oms.receive("MUG", 8)
    assert oms.stock.positions({"MUG"}, NOW)["MUG"].counters == ()
    assert len(oms.stock.reserve([Need("MUG", SP.id, 1)], "ord_1", CAUSE)) == 2


# --- orders -------------------------------------------------------------------------------------


def source(oms: World, units: int, number: str = "1") -> Order:
    order = oms.capture(content(line("MUG", units), number=number))
    return sourcing.reserve(
        order.order_id,
        oms.orders,
        oms.stock,
        oms.catalog,
        BuiltIn(),
        at(300),
    )


def test_an_order_is_sourced_from_one_counter_or_from_several(oms: World) -> None:
    oms.receive("MUG", 12)
    spread(oms, 4)
    assert len(source(oms, 3).progress.allocations) == 1
    split = source(oms, 8, "2").progress.allocations
    assert sum(one.quantity for one in split) == 8 and len(split) > 1
    assert (oms.balance("MUG").reserved, oms.balance("MUG").available) == (11, 1)
    assert is_sound(oms)


def test_an_order_s_units_are_given_back_whether_or_not_they_were_gathered(oms: World) -> None:
    oms.receive("MUG", 12)
    spread(oms, 4)
    order = source(oms, 11)
    spread(oms, 1, 400)
    sourcing.unreserve(order.order_id, oms.orders, oms.stock, at(500))
    assert (oms.balance("MUG").reserved, oms.balance("MUG").available) == (0, 12)
    assert is_sound(oms)
