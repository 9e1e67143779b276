from dataclasses import replace
from datetime import timedelta

import pytest

from oms.aws.stock_audit import audit
from oms.inventory.model import Movement, MovementKind, Need
from oms.kernel.errors import Conflict, NotFound
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE

TRANSFER = Movement("t1", MovementKind.TRANSFER, "MUG", SP.id, 4, to_node=RJ.id)


def arrival(units: int, movement_id: str = "a1") -> Movement:
    return Movement(movement_id, MovementKind.ARRIVAL, "MUG", RJ.id, units, transfer="t1")


def reserve(oms: World, units: int) -> None:
    need = [Need("MUG", SP.id, units)]
    oms.stock.transact(oms.stock.reserve(need, "ord_1", CAUSE))


def test_damaged_units_are_no_longer_on_hand_until_they_are_written_off(oms: World) -> None:
    oms.receive("MUG", 10)
    oms.move("MUG", 3, MovementKind.DAMAGE)
    balance = oms.balance("MUG")
    assert (balance.on_hand, balance.damaged, balance.available) == (7, 3, 7)
    oms.move("MUG", 3, MovementKind.WRITE_OFF)
    assert oms.balance("MUG").damaged == 0
    with pytest.raises(Conflict):
        oms.move("MUG", 1, MovementKind.WRITE_OFF)


def test_units_in_quality_hold_cannot_be_sold_until_they_are_released(oms: World) -> None:
    oms.receive("MUG", 5)
    oms.move("MUG", 5, MovementKind.QUARANTINE)
    assert oms.balance("MUG").available == 0
    oms.move("MUG", 2, MovementKind.RELEASE)
    balance = oms.balance("MUG")
    assert (balance.on_hand, balance.quality_hold, balance.available) == (2, 3, 2)
    with pytest.raises(Conflict):
        oms.move("MUG", 4, MovementKind.RELEASE)


@pytest.mark.parametrize("kind", [MovementKind.DAMAGE, MovementKind.QUARANTINE])
def test_what_is_promised_is_not_taken_out_of_sale(oms: World, kind: MovementKind) -> None:
    oms.receive("MUG", 5)
    reserve(oms, 4)
    with pytest.raises(Conflict) as refused:
        oms.move("MUG", 2, kind)
    assert refused.value.problem_code == "below_zero"


@pytest.mark.parametrize("found", [0, 3, 10, 12])
def test_a_count_sets_what_is_on_hand_and_keeps_what_is_reserved(oms: World, found: int) -> None:
    oms.receive("MUG", 10)
    reserve(oms, 4)
    oms.move("MUG", found, MovementKind.COUNT)
    balance = oms.balance("MUG")
    assert (balance.on_hand, balance.reserved, balance.available) == (found, 4, found - 4)
    assert oms.ledger("MUG") == (found, 4)


def test_a_count_of_what_was_never_there_books_it(oms: World) -> None:
    oms.move("MUG", 3, MovementKind.COUNT, RJ)
    assert oms.balance("MUG", RJ).available == 3


def test_a_transfer_leaves_travels_and_arrives(oms: World) -> None:
    oms.receive("MUG", 10)
    oms.stock.move(TRANSFER, CAUSE)
    assert (oms.balance("MUG").on_hand, oms.balance("MUG", RJ).incoming) == (6, 4)
    assert oms.balance("MUG", RJ).available == 0
    oms.stock.move(arrival(4), CAUSE)
    there = oms.balance("MUG", RJ)
    assert (there.on_hand, there.incoming, there.available) == (4, 0, 4)


def test_what_does_not_arrive_is_no_longer_on_its_way(oms: World) -> None:
    oms.receive("MUG", 10)
    oms.stock.move(TRANSFER, CAUSE)
    oms.stock.move(arrival(3), CAUSE)
    there = oms.balance("MUG", RJ)
    assert (there.on_hand, there.incoming) == (3, 0)


def test_a_transfer_arrives_once_whatever_is_said(oms: World) -> None:
    oms.receive("MUG", 10)
    oms.stock.move(TRANSFER, CAUSE)
    assert oms.stock.move(arrival(4), CAUSE)
    assert not oms.stock.move(arrival(4), CAUSE)
    with pytest.raises(Conflict) as refused:
        oms.stock.move(arrival(4, "a2"), replace(CAUSE, at=CAUSE.at + timedelta(hours=1)))
    assert refused.value.problem_code == "already_arrived"
    assert oms.balance("MUG", RJ).on_hand == 4


def test_more_than_was_sent_cannot_arrive(oms: World) -> None:
    oms.receive("MUG", 10)
    oms.stock.move(TRANSFER, CAUSE)
    with pytest.raises(Conflict) as refused:
        oms.stock.move(arrival(5), CAUSE)
    assert refused.value.problem_code == "over_arrival"


def test_nothing_arrives_that_was_not_sent_or_is_another_thing(oms: World) -> None:
    with pytest.raises(NotFound):
        oms.stock.move(arrival(1), CAUSE)
    oms.receive("MUG", 10)
    oms.receive("TEE", 10)
    oms.stock.move(TRANSFER, CAUSE)
    with pytest.raises(Conflict) as refused:
        oms.stock.move(replace(arrival(1), sku="TEE"), CAUSE)
    assert refused.value.problem_code == "transfer_mismatch"


def test_no_more_leaves_on_a_transfer_than_is_available(oms: World) -> None:
    oms.receive("MUG", 5)
    reserve(oms, 3)
    with pytest.raises(Conflict):
        oms.stock.move(TRANSFER, CAUSE)
    assert oms.balance("MUG").on_hand == 5


def test_an_audit_finds_nothing_after_any_movement_and_names_what_is_corrupted(oms: World) -> None:
    oms.receive("MUG", 10)
    oms.stock.set_thresholds("MUG", SP.id, 2, 0, CAUSE)
    oms.stock.move(TRANSFER, CAUSE)
    reserve(oms, 2)
    oms.move("MUG", 1, MovementKind.DAMAGE)
    assert audit(oms.client, "inventory") == (2, [])

    oms.client.update_item(
        TableName="inventory",
        Key={"pk": {"S": "MUG"}, "sk": {"S": "node#sp-dc"}},
        UpdateExpression="ADD on_hand :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    _, found = audit(oms.client, "inventory")
    assert [(one.node, one.quantity, one.balance, one.ledger) for one in found] == [
        ("sp-dc", "available", 1, 2),
        ("sp-dc", "on_hand", 6, 5),
    ]
