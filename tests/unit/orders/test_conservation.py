"""Through any chain of split, merge, move, reject, route, backorder, cancel, ship, hand over and
expire each unit of an order is in one place, and the work of the nodes adds up to the counters."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from oms.kernel.errors import Conflict, Invalid, NotFound
from oms.kernel.money import Money
from oms.orders import cancelling, counter, decisions, paying, rerouting, work
from oms.orders import events as happened
from oms.orders.decisions import Events
from oms.orders.evolve import begin, evolve_all
from oms.orders.model import (
    Allocation,
    Content,
    Fulfillment,
    FulfillmentState,
    Line,
    Method,
    Order,
    State,
)
from oms.orders.rerouting import Plan
from tests.samples import NOW, content, line

STORE = "rj-store"
NODES = ("sp-dc", STORE, "pe-dc")
LINES = (
    line("MUG", 5, 1999),
    line("TEE", 4, 333),
    line("MUG", 3, 1999, "gift"),
    replace(line("CAP", 4, 777), method=Method.PICKUP, pickup_node=STORE),
    replace(line("PEN", 3, 101), method=Method.SHIP_TO_STORE, pickup_node=STORE),
)
LINE_IDS = tuple(each.line_id for each in LINES)
STEPS: Mapping[str, Callable[[Order, str], Events]] = {
    "accept": decisions.accept,
    "pick": decisions.pick,
    "pack": decisions.pack,
    "ship": lambda order, part: decisions.ship(order, part, "Correios", f"BR-{part}"),
    "deliver": decisions.deliver,
    "ready": lambda order, part: work.make_ready(order, part, NOW + timedelta(days=7)),
    "expire": lambda order, part: work.expire(order, part, "not collected"),
}
WHICH = st.integers(0, 30)
UNITS = st.dictionaries(st.sampled_from(LINE_IDS), st.integers(1, 5), max_size=3)
# Of each line of a fulfilment: how many units, at times none of it and at times one too many.
SHARES = st.lists(st.integers(0, 11), min_size=len(LINES), max_size=len(LINES))


def ordered() -> Content:
    """With a discount that does not divide evenly."""
    whole = content(*LINES)
    return replace(
        whole, discount=Money(101, whole.currency), total=Money(whole.total.minor - 101, "BRL")
    )


def released() -> Order:
    order = begin(happened.OrderCaptured(ordered()))
    allocations = tuple(
        Allocation(each.line_id, each.sku, node, units)
        for each in LINES
        for node, units in _spread(each)
    )
    total = order.content.total.minor
    for decide in (
        lambda one: decisions.source(one, allocations, "rule", "why"),
        lambda one: paying.authorize_payment(one, total, "auth", "a"),
        decisions.release,
    ):
        order = evolve_all(order, decide(order))
    assert order.state is State.RELEASED
    return order


def _spread(each: Line) -> list[tuple[str, int]]:
    if each.method is Method.PICKUP:
        return [(STORE, each.quantity)]
    return [("sp-dc", each.quantity - 1), ("pe-dc", 1)]


class AChain(RuleBasedStateMachine):
    """Anything is asked for; what is refused changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.order = released()

    def take(self, decide: Callable[[Order], Events]) -> None:
        with suppress(Conflict, Invalid, NotFound):
            self.order = evolve_all(self.order, decide(self.order))

    def part(self, which: int) -> Fulfillment:
        parts = self.order.progress.fulfillments
        return parts[which % len(parts)]

    @rule(which=WHICH, step=st.sampled_from(sorted(STEPS)))
    def step(self, which: int, step: str) -> None:
        part = self.part(which)
        self.take(lambda order: STEPS[step](order, part.id))

    @rule(which=WHICH)
    def go_on(self, which: int) -> None:
        """The next step of it, so that chains get far."""
        part = self.part(which)
        for step in STEPS:
            if step != "expire":
                self.take(lambda order, step=step: STEPS[step](order, part.id))  # type: ignore[misc]

    @rule(which=WHICH, shares=SHARES)
    def split(self, which: int, shares: list[int]) -> None:
        part = self.part(which)
        self.take(lambda order: work.split(order, part.id, _of(part, shares)))

    @rule(which=WHICH, other=WHICH)
    def merge(self, which: int, other: int) -> None:
        into, part = self.part(which), self.part(other)
        alike = [one for one in self.order.live_fulfillments if work.goes_with(one, into)]
        if len(alike) > 1:
            into, part = alike[0], alike[1 + other % (len(alike) - 1)]
        self.take(lambda order: work.merge(order, into.id, [part.id]))

    @rule(which=WHICH, node=st.sampled_from(NODES))
    def move(self, which: int, node: str) -> None:
        part = self.part(which)
        self.take(
            lambda order: work.move(
                order,
                part.id,
                replace(part, id=work.next_id(order), node=node, state=FulfillmentState.OPEN),
                "nearer",
            )
        )

    @rule(which=WHICH, shares=SHARES)
    def reject(self, which: int, shares: list[int]) -> None:
        part = self.part(which)
        self.take(lambda order: work.reject(order, part.id, _of(part, shares), "damaged"))

    @rule(which=WHICH, shares=SHARES)
    def hand_over(self, which: int, shares: list[int]) -> None:
        part = self.part(which)
        self.take(lambda order: work.hand_over(order, part.id, _of(part, shares)))

    @rule(which=WHICH, shares=SHARES, declined=st.booleans())
    def leave_some(self, which: int, shares: list[int], declined: bool) -> None:
        """Not collected in time, or not wanted at the counter."""
        part = self.part(which)
        some = _of(part, shares) or part.units
        self.take(
            lambda order: work.expire_some(order, part.id, some, "not_collected", declined=declined)
        )

    @rule(which=WHICH, outcome=st.sampled_from(["lost", "returned_to_sender"]))
    def fail_to_arrive(self, which: int, outcome: str) -> None:
        part = self.part(which)
        number = f"BR-{part.id}"
        self.take(lambda order: decisions.fail_delivery(order, part.id, number, outcome))

    @rule(nodes=st.lists(st.sampled_from(NODES), min_size=5, max_size=5), share=st.integers(1, 2))
    def route(self, nodes: list[str], share: int) -> None:
        """Half of what has no node, or all of it."""
        left = {line_id: -(-units // share) for line_id, units in self.order.unrouted.items()}
        self.take(lambda order: _routed(order, left, nodes))

    @rule(units=UNITS)
    def backorder(self, units: dict[str, int]) -> None:
        waits = {
            line_id: most
            for line_id, quantity in units.items()
            if (most := min(quantity, self.open(line_id)))
        }
        if waits:
            event = happened.UnitsBackordered(work.as_units(waits), "none is left")
            self.take(lambda _: (event,))

    @rule(units=UNITS)
    def cancel(self, units: dict[str, int]) -> None:
        self.take(lambda order: cancelling.cancel_units(order, units, "changed my mind").events)

    @rule(which=WHICH, price=st.integers(1, 500), removed=SHARES)
    def change_at_the_counter(self, which: int, price: int, removed: list[int]) -> None:
        part = self.part(which)
        number = len(self.order.content.lines)
        added = (line("KEY", 1, price, f"added-{number}"),)
        asked = counter.Change(added, frozenset(), _of(part, removed))
        self.take(lambda order: _counter_change(order, part.id, asked))

    def open(self, line_id: str) -> int:
        lines = self.order.content.lines
        index = next(index for index, each in enumerate(lines) if each.line_id == line_id)
        return self.order.open_quantity(index)

    # --- what holds ---------------------------------------------------------------------------

    @invariant()
    def each_unit_is_in_one_place(self) -> None:
        for index, each in enumerate(self.order.content.lines):
            counts = self.order.progress.counts[index]
            places = (
                counts.reserved,
                counts.backordered,
                counts.released,
                counts.shipped,
                counts.delivered,
                counts.cancelled,
                counts.returned,
                self.order.open_quantity(index),
            )
            assert min(places) >= 0, f"{each.line_id}: {places}"
            assert sum(places) == each.quantity

    @invariant()
    def the_work_of_the_nodes_adds_up_to_the_counters(self) -> None:
        units: Counter[tuple[str, str]] = Counter()
        for part in self.order.live_fulfillments:
            place = _place(part)
            for line_id, quantity in part.units.items():
                units[line_id, place] += quantity
        for each, counts in zip(self.order.content.lines, self.order.progress.counts, strict=True):
            told = {place: units[each.line_id, place] for place in _PLACES}
            assert told == {place: getattr(counts, place) for place in _PLACES}, each.line_id

    @invariant()
    def what_is_due_is_what_is_not_cancelled(self) -> None:
        order = self.order
        assert order.due.minor >= 0
        wanted = any(
            counts.cancelled < each.quantity
            for each, counts in zip(order.content.lines, order.progress.counts, strict=True)
        )
        if not wanted:
            assert order.due.minor == 0

    @invariant()
    def no_fulfilment_is_numbered_twice_and_none_is_empty(self) -> None:
        ids = [part.id for part in self.order.progress.fulfillments]
        assert len(ids) == len({*ids})
        assert all(part.units for part in self.order.live_fulfillments)


_PLACES = ("released", "shipped", "delivered")


def _place(part: Fulfillment) -> str:
    if part.state is FulfillmentState.DELIVERED:
        return "delivered"
    return "shipped" if part.has_left else "released"


def _of(part: Fulfillment, shares: list[int]) -> dict[str, int]:
    asked = {
        line_id: share % (quantity + 2)
        for (line_id, quantity), share in zip(part.units.items(), shares, strict=False)
    }
    return {line_id: quantity for line_id, quantity in asked.items() if quantity}


def _routed(order: Order, units: Mapping[str, int], nodes: list[str]) -> Events:
    allocations = [
        Allocation(
            each.line_id,
            each.sku,
            STORE if each.method is Method.PICKUP else node,
            units[each.line_id],
        )
        for each, node in zip(order.content.lines, nodes, strict=False)
        if units.get(each.line_id, 0)
    ]
    return rerouting.routed(order, Plan(tuple(allocations), rule="rule", reason="why"), ())


def _counter_change(order: Order, part: str, asked: counter.Change) -> Events:
    """Paid to the cent, whatever it comes to."""
    try:
        return counter.change(order, part, asked, None)
    except Invalid as refused:
        if refused.problem_code != "payment_due":
            raise
        due = Money.parse(str((refused.context or {})["due"]), "BRL").minor
        receipts = len(order.payments.each[0].events)
        paid = counter.TillPayment(due, f"receipt-{receipts}", "cash")
        return counter.change(order, part, asked, paid)


TestAChain: Any = AChain.TestCase
TestAChain.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.slow
def test_a_thousand_long_chains() -> None:
    run_state_machine_as_test(
        AChain, settings=settings(max_examples=1_000, stateful_step_count=120, deadline=None)
    )
