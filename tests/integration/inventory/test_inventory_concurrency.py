"""Several people do everything at once: what was accepted is what is there. Once with real threads
against the local engine, and many times in memory, where every request may be followed by another
one's: which, a seed says, so that what goes wrong goes wrong again."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Condition
from typing import Any

import pytest

from local.tables import Tables
from oms.aws.reservation_store import ReservationStore
from oms.aws.stock_audit import audit
from oms.catalog.delivery import Component
from oms.catalog.model import Item
from oms.inventory import reservations
from oms.inventory.baskets import Wanted
from oms.inventory.model import Movement, MovementKind, Need
from oms.inventory.reservation import Reservation, ReservationState
from oms.inventory.reservations import Basket
from oms.kernel.errors import Conflict, StockContended
from oms.kernel.events import Cause
from tests.integration.world import RJ, SP, World, made_with
from tests.samples import CAUSE, NOW

SKUS = ("MUG", "TEE", "CAP")
NODES = (SP.id, RJ.id)
FIRST_UNITS = 12
# A basket holds two mugs and a tee as a bundle; caps are spread from the beginning.
ASKED = ("MUG", "TEE", "CAP", "SET")
Place = tuple[str, str]


@dataclass
class Person:
    """Does what the dice say, and remembers what was accepted."""

    number: int
    oms: World
    dice: random.Random
    steps: int = 0
    on_hand: Counter[Place] = field(default_factory=Counter)
    incoming: Counter[Place] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    orders: dict[str, Reservation] = field(default_factory=dict)
    sent: list[tuple[str, Place, int]] = field(default_factory=list)
    late: timedelta = timedelta()

    def goes_on(self, steps: int) -> None:
        for _ in range(steps):
            act = self.dice.choice(ACTS)
            try:
                act(self)
            except (Conflict, StockContended):
                continue  # Refused, or asked to come again: nothing was done.

    def cause(self) -> Cause:
        """Everybody's moments differ, and now and then an hour's quarter has passed."""
        self.steps += 1
        at = NOW + self.late + timedelta(milliseconds=100 * self.steps + self.number)
        return replace(CAUSE, at=at)

    def place(self) -> Place:
        return self.dice.choice(SKUS), self.dice.choice(NODES)

    @property
    def name(self) -> str:
        return f"{self.number}-{self.steps}"

    @property
    def store(self) -> ReservationStore:
        return ReservationStore(self.oms.client, "inventory", self.oms.stock)

    def move(self, kind: MovementKind, place: Place, units: int, **more: Any) -> str:
        cause = self.cause()
        movement = Movement(f"m{self.name}", kind, *place, units, "a test", **more)
        assert self.oms.stock.move(movement, cause)
        return movement.id

    # --- acts -----------------------------------------------------------------------------------

    def receives(self) -> None:
        place, units = self.place(), self.dice.randint(1, 3)
        self.move(MovementKind.RECEIPT, place, units)
        self.on_hand[place] += units

    def damages(self) -> None:
        kind = self.dice.choice([MovementKind.DAMAGE, MovementKind.QUARANTINE])
        place = self.place()
        self.move(kind, place, 1)
        self.on_hand[place] -= 1

    def clears(self) -> None:
        place = self.place()
        self.move(MovementKind.RELEASE, place, 1)
        self.on_hand[place] += 1

    def sends(self) -> None:
        (sku, node), units = self.place(), self.dice.randint(1, 3)
        to = next(other for other in NODES if other != node)
        transfer = self.move(MovementKind.TRANSFER, (sku, node), units, to_node=to)
        self.on_hand[sku, node] -= units
        self.incoming[sku, to] += units
        self.sent.append((transfer, (sku, to), units))

    def takes_in(self) -> None:
        if not self.sent:
            return
        transfer, place, units = self.sent[-1]
        arrived = self.dice.randint(0, units)
        self.move(MovementKind.ARRIVAL, place, arrived, transfer=transfer)
        self.sent.pop()
        self.incoming[place] -= units
        self.on_hand[place] += arrived

    def holds_back(self) -> None:
        self.oms.stock.set_thresholds(*self.place(), self.dice.randint(0, 3), 0, self.cause())

    def spreads(self) -> None:
        self.oms.stock.spread(*self.place(), self.dice.choice([1, 2, 4]), self.cause())

    def takes(self) -> None:
        cause = self.cause()
        until = cause.at + timedelta(minutes=self.dice.choice([1, 15]))
        node = self.dice.choice(["", *NODES])
        asked = self.dice.sample(ASKED, self.dice.randint(1, 2))
        wanted = tuple(Wanted(sku, self.dice.randint(1, 2), node) for sku in asked)
        basket = Basket(f"b{self.name}", "web", wanted, until, "same")
        reservations.take(basket, self.store, self.oms.stock, self.oms.catalog, cause)

    def lets_go(self) -> None:
        """Of anybody's; who was told first that it ended has ended it, and nobody else."""
        held = self.some_basket()
        if held is not None and held.state is ReservationState.HELD:
            cause = self.cause()
            ended = self.store.end(held, ReservationState.RELEASED, cause)
            self.ended[ended.id] += 1

    def extends(self) -> None:
        held = self.some_basket()
        if held is not None and held.state is ReservationState.HELD:
            cause = self.cause()
            until = max(held.expires_at, cause.at + timedelta(minutes=10))
            if held.expires_at > cause.at and until <= held.latest:
                reservations.extend(held.id, until, self.store, cause.at)

    def orders_it(self) -> None:
        held = self.some_basket()
        cause = self.cause()
        if held is None or held.state_at(cause.at) is not ReservationState.HELD:
            return
        order_id = f"ord_{self.name}"
        self.oms.stock.transact(self.store.conversion(held, order_id, cause))
        self.ended[held.id] += 1
        self.orders[order_id] = held

    def ends_an_order(self) -> None:
        if not self.orders:
            return
        order_id, held = next(iter(self.orders.items()))
        ships = self.dice.random() < 0.7
        needs = [Need(one.sku, one.node, one.quantity, one.counter) for one in held.lines]
        prepare = self.oms.stock.ship if ships else self.oms.stock.unreserve
        self.oms.stock.transact(prepare(needs, order_id, self.cause()))
        del self.orders[order_id]
        for line in held.lines:
            self.on_hand[line.sku, line.node] -= line.quantity if ships else 0

    def sweeps(self) -> None:
        reservations.sweep(self.store, self.cause().at)

    def waits(self) -> None:
        self.late += timedelta(minutes=self.dice.choice([1, 5]))

    def some_basket(self) -> Reservation | None:
        """One that anybody took, as it is now."""
        number, step = self.dice.randrange(PEOPLE), self.dice.randint(1, self.steps + 1)
        for taken in range(step, 0, -1):
            kept = self.store.find(f"b{number}-{taken}")
            if kept is not None:
                return kept.reservation
        return None


PEOPLE = 4
ACTS: list[Callable[[Person], None]] = [
    *[Person.takes] * 5,
    *[Person.orders_it] * 2,
    *[Person.ends_an_order] * 2,
    Person.receives,
    Person.damages,
    Person.clears,
    Person.sends,
    Person.takes_in,
    Person.holds_back,
    Person.spreads,
    Person.lets_go,
    Person.extends,
    Person.sweeps,
    Person.waits,
]


def stocked(oms: World) -> None:
    oms.catalog.put_item(Item("CAP", "The CAP"))
    made_of = (Component("MUG", 2), Component("TEE", 1))
    oms.catalog.put_item(Item("SET", "Two mugs and a tee", components=made_of))
    for sku in SKUS:
        for node in (SP, RJ):
            oms.receive(sku, FIRST_UNITS, node)
    for node in (SP, RJ):
        oms.stock.spread("CAP", node.id, 4, CAUSE)


def held_against_what_was_accepted(oms: World, people: list[Person]) -> None:
    end = max(person.cause().at for person in people)
    assert audit(oms.client, "inventory")[1] == []
    holding = live_holdings(oms, people, end)
    positions = oms.stock.positions(set(SKUS), end, consistent=True)
    for sku in SKUS:
        for node in NODES:
            place, balance = (sku, node), positions[sku].at(node)
            accepted = sum(person.on_hand[place] for person in people)
            assert balance.on_hand == FIRST_UNITS + accepted
            assert balance.incoming == sum(person.incoming[place] for person in people)
            assert balance.reserved == holding[place]
            assert balance.available >= 0
    ended = sum((person.ended for person in people), Counter[str]())
    assert all(times == 1 for times in ended.values())


def live_holdings(oms: World, people: list[Person], now: datetime) -> Counter[Place]:
    """What baskets hold that have not expired, and orders that were neither shipped nor ended."""
    holding: Counter[Place] = Counter()
    orders = {order_id: held for one in people for order_id, held in one.orders.items()}
    found = [
        kept.reservation
        for person in people
        for step in range(1, person.steps + 1)
        if (kept := person.store.find(f"b{person.number}-{step}"))
    ]
    live = [one for one in found if one.state_at(now) is ReservationState.HELD]
    for one in [*live, *orders.values()]:
        for line in one.lines:
            holding[line.sku, line.node] += line.quantity
    return holding


# --- in memory, in turns ------------------------------------------------------------------------


class Turns:
    """Lets one of several threads go on at a time; at each request it makes, the dice say who is
    next. Nothing else decides, so the same seed is the same run."""

    def __init__(self, seed: int, everybody: int) -> None:
        self._dice = random.Random(seed)
        self._changed = Condition()
        self._waiting: set[int] = set()
        self._here = set(range(everybody))
        self._next = -1

    def take(self, who: int) -> None:
        with self._changed:
            self._waiting.add(who)
            self._choose()
            self._changed.wait_for(lambda: self._next == who)
            self._waiting.discard(who)
            self._next = -1

    def leave(self, who: int) -> None:
        with self._changed:
            self._here.discard(who)
            self._choose()

    def _choose(self) -> None:
        if self._next == -1 and self._here and self._waiting == self._here:
            self._next = self._dice.choice(sorted(self._waiting))
            self._changed.notify_all()


class InTurns:
    """A client that waits for its turn before each request."""

    def __init__(self, tables: Tables, turns: Turns, who: int) -> None:
        self._tables, self._turns, self._who = tables, turns, who
        self.exceptions = tables.exceptions

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._tables, name)

        def in_turn(*args: Any, **request: Any) -> Any:
            self._turns.take(self._who)
            return asked(*args, **request)

        return in_turn


def in_turns(seed: int, steps: int) -> None:
    tables: Any = Tables()
    oms = made_with(tables)
    stocked(oms)
    turns = Turns(seed, PEOPLE)
    people = [person_of(oms, number, seed, turns, tables) for number in range(PEOPLE)]

    def goes_on(person: Person) -> None:
        try:
            person.goes_on(steps)
        finally:
            turns.leave(person.number)

    with ThreadPoolExecutor(PEOPLE) as threads:
        for done in [threads.submit(goes_on, person) for person in people]:
            done.result()
    for person in people:
        person.oms = oms
    held_against_what_was_accepted(oms, people)


def person_of(oms: World, number: int, seed: int, turns: Turns, tables: Tables) -> Person:
    client: Any = InTurns(tables, turns, number)
    own = replace(
        oms, client=client, stock=type(oms.stock)(client, "inventory"), catalog=oms.catalog
    )
    return Person(number, own, random.Random(f"{seed}-{number}"))


# Of the last: somebody spread a SKU again that a movement had gathered, and the movement, booked,
# was said to be refused.
@pytest.mark.parametrize("seed", [*range(12), 176])
def test_in_turns_what_was_accepted_is_what_is_there(seed: int) -> None:
    in_turns(seed, steps=60)


@pytest.mark.slow
def test_in_turns_at_length() -> None:
    for seed in range(1000, 2000):
        in_turns(seed, steps=80)


# --- real threads -------------------------------------------------------------------------------


@pytest.mark.xdist_group("inventory_on_engine")
def test_with_real_threads_what_was_accepted_is_what_is_there(oms_on_engine: World) -> None:
    oms = oms_on_engine
    stocked(oms)
    people = [Person(number, oms, random.Random(number)) for number in range(PEOPLE)]

    with ThreadPoolExecutor(PEOPLE) as threads:
        for done in [threads.submit(person.goes_on, 20) for person in people]:
            done.result()

    held_against_what_was_accepted(oms, people)
