"""What a channel is told next, from what it was told last."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from oms.catalog.model import Component, Item
from oms.inventory.model import Balance
from oms.inventory.policy import SellingPolicy
from oms.inventory.position import Position
from oms.notifications.availability import (
    FeedOutcome,
    Offer,
    Sellable,
    StockState,
    next_offer,
    offer_body,
    part_sellable_by,
    sellable_by,
)
from oms.notifications.availability_message import WINDOW, key, window_end

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
UNTIL = int(NOW.timestamp()) - 2
FIVE, THREE = Sellable(5, StockState.IN_STOCK), Sellable(3, StockState.IN_STOCK)
TOLD = Offer("MUG", "web", FIVE, 7, NOW, NOW, UNTIL, told=True)
UNHEARD = replace(TOLD, told=False)
LATER = NOW + timedelta(seconds=20)


def position(*available: int, low_stock_at: int = 0, **more: object) -> Position:
    balances = tuple(
        Balance("MUG", f"node-{number}", available=units, low_stock_at=low_stock_at)
        for number, units in enumerate(available)
    )
    return replace(Position("MUG", balances), **more)  # type: ignore[arg-type]


def offered(found: Offer | FeedOutcome) -> Offer:
    assert isinstance(found, Offer)
    return found


def test_every_moment_of_a_window_has_the_same_end_and_comes_before_it() -> None:
    start = float(UNTIL // WINDOW * WINDOW)
    moments = [start, start + 0.5, start + WINDOW - 0.001]

    assert {window_end(moment) for moment in moments} == {start + WINDOW}
    assert window_end(start + WINDOW) == start + 2 * WINDOW


def test_a_key_fits_a_queue_whatever_a_sku_is_called() -> None:
    found = key("CAFÉ-☕" * 20, "shopify:loja/ñ")

    assert len(found) <= 100
    assert found.isascii()
    assert found.isalnum()


def test_a_channel_may_sell_what_all_nodes_have() -> None:
    assert part_sellable_by("web", position(3, 4)) == Sellable(7, StockState.IN_STOCK)


def test_what_a_node_lacks_is_not_taken_from_another() -> None:
    assert part_sellable_by("web", position(-2, 4)).available == 4


def test_what_is_held_back_or_owed_is_not_for_the_channel() -> None:
    found = position(10, policy=SellingPolicy(held_back={"web": 2}), owed=3)

    assert part_sellable_by("web", found).available == 5
    assert part_sellable_by("app", found).available == 7


def test_what_lies_where_it_is_not_sold_does_not_count() -> None:
    found = position(10, 4, policy=SellingPolicy(not_sold_at=("node-0",)))

    assert part_sellable_by("web", found).available == 4


@pytest.mark.parametrize(
    ("available", "state"), [(0, "sold_out"), (2, "low"), (3, "low"), (4, "in_stock")]
)
def test_the_state_says_how_near_the_end_is(available: int, state: str) -> None:
    assert part_sellable_by("web", position(available, low_stock_at=3)).state == state


def test_what_is_not_tracked_never_runs_out() -> None:
    found = part_sellable_by("web", position(0, policy=SellingPolicy(tracked=False)))

    assert found == Sellable(None, StockState.IN_STOCK)


@pytest.mark.parametrize(
    ("mugs", "spoons", "found"),
    [
        (9, 9, Sellable(4, StockState.LOW)),
        (99, 4, Sellable(4, StockState.IN_STOCK)),
        (9, 0, Sellable(0, StockState.SOLD_OUT)),
        (1, 9, Sellable(0, StockState.SOLD_OUT)),
    ],
)
def test_a_bundle_is_as_many_and_as_low_as_its_scarcest_part(
    mugs: int, spoons: int, found: Sellable
) -> None:
    parts = (Component("MUG", 2), Component("SPOON", 1))
    items = {sku: Item(sku, sku) for sku in ("MUG", "SPOON")} | {
        "SET": Item("SET", "Set", components=parts)
    }
    positions = {"MUG": position(mugs, low_stock_at=10), "SPOON": position(spoons, low_stock_at=3)}

    assert sellable_by("web", "SET", items, positions) == found


def test_the_first_message_has_the_first_sequence() -> None:
    assert offered(next_offer(None, FIVE, UNTIL, NOW)).sequence == 1


def test_what_a_channel_knows_it_is_not_told_again() -> None:
    assert next_offer(TOLD, FIVE, UNTIL + 5, LATER) is FeedOutcome.NOTHING_NEW


def test_what_changed_has_the_next_sequence() -> None:
    offer = offered(next_offer(TOLD, THREE, UNTIL + 5, LATER))

    assert (offer.sequence, offer.sellable, offer.at, offer.told) == (8, THREE, LATER, False)


def test_a_repeat_has_the_same_sequence_content_and_id() -> None:
    again = offered(next_offer(UNHEARD, FIVE, UNTIL, LATER))

    assert again.id == UNHEARD.id
    assert offer_body(again, 0) == offer_body(UNHEARD, 0)


def test_a_repeat_with_other_content_has_another_sequence() -> None:
    """The channel may have taken the first although its answer got lost."""
    other = offered(next_offer(UNHEARD, THREE, UNTIL, LATER))

    assert other.sequence == UNHEARD.sequence + 1


def test_going_back_to_what_was_told_before_is_told_too() -> None:
    unheard = replace(TOLD, sellable=THREE, sequence=8, told=False)

    assert offered(next_offer(unheard, FIVE, UNTIL, LATER)).sequence == 9


def test_what_queued_up_behind_a_message_that_was_given_up_is_not_tried_again() -> None:
    tried_late = replace(UNHEARD, tried_at=NOW + timedelta(minutes=3))

    behind = next_offer(tried_late, THREE, UNTIL + 60, NOW + timedelta(minutes=4))
    newer = next_offer(tried_late, THREE, UNTIL + 240, NOW + timedelta(minutes=5))

    assert behind is FeedOutcome.GIVEN_UP_BEFORE
    assert offered(newer).sequence == UNHEARD.sequence + 1


def test_a_message_that_was_given_up_is_tried_when_it_is_sent_back() -> None:
    assert offered(next_offer(UNHEARD, FIVE, UNTIL, NOW + timedelta(days=1))).sequence == 7


def test_quantities_are_told_in_the_items_own_measure() -> None:
    told = json.loads(offer_body(replace(TOLD, sellable=Sellable(1250, StockState.LOW)), 3))

    assert told["type"] == "availability.changed"
    assert told["data"] == {
        "sku": "MUG",
        "channel": "web",
        "available": 1.25,
        "state": "low",
        "sequence": 7,
    }
