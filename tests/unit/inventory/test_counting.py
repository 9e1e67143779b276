"""What a node's no does to the ledger, by its reason."""

import pytest

from oms.inventory.counting import entries_of, is_lost, put_aside
from oms.inventory.model import Need
from oms.orders.work import REJECT_REASONS
from tests.samples import CAUSE

NEEDS = (Need("MUG", "sp-dc", 3), Need("MUG", "sp-dc", 2, counter=1))


@pytest.mark.parametrize("reason", REJECT_REASONS)
def test_every_reason_frees_what_was_reserved(reason: str) -> None:
    lost = is_lost(reason, made=False)
    entries = entries_of(NEEDS, "e", "ord_1", reason, lost, CAUSE)
    assert [entry.reserved for entry in entries] == [-3, -2]
    assert [entry.rejected for entry in entries] == [3, 2]
    assert [entry.on_hand for entry in entries] == ([-3, -2] if lost else [0, 0])


@pytest.mark.parametrize(
    ("reason", "damaged", "quality_hold"),
    [
        ("not_in_stock", 0, 0),
        ("damaged", 5, 0),
        ("display_worn", 5, 0),
        ("mismatch", 0, 5),
        ("closed", 0, 0),
        ("too_busy", 0, 0),
    ],
)
def test_what_is_unfit_lies_apart_at_home(reason: str, damaged: int, quality_hold: int) -> None:
    lost = is_lost(reason, made=False)
    aside = list(put_aside(entries_of(NEEDS, "e", "ord_1", reason, lost, CAUSE)))
    assert sum(entry.damaged for entry in aside) == damaged
    assert sum(entry.quality_hold for entry in aside) == quality_hold
    assert {(entry.counter, entry.on_hand, entry.reserved) for entry in aside} <= {(0, 0, 0)}


def test_of_what_is_made_nothing_is_taken_for_lost() -> None:
    assert not any(is_lost(reason, made=True) for reason in REJECT_REASONS)
