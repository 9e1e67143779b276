"""Several people at two nodes of which each takes so much work a day and an hour: orders come, are
called off, withdrawn and rejected, in turns that a seed says. What is taken is what is held, and
never more than there is."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from local.tables import Tables
from oms.aws.capacity_audit import audit
from oms.aws.order_store import OrderStore
from oms.aws.stock_audit import audit as stock_audit
from oms.aws.stock_store import StockStore
from oms.kernel.errors import Backordered, Conflict, StockContended, VersionConflict
from oms.kernel.events import Cause
from oms.orders import decisions, fulfillment, paying, sourcing
from oms.orders.model import Order, State
from oms.orders.rejecting import reject
from oms.routing.policies import BuiltIn
from tests.integration.inventory.test_inventory_concurrency import InTurns, Turns
from tests.integration.world import RJ, SP, World, made_with
from tests.samples import CAUSE, NOW, content, line

PEOPLE = 5
PER_DAY = 6
PER_HOUR = 2


@dataclass
class Clerk:
    number: int
    oms: World
    dice: random.Random
    steps: int = 0
    orders: list[str] = field(default_factory=list)

    def goes_on(self, steps: int) -> None:
        for _ in range(steps):
            act = self.dice.choice(ACTS)
            try:
                act(self)
            except (Backordered, Conflict, StockContended, VersionConflict):
                continue  # It waits, is refused, or is to come again: nothing was taken.

    def cause(self) -> Cause:
        self.steps += 1
        return replace(CAUSE, at=NOW + timedelta(milliseconds=100 * self.steps + self.number))

    def places(self) -> None:
        self.steps += 1
        number = f"{self.number}-{self.steps}"
        order = self.oms.capture(content(line("MUG"), line("TEE"), number=number))
        self.orders.append(order.order_id)
        self.sources(order.order_id)

    def sources_again(self) -> None:
        if self.orders:
            self.sources(self.dice.choice(self.orders))

    def sources(self, order_id: str) -> None:
        stores = (self.oms.orders, self.oms.stock, self.oms.catalog, BuiltIn())
        sourcing.reserve(order_id, *stores, self.cause())

    def calls_off(self) -> None:
        if order := self.some(State.SOURCED):
            sourcing.unreserve(order.order_id, self.oms.orders, self.oms.stock, self.cause())
            self.orders.remove(order.order_id)

    def releases(self) -> None:
        if order := self.some(State.SOURCED):
            minor = order.content.total.minor
            paid = paying.authorize_payment(order, minor, "auth", "a")
            order = self.oms.orders.commit(order, paid, self.cause())
            self.oms.orders.commit(order, decisions.release(order), self.cause())

    def withdraws(self) -> None:
        if order := self.some(State.RELEASED):
            capacity = self.oms.stock.capacity
            fulfillment.withdraw(order.order_id, self.oms.orders, capacity, self.cause())
            sourcing.unreserve(order.order_id, self.oms.orders, self.oms.stock, self.cause())
            self.orders.remove(order.order_id)

    def rejects(self) -> None:
        order = self.some(State.RELEASED)
        if order and order.live_fulfillments:
            part = order.live_fulfillments[0]
            some = dict(list(part.units.items())[: self.dice.randint(0, 2)])
            reject(part.id, some, "too_busy", self.oms.orders, self.oms.stock, self.cause())

    def some(self, state: State) -> Order | None:
        orders = map(self.oms.orders.load, self.orders)
        return next((order for order in orders if order.state is state), None)


ACTS: tuple[Callable[[Clerk], None], ...] = (
    Clerk.places,
    Clerk.places,
    Clerk.sources_again,
    Clerk.calls_off,
    Clerk.releases,
    Clerk.withdraws,
    Clerk.rejects,
)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_taken_is_held_and_never_more_than_there_is(seed: int) -> None:
    in_turns(seed, steps=16)


@pytest.mark.slow
def test_what_is_taken_is_held_at_length() -> None:
    for seed in range(1000, 1050):
        in_turns(seed, steps=40)


def in_turns(seed: int, steps: int) -> None:
    tables: Any = Tables()
    oms = made_with(tables)
    oms.catalog.put_node(replace(SP, capacity_per_day=PER_DAY))
    oms.catalog.put_node(replace(RJ, capacity_per_hour=PER_HOUR))
    for sku in ("MUG", "TEE"):
        for node in (SP, RJ):
            oms.receive(sku, 200, node)
    turns = Turns(seed, PEOPLE)
    clerks = [clerk(oms, number, seed, turns, tables) for number in range(PEOPLE)]

    def goes_on(one: Clerk) -> None:
        try:
            one.goes_on(steps)
        finally:
            turns.leave(one.number)

    with ThreadPoolExecutor(PEOPLE) as threads:
        for done in [threads.submit(goes_on, one) for one in clerks]:
            done.result()
    assert audit(tables, "inventory", "orders") == []
    assert stock_audit(tables, "inventory")[1] == []
    loads = oms.stock.capacity.loads(oms.catalog.nodes(), NOW)
    assert 0 <= loads["sp-dc"].day <= PER_DAY
    assert all(0 <= units <= PER_HOUR for units in loads["rj-store"].hours.values())


def clerk(oms: World, number: int, seed: int, turns: Turns, tables: Tables) -> Clerk:
    client: Any = InTurns(tables, turns, number)
    own = replace(
        oms,
        client=client,
        stock=StockStore(client, "inventory"),
        orders=OrderStore(client, "orders"),
    )
    return Clerk(number, own, random.Random(f"{seed}-{number}"))
