"""Whatever nodes and people do to the work of orders, in whichever turn: quantities are conserved,
and what is reserved, owed and shared out is what orders hold."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from oms.aws.policy_store import PolicyStore
from oms.catalog.model import Node
from oms.inventory.model import MovementKind
from oms.inventory.policy import SellingPolicy
from oms.inventory.position import ShareRule
from oms.kernel.errors import (
    Backordered,
    Conflict,
    Invalid,
    OrderCancelRequested,
    OutOfStock,
    StockContended,
)
from oms.orders import exceptions, moving
from oms.orders.addressing import change_address
from oms.orders.cancelling import Asked, cancel_lines
from oms.orders.exceptions import Resolution
from oms.orders.model import (
    Fulfillment,
    FulfillmentState,
    Method,
    Order,
    OutOfStockPolicy,
    State,
)
from oms.orders.prospects import backordered_units
from oms.orders.work import REJECT_REASONS
from tests.integration.orders.routed import MG, NODES, Desk
from tests.integration.world import RJ, SP, World, world
from tests.samples import CAUSE, content, line

SKUS = ("MUG", "TEE")
UNITS = st.integers(1, 4)
INDEX = st.integers(0, 30)
AT_THE_NODE = (
    FulfillmentState.OPEN,
    FulfillmentState.ACCEPTED,
    FulfillmentState.PICKED,
    FulfillmentState.PACKED,
)
NEXT = {"open": "accept", "accepted": "pick", "picked": "pack", "packed": "ship"}
CITIES = {"São Paulo": (-23.56, -46.65), "Rio": (-22.97, -43.18), "Belo Horizonte": (-19.9, -43.9)}
REFUSALS = (Conflict, Invalid, StockContended)


class Work(RuleBasedStateMachine):
    """Some of the mugs may be taken back, are shared between the channels, or lie on several
    counters; the warehouse takes so much work a day and an hour."""

    def __init__(self) -> None:
        super().__init__()
        self._world = world()
        self.oms: World = self._world.__enter__()
        self.desk = Desk(self.oms)
        self.ids: list[str] = []

    @initialize(shared=st.booleans(), taken_back=st.booleans(), spread=st.booleans())
    def begins(self, shared: bool, taken_back: bool, spread: bool) -> None:
        self.oms.catalog.put_node(MG)
        self.oms.catalog.put_node(replace(SP, capacity_per_day=30, capacity_per_hour=4))
        for sku in SKUS:
            for node in NODES:
                self.oms.receive(sku, 4, node)
        if taken_back:
            policies = PolicyStore(self.oms.client, "inventory")
            policies.put("MUG", SellingPolicy(take_back=True), CAUSE)
        if shared:
            rules = (ShareRule("web", Decimal("0.3"), None, ("app",)), ShareRule("app", None, 4))
            self.oms.stock.shares.put_rules("MUG", rules, 12, CAUSE)
        if spread:
            self.oms.stock.spread("MUG", SP.id, 3, self.desk.cause())

    def teardown(self) -> None:
        self._world.__exit__(None, None, None)

    def orders(self) -> list[Order]:
        return [self.oms.orders.load(order_id) for order_id in self.ids]

    def order(self, index: int) -> Order:
        return self.oms.orders.load(self.ids[index % len(self.ids)])

    def part(self, index: int, *states: FulfillmentState) -> Fulfillment | None:
        found = [
            part
            for order in self.orders()
            for part in order.live_fulfillments
            if part.state in (states or AT_THE_NODE)
        ]
        return found[index % len(found)] if found else None

    @rule(
        wanted=st.dictionaries(st.sampled_from(SKUS), UNITS, min_size=1),
        waits=st.booleans(),
        priority=st.sampled_from([3, 5]),
        collected=st.sets(st.sampled_from(SKUS), max_size=1),
    )
    def comes(
        self, wanted: dict[str, int], waits: bool, priority: int, collected: set[str]
    ) -> None:
        agreed = OutOfStockPolicy.BACKORDER if waits else OutOfStockPolicy.CANCEL
        lines = [
            replace(line(sku, units), method=Method.PICKUP, pickup_node=RJ.id)
            if sku in collected
            else line(sku, units)
            for sku, units in sorted(wanted.items())
        ]
        number = f"{len(self.ids) + 1}"
        captured = content(*lines, number=number, on_out_of_stock=agreed)
        self.ids.append(self.oms.capture(replace(captured, priority=priority)).order_id)
        self.is_released(len(self.ids) - 1)

    @precondition(lambda self: self.ids)
    @rule(index=INDEX)
    def is_released(self, index: int) -> None:
        order = self.order(index)
        if order.state in (State.CAPTURED, State.SOURCED, State.AUTHORIZED):
            with suppress(Backordered, OutOfStock, OrderCancelRequested, StockContended):
                self.desk.release(order.order_id)

    @precondition(lambda self: self.ids)
    @rule(index=INDEX)
    def goes_on(self, index: int) -> None:
        part = self.part(index)
        if part is not None:
            with suppress(Conflict):
                self.desk.step(part, NEXT[part.state])

    @precondition(lambda self: self.ids)
    @rule(index=INDEX, reason=st.sampled_from(REJECT_REASONS), units=st.none() | UNITS)
    def is_rejected(self, index: int, reason: str, units: int | None) -> None:
        part = self.part(index)
        if part is not None:
            line_id = next(iter(part.units))
            with suppress(*REFUSALS):
                self.desk.reject(part, reason, {line_id: units} if units else {})

    @precondition(lambda self: self.ids)
    @rule(index=INDEX)
    def is_routed(self, index: int) -> None:
        order = self.order(index)
        with suppress(StockContended):
            order = self.desk.reroute(order)
            assert self.desk.reroute(order) == order

    @precondition(lambda self: self.ids)
    @rule(index=INDEX, units=UNITS)
    def is_split(self, index: int, units: int) -> None:
        part = self.part(index)
        if part is not None:
            with suppress(*REFUSALS):
                some = {next(iter(part.units)): units}
                moving.split(part.id, some, self.oms.orders, self.desk.cause())

    @precondition(lambda self: self.ids)
    @rule(index=INDEX)
    def is_merged(self, index: int) -> None:
        order = self.order(index)
        live = [part.id for part in order.live_fulfillments]
        if len(live) > 1:
            with suppress(*REFUSALS):
                cause = self.desk.cause()
                moving.merge(live[0], live[1:], self.oms.orders, self.oms.stock, cause)

    @precondition(lambda self: self.ids)
    @rule(index=INDEX, node=st.sampled_from(NODES))
    def is_moved(self, index: int, node: Node) -> None:
        part = self.part(index)
        if part is not None:
            with suppress(*REFUSALS):
                moving.move(part.id, node.id, "", self.desk.router, self.desk.cause())

    @precondition(lambda self: self.ids)
    @rule(index=INDEX, units=UNITS)
    def is_reduced(self, index: int, units: int) -> None:
        order = self.order(index)
        asked = [Asked(order.content.lines[0].line_id, Decimal(units))]
        with suppress(*REFUSALS):
            cancel_lines(
                order.order_id, asked, "no", "", self.oms.orders, self.oms.stock, self.desk.cause()
            )

    @precondition(lambda self: self.ids)
    @rule(index=INDEX, city=st.sampled_from(sorted(CITIES)))
    def goes_elsewhere(self, index: int, city: str) -> None:
        order = self.order(index)
        latitude, longitude = CITIES[city]
        to = replace(
            order.content.shipping_address, city=city, latitude=latitude, longitude=longitude
        )
        with suppress(*REFUSALS):
            change_address(order.order_id, to, self.desk.router, self.desk.cause())

    @precondition(lambda self: self.ids)
    @rule(
        index=INDEX,
        action=st.sampled_from(["retry", "route_to", "backorder", "cancel_units"]),
        node=st.sampled_from(NODES),
    )
    def is_resolved(self, index: int, action: str, node: Node) -> None:
        resolution = Resolution(action, node=node.id)
        with suppress(*REFUSALS):
            order_id = self.order(index).order_id
            exceptions.resolve(order_id, resolution, self.desk.router, self.desk.cause())

    @precondition(lambda self: self.ids)
    @rule(index=INDEX)
    def is_cancelled(self, index: int) -> None:
        order = self.order(index)
        if order.state not in (State.CANCELLED, State.COMPLETED):
            with suppress(Conflict):
                self.desk.cancel(order)

    @rule(sku=st.sampled_from(SKUS), node=st.sampled_from(NODES), units=UNITS)
    def receives(self, sku: str, node: Node, units: int) -> None:
        self.oms.receive(sku, units, node)

    @rule(sku=st.sampled_from(SKUS), node=st.sampled_from(NODES))
    def is_counted(self, sku: str, node: Node) -> None:
        self.oms.move(sku, self.oms.balance(sku, node).on_hand, MovementKind.COUNT, node)

    @invariant()
    def everything_adds_up(self) -> None:
        self.desk.check()
        self.desk.holds_what_is_reserved(*self.orders())

    @invariant()
    def each_unit_is_in_one_place(self) -> None:
        for order in self.orders():
            for index, (one, counts) in enumerate(
                zip(order.content.lines, order.progress.counts, strict=True)
            ):
                assert order.open_quantity(index) >= 0
                parts = [
                    part.units.get(one.line_id, 0)
                    for part in order.live_fulfillments
                    if not part.has_left
                ]
                assert counts.released == sum(parts) or order.state is State.CANCELLED
                assert min(counts.reserved, counts.backordered, counts.shipped) >= 0

    @invariant()
    def who_waits_stands_in_the_queue(self) -> None:
        for sku in SKUS:
            rows = {
                one.order_id: one.lacking[sku] for one in self.oms.stock.backorders.waiting(sku)
            }
            assert rows == {
                order.order_id: units
                for order in self.orders()
                if (units := backordered_units(order).get(sku, 0))
            }

    @invariant()
    def nothing_has_left_while_a_part_has_no_node(self) -> None:
        for order in self.orders():
            if order.unrouted:
                assert order.state is State.RELEASED

    @invariant()
    def what_is_free_lies_in_the_channels_parts(self) -> None:
        shares = self.oms.stock.shares.shares("MUG")
        balances = self.oms.stock.balances_of("MUG", consistent=True)
        if shares:
            assert sum(share.left for share in shares) == sum(one.available for one in balances)

    @invariant()
    def capacity_is_what_is_held(self) -> None:
        held = sum(
            part.slot is not None
            for order in self.orders()
            for part in order.live_fulfillments
            if order.state is not State.CANCELLED or part.has_left
        ) + sum(len(order.progress.slots) for order in self.orders())
        loads = self.oms.stock.capacity.loads(self.oms.catalog.nodes({"sp-dc"}), self.now())
        assert sum(load.day for load in loads.values()) == held
        assert sum(units for load in loads.values() for units in load.hours.values()) == held

    def now(self) -> datetime:
        return self.desk.cause().at


TestWork = Work.TestCase
TestWork.settings = settings(max_examples=20, stateful_step_count=30, deadline=None)


@pytest.mark.slow
def test_work_at_length() -> None:
    at_length = settings(max_examples=300, stateful_step_count=60, deadline=None)
    run_state_machine_as_test(Work, settings=at_length)
