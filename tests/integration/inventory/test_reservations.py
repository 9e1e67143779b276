from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from oms.aws.reservation_store import ReservationStore
from oms.aws.stock_audit import audit
from oms.catalog.model import Component, Item
from oms.inventory import reservations
from oms.inventory.baskets import Wanted
from oms.inventory.position import ShareRule
from oms.inventory.reservation import Reservation, ReservationState, ReservedLine
from oms.inventory.reservations import Basket, Taken
from oms.kernel.errors import Conflict, Invalid, NotFound, OmsError, StockContended, TooLarge
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, NOW

TTL = timedelta(minutes=15)
UNTIL = NOW + TTL


def store(oms: World) -> ReservationStore:
    return ReservationStore(oms.client, "inventory", oms.stock)


def basket(
    *wanted: Wanted, number: int = 1, until: datetime = UNTIL, fingerprint: str = "same"
) -> Basket:
    return Basket(f"basket-{number}", "web", wanted or (Wanted("MUG", 2),), until, fingerprint)


def take(oms: World, asked: Basket, at: datetime = NOW) -> Taken:
    cause = replace(CAUSE, at=at)
    return reservations.take(asked, store(oms), oms.stock, oms.catalog, cause)


def code(refused: pytest.ExceptionInfo[OmsError]) -> str:
    return refused.value.problem_code


def stored(oms: World, number: int = 1) -> Reservation:
    return reservations.read(f"basket-{number}", store(oms))


def available(oms: World, at: datetime, sku: str = "MUG") -> int:
    return sum(one.available for one in oms.stock.positions({sku}, at)[sku].balances)


def is_sound(oms: World) -> bool:
    return audit(oms.client, "inventory")[1] == []


# --- taking -------------------------------------------------------------------------------------


def test_units_of_a_basket_are_held_for_it(oms: World) -> None:
    oms.receive("MUG", 5)
    taken = take(oms, basket())
    assert taken.created
    assert taken.reservation.lines == (ReservedLine("MUG", SP.id, 2),)
    assert (oms.balance("MUG").reserved, oms.balance("MUG").available) == (2, 3)
    assert is_sound(oms)


def test_a_basket_is_taken_once_whatever_is_said(oms: World) -> None:
    oms.receive("MUG", 2)
    first = take(oms, basket())
    again = take(oms, basket(), NOW + timedelta(hours=2))
    assert not again.created and again.reservation == first.reservation
    assert oms.balance("MUG").reserved == 2
    with pytest.raises(Conflict) as refused:
        take(oms, basket(fingerprint="another"))
    assert code(refused) == "content_differs"


def test_all_lines_of_a_basket_are_held_or_none(oms: World) -> None:
    oms.receive("MUG", 5)
    oms.receive("TEE", 1)
    with pytest.raises(Conflict) as refused:
        take(oms, basket(Wanted("MUG", 2), Wanted("TEE", 2)))
    assert code(refused) == "insufficient_stock"
    assert refused.value.context["lacking"] == [{"sku": "TEE", "wanted": 2, "available": 1}]
    assert oms.balance("MUG").reserved == 0


def test_units_are_taken_at_the_node_that_is_named(oms: World) -> None:
    oms.receive("MUG", 9)
    oms.receive("MUG", 1, RJ)
    taken = take(oms, basket(Wanted("MUG", 1, RJ.id)))
    assert taken.reservation.lines == (ReservedLine("MUG", RJ.id, 1),)
    with pytest.raises(Conflict) as refused:
        take(oms, basket(Wanted("MUG", 1, RJ.id), number=2))
    assert refused.value.context["lacking"] == [
        {"sku": "MUG", "node": RJ.id, "wanted": 1, "available": 0}
    ]


def test_few_nodes_are_needed_where_none_is_named(oms: World) -> None:
    oms.receive("MUG", 3)
    oms.receive("MUG", 4, RJ)
    taken = take(oms, basket(Wanted("MUG", 6)))
    assert set(taken.reservation.lines) == {
        ReservedLine("MUG", RJ.id, 4),
        ReservedLine("MUG", SP.id, 2),
    }


def test_a_bundle_is_reserved_as_what_it_is_made_of(oms: World) -> None:
    oms.catalog.put_item(
        Item("SET", "A set", components=(Component("MUG", 2), Component("TEE", 1)))
    )
    oms.receive("MUG", 5)
    oms.receive("TEE", 2)
    taken = take(oms, basket(Wanted("SET", 2), Wanted("MUG", 1)))
    assert {(line.sku, line.quantity) for line in taken.reservation.lines} == {
        ("MUG", 5),
        ("TEE", 2),
    }


@pytest.mark.parametrize(
    ("wanted", "until", "expected"),
    [
        (Wanted("NOPE", 1), UNTIL, "unknown_sku"),
        (Wanted("MUG", 1, "nowhere"), UNTIL, "unknown_node"),
        (Wanted("MUG", 0), UNTIL, "quantity_not_positive"),
        (Wanted("MUG", 1), NOW, "in_the_past"),
        (Wanted("MUG", 1), NOW + timedelta(hours=25), "too_far"),
    ],
)
def test_what_cannot_be_is_refused(
    oms: World, wanted: Wanted, until: datetime, expected: str
) -> None:
    oms.receive("MUG", 5)
    with pytest.raises(Invalid) as refused:
        take(oms, basket(wanted, until=until))
    assert code(refused) == expected


def test_a_channel_that_is_not_known_holds_nothing(oms: World) -> None:
    oms.receive("MUG", 5)
    with pytest.raises(Invalid) as refused:
        take(oms, replace(basket(), channel="nowhere"))
    assert code(refused) == "unknown_channel"


def test_a_basket_from_more_balances_than_one_transaction_holds_is_too_large(oms: World) -> None:
    wanted = [Wanted(f"S{number}", 1) for number in range(34)]
    for one in wanted:
        oms.catalog.put_item(Item(one.sku, one.sku))
        oms.receive(one.sku, 1)
    with pytest.raises(TooLarge) as refused:
        take(oms, basket(*wanted))
    assert code(refused) == "too_many_lines"
    assert take(oms, basket(*wanted[:33])).created


# --- expiring -----------------------------------------------------------------------------------


def test_what_has_expired_does_not_block_a_sale_by_a_millisecond(oms: World) -> None:
    oms.receive("MUG", 2)
    take(oms, basket())
    just_before = UNTIL - timedelta(milliseconds=1)
    with pytest.raises(Conflict):
        take(oms, basket(number=2, until=UNTIL + TTL), just_before)
    assert available(oms, just_before) == 0
    assert available(oms, UNTIL) == 2

    taken = take(oms, basket(number=2, until=UNTIL + TTL), UNTIL)

    assert taken.created
    assert stored(oms).state is ReservationState.EXPIRED
    assert oms.balance("MUG").reserved == 2
    assert is_sound(oms)


def test_many_small_ones_that_expired_make_room_for_a_large_one(oms: World) -> None:
    oms.receive("MUG", 60)
    for number in range(60):
        take(oms, basket(Wanted("MUG", 1), number=number))
    later = UNTIL + timedelta(seconds=1)
    assert take(oms, basket(Wanted("MUG", 55), number=99, until=later + TTL), later).created
    assert is_sound(oms)


def test_the_sweep_ends_what_has_expired_and_nothing_else(oms: World) -> None:
    oms.receive("MUG", 9)
    take(oms, basket())
    take(oms, basket(number=2, until=UNTIL + timedelta(minutes=3)))
    assert reservations.sweep(store(oms), UNTIL - timedelta(seconds=1)) == 0
    assert reservations.sweep(store(oms), UNTIL + timedelta(seconds=30)) == 1
    assert stored(oms).state is ReservationState.EXPIRED
    assert stored(oms, 2).state is ReservationState.HELD
    assert oms.balance("MUG").reserved == 2
    assert reservations.sweep(store(oms), UNTIL + timedelta(seconds=31)) == 0


def test_whoever_waits_for_the_units_is_told_that_they_are_free(oms: World) -> None:
    oms.receive("MUG", 2)
    take(oms, basket())
    reservations.sweep(store(oms), UNTIL)
    key = {"pk": {"S": "reservation#basket-1"}, "sk": {"S": "reservation"}}
    item = oms.client.get_item(TableName="inventory", Key=key)["Item"]
    assert '"reservation_released"' in item["envelopes"]["S"]
    assert '"skus":["MUG"]' in item["envelopes"]["S"]


# --- extending and releasing --------------------------------------------------------------------


def test_an_extended_one_holds_until_then_and_no_longer(oms: World) -> None:
    oms.receive("MUG", 2)
    take(oms, basket())
    longer = UNTIL + TTL
    extended = reservations.extend("basket-1", longer, store(oms), NOW)
    assert extended.expires_at == longer
    assert reservations.extend("basket-1", longer, store(oms), NOW) == extended
    assert (available(oms, UNTIL), available(oms, longer)) == (0, 2)
    assert reservations.sweep(store(oms), UNTIL) == 0


@pytest.mark.parametrize(
    ("until", "at", "expected"),
    [
        (UNTIL + TTL, UNTIL, "reservation_expired"),
        (NOW, NOW + TTL / 2, "in_the_past"),
        (NOW + timedelta(hours=24, seconds=1), NOW + TTL / 2, "too_far"),
    ],
)
def test_it_is_not_extended_to_what_cannot_be(
    oms: World, until: datetime, at: datetime, expected: str
) -> None:
    oms.receive("MUG", 2)
    take(oms, basket())
    with pytest.raises(OmsError) as refused:
        reservations.extend("basket-1", until, store(oms), at)
    assert code(refused) == expected


def test_a_released_one_is_free_at_once_and_is_released_once(oms: World) -> None:
    oms.receive("MUG", 2)
    take(oms, basket())
    released = reservations.release("basket-1", store(oms), CAUSE)
    assert released.state is ReservationState.RELEASED
    assert reservations.release("basket-1", store(oms), CAUSE) == released
    assert oms.balance("MUG").available == 2
    with pytest.raises(Conflict) as refused:
        reservations.extend("basket-1", UNTIL + TTL, store(oms), NOW)
    assert code(refused) == "reservation_released"
    assert is_sound(oms)


def test_releasing_what_has_expired_says_that_it_has(oms: World) -> None:
    oms.receive("MUG", 2)
    take(oms, basket())
    cause = replace(CAUSE, at=UNTIL)
    assert reservations.release("basket-1", store(oms), cause).state is ReservationState.EXPIRED


def test_what_was_never_taken_is_not_found(oms: World) -> None:
    with pytest.raises(NotFound):
        reservations.read("basket-1", store(oms))


def test_of_two_ends_at_the_same_moment_one_gives_the_units_back(oms: World) -> None:
    oms.receive("MUG", 2)
    held = take(oms, basket()).reservation
    store(oms).end(held, ReservationState.RELEASED, CAUSE)
    with pytest.raises(StockContended):
        store(oms).end(held, ReservationState.EXPIRED, replace(CAUSE, at=UNTIL))
    oms.stock.expire("basket-1", UNTIL)
    assert oms.balance("MUG").available == 2


def test_a_basket_that_filled_a_transaction_ends_though_its_parts_take_more_to_return(
    oms: World,
) -> None:
    lenders = [ShareRule(name, Decimal("0.25")) for name in ("app", "till", "market")]
    rules = [ShareRule("web", Decimal("0.25"), None, ("app", "till", "market")), *lenders]
    wanted = [Wanted(f"S{number}", 40) for number in range(8)]
    for one in wanted:
        oms.catalog.put_item(Item(one.sku, one.sku))
        oms.receive(one.sku, 40)
        oms.stock.shares.put_rules(one.sku, rules, 40, CAUSE)
    take(oms, basket(*wanted))
    reservations.release("basket-1", store(oms), CAUSE)
    assert {available(oms, NOW, one.sku) for one in wanted} == {40}
    assert {share.left for share in oms.stock.shares.shares("S0")} == {10, 0}
    assert is_sound(oms)


def test_a_basket_that_filled_a_transaction_expires_though_shares_came_since(oms: World) -> None:
    wanted = [Wanted(f"S{number}", 1) for number in range(33)]
    for one in wanted:
        oms.catalog.put_item(Item(one.sku, one.sku))
        oms.receive(one.sku, 1)
    take(oms, basket(*wanted))
    oms.stock.shares.put_rules("S0", [ShareRule("web", Decimal("0.5"))], 0, CAUSE)
    store(oms).expire("basket-1", UNTIL)
    assert stored(oms).state is ReservationState.EXPIRED
    assert sum(share.left for share in oms.stock.shares.shares("S0")) == 1
