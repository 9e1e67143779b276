from collections.abc import Callable

import pytest

from oms.inventory.model import Movement, MovementKind, Need
from oms.kernel.errors import Conflict, NotFound, StockContended
from oms.kernel.writes import Write
from tests.integration.world import World
from tests.samples import CAUSE

ADJUSTMENT = MovementKind.ADJUSTMENT
Step = Callable[..., list[Write]]


def take(oms: World, step: Step, units: int, order_id: str = "ord_1") -> None:
    oms.stock.transact(step([Need("MUG", "sp-dc", units)], order_id, CAUSE))


def test_a_receipt_makes_stock_available(oms: World) -> None:
    oms.receive("MUG", 10)
    balance = oms.balance("MUG")
    assert (balance.on_hand, balance.reserved, balance.available) == (10, 0, 10)


def test_a_movement_that_is_sent_again_changes_nothing(oms: World) -> None:
    movement = Movement("receipt-1", MovementKind.RECEIPT, "MUG", "sp-dc", 10, "")
    assert oms.stock.move(movement, CAUSE)
    assert not oms.stock.move(movement, CAUSE)
    assert oms.balance("MUG").on_hand == 10


@pytest.mark.parametrize(("sku", "units"), [("MUG", 11), ("TEE", 10)])
def test_a_movement_id_cannot_be_used_for_another_content(oms: World, sku: str, units: int) -> None:
    oms.stock.move(Movement("r-1", MovementKind.RECEIPT, "MUG", "sp-dc", 10, ""), CAUSE)
    with pytest.raises(Conflict) as refused:
        oms.stock.move(Movement("r-1", MovementKind.RECEIPT, sku, "sp-dc", units, ""), CAUSE)
    assert refused.value.problem_code == "content_differs"


def test_reserving_shipping_and_giving_back_move_the_balance_and_its_ledger(oms: World) -> None:
    oms.receive("MUG", 10)
    take(oms, oms.stock.reserve, 4, "ord_1")
    take(oms, oms.stock.reserve, 3, "ord_2")
    take(oms, oms.stock.ship, 4, "ord_1")
    take(oms, oms.stock.unreserve, 3, "ord_2")
    balance = oms.balance("MUG")
    assert (balance.on_hand, balance.reserved, balance.available) == (6, 0, 6)
    assert oms.ledger("MUG") == (6, 0)


def test_no_more_is_reserved_than_is_available(oms: World) -> None:
    oms.receive("MUG", 3)
    with pytest.raises(StockContended):
        take(oms, oms.stock.reserve, 4)
    assert oms.ledger("MUG") == (3, 0)


def test_what_is_held_back_cannot_be_reserved(oms: World) -> None:
    oms.receive("MUG", 3)
    oms.stock.set_thresholds("MUG", "sp-dc", 2, 1, CAUSE)
    with pytest.raises(StockContended):
        take(oms, oms.stock.reserve, 2)
    take(oms, oms.stock.reserve, 1)
    assert oms.balance("MUG").available == 0


def test_thresholds_need_stock_that_was_there_and_is_not_promised(oms: World) -> None:
    with pytest.raises(NotFound):
        oms.stock.set_thresholds("MUG", "sp-dc", 1, 0, CAUSE)
    oms.receive("MUG", 3)
    take(oms, oms.stock.reserve, 2)
    with pytest.raises(Conflict, match="held back"):
        oms.stock.set_thresholds("MUG", "sp-dc", 2, 0, CAUSE)


def test_an_adjustment_never_takes_what_is_not_available(oms: World) -> None:
    oms.receive("MUG", 3)
    take(oms, oms.stock.reserve, 2)
    with pytest.raises(Conflict) as refused:
        oms.move("MUG", -2, ADJUSTMENT)
    assert refused.value.problem_code == "below_zero"
    oms.move("MUG", -1, ADJUSTMENT)
    assert oms.balance("MUG").on_hand == 2


def test_a_reservation_of_two_skus_takes_both_or_none(oms: World) -> None:
    oms.receive("MUG", 5)
    oms.receive("TEE", 1)
    needs = [Need("MUG", "sp-dc", 5), Need("TEE", "sp-dc", 2)]
    with pytest.raises(StockContended, match="TEE"):
        oms.stock.transact(oms.stock.reserve(needs, "ord_1", CAUSE))
    assert oms.balance("MUG").reserved == 0


def test_the_same_entry_is_never_booked_twice(oms: World) -> None:
    oms.receive("MUG", 5)
    take(oms, oms.stock.reserve, 1)
    with pytest.raises(Conflict) as refused:
        take(oms, oms.stock.reserve, 1)
    assert refused.value.problem_code == "entry_exists"
    assert oms.stock.has_reserved(Need("MUG", "sp-dc", 1), "ord_1", CAUSE)


def test_the_ledger_is_read_page_by_page_newest_first(oms: World) -> None:
    for units in range(1, 6):
        oms.receive("MUG", units)
    first = oms.stock.entries("MUG", "sp-dc", 3, None)
    second = oms.stock.entries("MUG", "sp-dc", 3, first.cursor)
    assert [entry.on_hand for entry in (*first.entries, *second.entries)] == [5, 4, 3, 2, 1]
    assert second.cursor is None
