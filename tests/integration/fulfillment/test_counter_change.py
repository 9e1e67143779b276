"""An order is changed at the counter: more, less, and the difference paid or given back."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from oms.aws.pickup_store import PickupStore
from oms.aws.policy_store import PolicyStore
from oms.catalog.model import Component, Item
from oms.inventory.policy import SellingPolicy
from oms.inventory.position import ShareRule
from oms.kernel.clock import utc_now
from oms.orders.model import FulfillmentState, State
from tests.integration.fulfillment.counter import Counter, cash
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, line

HAT: dict[str, Any] = {"sku": "HAT", "quantity": 1, "unit_price": "15.00"}
NO_MUG = {"line_id": "MUG", "quantity": 1}


@pytest.fixture(autouse=True)
def hats(oms: World) -> None:
    oms.catalog.put_item(Item("HAT", "The HAT"))
    oms.receive("HAT", 3, RJ)


def test_what_is_added_is_paid_handed_over_and_leaves_the_stores_stock(
    oms: World, store: Counter
) -> None:
    part = store.ready(order := store.order())

    asked = store.change(part, add=[HAT])
    status, answer = store.change(part, add=[HAT], payment=cash("15.00"))

    assert (asked[0], asked[1]["code"], asked[1]["due"]) == (422, "payment_due", "15.00")
    assert (status, answer["added"], answer["due"]) == (200, ["c1-1"], "0.00")
    after = store.now(order)
    assert after.due.minor == 4500 and after.payments.captured.minor == 1500
    assert after.progress.counts[2].delivered == 1
    assert oms.balance("HAT", RJ).on_hand == 2
    assert oms.ledger("HAT", RJ) == (2, 0)
    assert store.hand_over(part)[0] == 200
    settled = store.settled(order)
    assert settled.state is State.COMPLETED
    assert settled.payments.captured == settled.due


def test_the_same_change_again_changes_nothing(oms: World, store: Counter) -> None:
    part = store.ready(order := store.order())
    first = store.change(part, add=[HAT], payment=cash("15.00"))

    again = store.change(part, add=[HAT], payment=cash("15.00"))
    other = store.change(part, add=[{**HAT, "quantity": 2}], payment=cash("30.00", "T-2"))

    assert again == first
    assert (other[0], other[1]["code"]) == (409, "content_differs")
    assert oms.balance("HAT", RJ).on_hand == 2
    assert len(store.now(order).content.lines) == 3


def test_what_is_removed_goes_back_into_stock_and_is_not_charged(
    oms: World, store: Counter
) -> None:
    part = store.ready(order := store.order())

    status, answer = store.change(part, remove=[NO_MUG])

    assert (status, answer["refund"], answer["due"]) == (200, "0.00", "0.00")
    assert [each["quantity"] for each in answer["fulfillment"]["lines"]] == [1, 1]
    assert (oms.balance("MUG", RJ).on_hand, oms.balance("MUG", RJ).reserved) == (2, 1)
    assert store.hand_over(part)[0] == 200
    assert store.settled(order).payments.captured.minor == 2000


def test_what_was_paid_for_it_is_given_back(store: Counter) -> None:
    order = store.order(collected=3000, method="channel")
    part = store.ready(order)

    _, answer = store.change(part, remove=[NO_MUG])

    assert answer["refund"] == "10.00"
    assert [refund.amount for refund in store.now(order).progress.refunds] == [1000]


@pytest.mark.parametrize(
    ("price", "due", "refund"), [("15.00", "5.00", 0), ("10.00", "", 0), ("4.00", "", 600)]
)
def test_only_the_difference_is_paid_or_given_back(
    store: Counter, price: str, due: str, refund: int
) -> None:
    order = store.order(collected=3000, method="channel")
    part = store.ready(order)
    payment = {"payment": cash(due)} if due else {}

    status, _ = store.change(part, add=[{**HAT, "unit_price": price}], remove=[NO_MUG], **payment)

    after = store.now(order)
    assert status == 200
    assert sum(one.amount for one in after.progress.refunds) == refund
    assert (after.payments.captured - after.payments.refund_pending) == after.due


def test_of_what_is_paid_in_the_store_only_what_is_taken_is_due(store: Counter) -> None:
    order = store.order(deferred=True)
    part = store.ready(order)

    changed = store.change(part, add=[HAT], remove=[NO_MUG], payment=cash("15.00", "T-1"))
    handed = store.hand_over(part, payment=cash("20.00", "T-2"))

    assert (changed[0], changed[1]["due"]) == (200, "20.00")
    assert handed[0] == 200
    assert store.settled(order).payments.captured.minor == 3500


def test_who_wants_something_else_instead_of_all_of_it_completes_the_order(
    oms: World, store: Counter
) -> None:
    order = store.order(line("MUG", 2))
    part = store.ready(order)

    status, _ = store.change(
        part,
        add=[{**HAT, "quantity": 2}],
        remove=[{"line_id": "MUG", "quantity": 2}],
        payment=cash("10.00"),
    )

    after = store.now(order)
    assert status == 200
    assert after.state is State.DELIVERED and not after.cancel_requested
    assert after.fulfillment(part).state is FulfillmentState.UNCOLLECTED  # type: ignore[union-attr]
    assert not PickupStore(oms.client, "work").overdue(utc_now() + timedelta(days=90), 9)
    assert store.settled(order).state is State.COMPLETED


def test_who_wants_nothing_of_it_cancels_the_order(store: Counter) -> None:
    order = store.order(line("MUG"), collected=1000, method="channel")
    part = store.ready(order)

    status, answer = store.change(part, remove=[NO_MUG])

    assert (status, answer["refund"]) == (200, "10.00")
    assert store.cancelled(order).payments.refund_pending.minor == 1000


def test_of_what_was_brought_to_the_store_the_removed_becomes_its_stock(
    oms: World, store: Counter
) -> None:
    part = store.ready(order := store.order(node=SP))

    status, _ = store.change(part, remove=[NO_MUG], add=[HAT], payment=cash("5.00"))

    assert status == 200
    assert oms.balance("MUG", RJ).available == 1
    assert store.hand_over(part)[0] == 200
    assert store.now(order).state is State.DELIVERED
    assert store.settled(order).payments.captured.minor == 3500


def test_nothing_is_held_any_more_of_a_card_that_is_not_needed(store: Counter) -> None:
    """All that the customer keeps was paid at the till."""
    order = store.order(line("MUG"), line("TEE"))
    part = store.ready(order)
    store.change(part, remove=[NO_MUG])
    store.hand_over(part, lines=[], hand_over_id="h1", decline_rest=True)

    assert store.now(order).cancel_requested
    assert store.cancelled(order).payments.voided.minor == 2000


def test_what_is_not_tracked_is_sold_without_stock(oms: World, store: Counter) -> None:
    oms.catalog.put_item(Item("WRAP", "Gift wrap"))
    PolicyStore(oms.client, "inventory").put("WRAP", SellingPolicy(tracked=False), CAUSE)
    part = store.ready(store.order())

    status, _ = store.change(
        part, add=[{"sku": "WRAP", "quantity": 9, "unit_price": "1.00"}], payment=cash("9.00")
    )

    assert status == 200


def test_what_others_have_a_claim_to_is_not_sold(oms: World, store: Counter) -> None:
    part = store.ready(order := store.order())

    status, problem = store.change(part, add=[{**HAT, "quantity": 4}], payment=cash("60.00"))

    assert (status, problem["code"]) == (409, "not_in_stock")
    assert len(store.now(order).content.lines) == 2
    assert store.now(order).payments.captured.minor == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "nothing_asked"),
        ({"add": [{**HAT, "sku": "GONE"}]}, "unknown_sku"),
        ({"add": [{**HAT, "sku": "SET"}]}, "bundle_has_no_stock"),
        ({"add": [{**HAT, "quantity": 0}]}, "quantity_not_positive"),
        ({"add": [{**HAT, "quantity": 0.5}]}, "too_many_decimals"),
        ({"add": [{**HAT, "unit_price": "1.001"}]}, "too_many_decimals"),
        (
            {"add": [{"sku": "MUG", "quantity": 1, "unit_price": "1.00"}], "remove": [NO_MUG]},
            "added_and_removed",
        ),
        ({"add": [HAT], "payment": cash("14.99")}, "wrong_amount"),
        ({"remove": [NO_MUG], "payment": cash("1.00")}, "nothing_due"),
        ({"remove": [{"line_id": "MUG", "quantity": 3}]}, "quantities_do_not_add_up"),
        ({"remove": [{"line_id": "HAT", "quantity": 1}]}, "unknown_line"),
        ({"remove": [NO_MUG, NO_MUG]}, "line_twice"),
    ],
)
def test_what_does_not_add_up_is_refused(
    oms: World, store: Counter, body: dict[str, Any], code: str
) -> None:
    oms.catalog.put_item(Item("SET", "A set", components=(Component("HAT", 1),)))
    part = store.ready(order := store.order())
    before = store.now(order)

    status, problem = store.change(part, **body)

    assert (status, problem["code"]) == (422, code)
    assert store.now(order) == before


def test_a_change_has_an_id_of_its_own_in_the_whole_order(oms: World, store: Counter) -> None:
    part = store.ready(order := store.order())
    store.change(part, add=[HAT], payment=cash("15.00"))
    handed = store.hand_over(part, lines=[NO_MUG], hand_over_id="h1")
    assert handed[0] == 200
    now = store.now(order)
    other = replace(now.progress.fulfillments[0], id=part[:-1] + "9")
    oms.orders.commit(
        now.with_progress(fulfillments=(*now.progress.fulfillments, other)), (), CAUSE
    )

    status, problem = store.change(other.id, add=[HAT], payment=cash("15.00", "T-2"))

    assert (status, problem["code"]) == (422, "line_twice")


def test_what_was_paid_in_advance_is_not_paid_again_at_the_counter(store: Counter) -> None:
    order = store.order(line("MUG", 2), line("TEE", 1), deferred=True, collected=500)
    part = store.ready(order)

    _, mugs = store.hand_over(
        part, lines=[{"line_id": "MUG", "quantity": 2}], hand_over_id="h1", payment=cash("15.00")
    )
    status, answer = store.hand_over(part, payment=cash("10.00", "T-2"))

    assert (mugs["due"], status, answer["due"]) == ("10.00", 200, "0.00")
    assert store.settled(order).payments.captured.minor == 3000


def test_more_than_one_transaction_holds_is_refused(oms: World, store: Counter) -> None:
    """Each part of what channels have of an item is one write."""
    rules = [ShareRule(f"channel-{number}", Decimal("0.1")) for number in range(10)]
    skus = [f"HAT-{number}" for number in range(10)]
    for sku in skus:
        oms.catalog.put_item(Item(sku, sku))
        oms.receive(sku, 10, RJ)
        oms.stock.shares.put_rules(sku, rules, 10, CAUSE)
    part = store.ready(order := store.order())
    added = [{"sku": sku, "quantity": 10, "unit_price": "1.00"} for sku in skus]

    status, problem = store.change(part, add=added, payment=cash("100.00"))

    assert (status, problem["code"]) == (413, "too_many_lines")
    assert store.now(order).version == order.version + 3
