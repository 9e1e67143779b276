from dataclasses import replace

from oms.inventory.ledger import Shortfall, shortfalls
from oms.inventory.model import Balance, Entry
from oms.inventory.reservation import (
    Reservation,
    ReservationState,
    ReservedLine,
    convert_entries,
    hold_entries,
    unhold_entries,
)
from tests.samples import CAUSE, NOW

RECEIPT = Entry("m1", "receipt", "MUG", "dc", NOW, "tester", on_hand=5)
HELD = Reservation("b1", "web", (ReservedLine("MUG", "dc", 2),), NOW, NOW)
BALANCE = Balance("MUG", "dc", on_hand=5, reserved=2, available=3)


def test_what_a_basket_holds_is_in_the_ledger() -> None:
    assert shortfalls([BALANCE], [RECEIPT, *hold_entries(HELD, CAUSE)], [HELD]) == []


def test_a_basket_that_the_ledger_does_not_know_is_found_and_so_is_the_reverse() -> None:
    free = replace(BALANCE, reserved=0, available=5)
    found = [Shortfall("MUG", "dc", "reserved for b1", 2, 0)]
    assert shortfalls([free], [RECEIPT], [HELD]) == found
    unknown = [Shortfall("MUG", "dc", "reserved for b1", 0, 2)]
    assert shortfalls([BALANCE], [RECEIPT, *hold_entries(HELD, CAUSE)], []) == unknown


def test_a_released_basket_holds_nothing() -> None:
    free = replace(BALANCE, reserved=0, available=5)
    entries = [RECEIPT, *hold_entries(HELD, CAUSE), *unhold_entries(HELD, CAUSE)]
    released = replace(HELD, state=ReservationState.RELEASED)
    assert shortfalls([free], entries, [released]) == []
    assert shortfalls([free], entries, [HELD]) != []


def test_an_order_gives_back_no_more_than_it_was_given() -> None:
    converted = replace(HELD, state=ReservationState.CONVERTED, order_id="ord_1")
    given_back = Entry("ord_1:unreserve", "unreserve", "MUG", "dc", NOW, "t", reserved=-2)
    entries = [
        RECEIPT,
        *hold_entries(HELD, CAUSE),
        *convert_entries(HELD, "ord_1", CAUSE),
        replace(given_back, order_id="ord_1"),
    ]
    free = replace(BALANCE, reserved=0, available=5)
    assert shortfalls([free], entries, [converted]) == []
    other = [*entries[:-1], replace(given_back, order_id="ord_2")]
    assert shortfalls([free], other, [converted]) == [
        Shortfall("MUG", "dc", "reserved for ord_2", 0, -2)
    ]


def test_each_counter_is_held_against_its_own_ledger() -> None:
    pair = [
        Entry("s", "spread", "MUG", "dc", NOW, "t", on_hand=-2),
        Entry("s", "spread", "MUG", "dc", NOW, "t", on_hand=2, counter=1),
    ]
    home = Balance("MUG", "dc", on_hand=3, available=3)
    part = Balance("MUG", "dc", on_hand=2, available=2, counter=1)
    assert shortfalls([home, part], [RECEIPT, *pair], []) == []
    lost = replace(part, on_hand=1, available=1)
    assert shortfalls([home, lost], [RECEIPT, *pair], []) == [
        Shortfall("MUG", "dc", "on_hand", 1, 2, 1)
    ]
