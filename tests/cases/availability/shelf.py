"""One SKU on the tables, as the cases act on it: every change is made by the stores.

What a case calls *allocated* is what placed orders have coming to them: here what is reserved for
them and what is owed to those that wait. An *on hand* below zero, which no shelf can be, is what is
owed to orders from before: the line ``BEFORE``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pydantic import ValidationError

from oms.aws.backorder_store import BackorderStore
from oms.catalog.model import Item, Node
from oms.inventory.backorders import Refusal as NotOwed
from oms.inventory.backorders import Room, Waiter, rank, room_for
from oms.inventory.contract import MovementDocument
from oms.inventory.model import Balance, Entry, Need
from oms.inventory.movements import book
from oms.inventory.policy import SellingPolicy
from oms.inventory.position import Position
from oms.inventory.selling import Asking, check_sale, free, sellable
from oms.kernel.errors import Conflict, OmsError
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from tests.cases.availability.positions import CHANNEL
from tests.cases.reading import SCALE, number
from tests.integration.world import World
from tests.samples import CAUSE

BEFORE = "before"
ORDER = "order"


@dataclass
class Line:
    """What an order line has coming to it: units held at nodes, and its places in the queue."""

    held: dict[str, int] = field(default_factory=dict)
    waiting: list[Waiter] = field(default_factory=list)

    @property
    def owed(self) -> int:
        return sum(sum(waiter.lacking.values()) for waiter in self.waiting)

    @property
    def units(self) -> int:
        return sum(self.held.values()) + self.owed


class Shelf:
    def __init__(self, oms: World, sku: str = "SKU", policy: SellingPolicy | None = None) -> None:
        self.oms = oms
        self.sku = sku
        self.policy = policy or SellingPolicy(backorder=None)
        self.backorders = BackorderStore(oms.client, "inventory")
        self.lines: dict[str, Line] = {}
        self.nodes: list[str] = []
        self.promised: list[tuple[str, int]] = []
        self.at = self.started = CAUSE.at
        self.gone = 0
        # The nodes in the order in which they are asked, when it is not ours.
        self.order: list[str] = []
        oms.catalog.put_item(self.item)

    @property
    def item(self) -> Item:
        return Item(self.sku, self.sku, SCALE)

    def keep_at(self, *nodes: str) -> None:
        for node in nodes:
            self.oms.catalog.put_node(Node(node, node, "warehouse", "BR"))
            self.nodes.append(node)

    def open(self, node: str, on_hand: int = 0, **quantities: int) -> None:
        """The books at the start: an entry for what there is, and what is owed from before."""
        self.keep_at(node)
        opening = Entry("opening", "opening", self.sku, node, self.tick(), "tester")
        self._book(
            replace(
                opening,
                on_hand=max(1, on_hand),
                incoming=quantities.get("incoming", 0),
                damaged=quantities.get("damaged", 0),
                quality_hold=quantities.get("quality_hold", 0),
            )
        )
        if on_hand < 1:
            self._book(replace(opening, at=self.tick(), on_hand=-1))
        if on_hand < 0:
            self.wait(BEFORE, -on_hand, Room())

    def begin(self) -> None:
        """What was booked so far is how it stood: ``movements`` are what comes after."""
        self.started = self.at

    def _book(self, entry: Entry) -> None:
        self.oms.stock.transact(self.oms.stock.book([entry], Conflict("it cannot be so")))

    # --- what there is ---------------------------------------------------------------------------

    @property
    def position(self) -> Position:
        read = self.oms.stock.positions({self.sku}, self.at)[self.sku]
        return replace(read, policy=self.policy)

    @property
    def asking(self) -> Asking:
        return Asking(CHANNEL, self.at)

    def balance(self, node: str) -> Balance:
        found = self.oms.stock.balances_of(self.sku, consistent=True)
        return next((each for each in found if each.node == node), Balance(self.sku, node))

    def line(self, name: str) -> Line:
        return self.lines.setdefault(name, Line())

    def on_hand(self, node: str = "") -> int:
        nodes = [node] if node else self.nodes
        return sum(self.balance(each).on_hand for each in nodes) - self.line(BEFORE).owed

    def allocated(self, node: str = "") -> int:
        """Held by the books and by what we count for ourselves, which must be the same."""
        nodes = [node] if node else self.nodes
        lines = [line for name, line in self.lines.items() if name != BEFORE]
        held = sum(line.held.get(each, 0) for line in lines for each in nodes)
        assert held == sum(self.balance(each).reserved for each in nodes)
        return held if node else held + sum(line.owed for line in lines)

    def available(self) -> int:
        there = sum(self.balance(node).available for node in self.nodes)
        return there - sum(line.owed for line in self.lines.values())

    def sellable(self) -> int | None:
        return sellable(self.position, self.asking)

    def facts(self) -> dict[str, object]:
        return {
            "on_hand": number(self.on_hand()),
            "allocated": number(self.allocated()),
            "available": number(self.available()),
        }

    # --- orders ----------------------------------------------------------------------------------

    def promise(self, name: str, units: int, nodes: list[str] | None = None) -> str:
        """Hold what is there for a line, and owe it the rest as far as the policy allows. The code
        of the refusal, or nothing. What is not tracked is promised and never held."""
        position = self.position
        if refusal := check_sale(self.item, units, position, self.asking):
            return refusal.code
        self.promised.append((self.sku, units))
        if not self.policy.tracked:
            return ""
        there = min(units, free(position, self.asking))
        where = self._spread(there, nodes)
        if sum(where.values()) < there:
            return "insufficient_stock"
        refused = self.hold(name, where)
        if not refused and units > there:
            return self.owe(name, units - there)
        return refused

    def hold(self, name: str, where: Mapping[str, int]) -> str:
        """Reserve units at nodes for a line: all or none. The code of the refusal, or nothing."""
        needs = [Need(self.sku, node, units) for node, units in where.items() if units]
        refused = self._refused(self.oms.stock.reserve(needs, name, self.cause()))
        if not refused:
            held = self.line(name).held
            for need in needs:
                held[need.node] = held.get(need.node, 0) + need.quantity
        return refused

    def owe(self, name: str, units: int, *, force: bool = False) -> str:
        """Have a line wait, as far as the policy lets anything be owed."""
        position, owed = self.position, self.position.owed
        room = room_for(self.sku, units, CHANNEL, position.policy, owed, owed, self.at)
        if isinstance(room, NotOwed) and not force:
            return room.code
        self.wait(name, units, Room() if isinstance(room, NotOwed) else room)
        return ""

    def wait(self, name: str, units: int, room: Room) -> None:
        if not units:
            return
        line = self.line(name)
        since = f"{self.at.isoformat()}"
        place = rank(5, None, since, f"{name}-{len(line.waiting)}")
        waiter = Waiter(place, {self.sku: units}, CHANNEL)
        self.oms.stock.transact(self.backorders.join(waiter, self.sku, room))
        line.waiting.append(waiter)
        self.tick()

    def release(self, name: str, units: int, *, only_at: str = "") -> int:
        """Give back as much as the line has, what it waits for first. How much that was."""
        line, left = self.line(name), units
        while left and line.waiting and not only_at:
            left -= self._leave_queue(name, left)
        for node in [only_at] if only_at else [*line.held]:
            given = min(left, line.held.get(node, 0))
            if given:
                needs = [Need(self.sku, node, given)]
                self.oms.stock.transact(self.oms.stock.unreserve(needs, name, self.cause()))
                line.held[node] -= given
                left -= given
        return units - left

    def come_back(self, units: int) -> str:
        """Units that left come back on the shelf, because what they left for was cancelled."""
        back = min(units, self.gone) if self.policy.tracked else 0
        self.gone -= back
        return self.move("receipt", back, _CANCELLED) if back else ""

    def ship(self, name: str, units: int, node: str = "") -> str:
        """Units of a line leave a node. What the line holds elsewhere is moved to where it leaves,
        by sourcing it anew; the line has that much less coming to it."""
        if not self.policy.tracked:
            return ""
        line, node = self.line(name), node or self.nodes[0]
        before = Line(dict(line.held), [*line.waiting])
        held = min(units, line.held.get(node, 0))
        elsewhere = [other for other in line.held if other != node]
        lacking = units - held
        for other in elsewhere:
            lacking -= self.release(name, lacking, only_at=other) if lacking > 0 else 0
        lacking = units - held
        while lacking > 0 and line.waiting:
            if not self._leave_queue(name, lacking):
                break
        refused = self.hold(name, {node: lacking}) if lacking else ""
        if refused:
            self._restore(name, before)
            return refused
        needs = [Need(self.sku, node, units)]
        if refused := self._refused(self.oms.stock.ship(needs, name, self.cause())):
            return refused
        line.held[node] -= units
        self.gone += units
        return ""

    def _leave_queue(self, name: str, units: int) -> int:
        """A line waits for that much less. How much that was."""
        line = self.line(name)
        waiter = line.waiting.pop()
        self.oms.stock.transact(self.backorders.leave(waiter, self.sku))
        lacked = waiter.lacking[self.sku]
        if lacked > units:
            self.wait(name, lacked - units, Room())
        return min(units, lacked)

    def _restore(self, name: str, before: Line) -> None:
        line = self.line(name)
        for node, units in before.held.items():
            if missing := units - line.held.get(node, 0):
                self.hold(name, {node: missing})
        if missing := before.owed - line.owed:
            self.wait(name, missing, Room())

    def _spread(self, units: int, nodes: list[str] | None) -> dict[str, int]:
        """From the nodes in the order given, else from the one that has most."""
        there = {node: max(0, self.balance(node).available) for node in nodes or self.nodes}
        order = nodes or self.order or sorted(there, key=lambda node: -there[node])
        where = {}
        for node in order:
            where[node] = min(units, there[node])
            units -= where[node]
        return where

    # --- movements -------------------------------------------------------------------------------

    def move(self, kind: str, units: int, reason: str = "", node: str = "", **named: str) -> str:
        """Book a movement as a client would send it. The code of the refusal, or nothing."""
        movement = {
            "id": f"m-{self.at.timestamp()}",
            "kind": kind,
            "sku": self.sku,
            "node": node or self.nodes[0],
            "quantity": number(units),
            "reason": reason,
            **named,
        }
        try:
            document = MovementDocument.model_validate(movement)
        except ValidationError as invalid:
            return str(invalid.errors()[0]["type"])
        try:
            book(document, self.oms.stock, self.oms.purchases, self.oms.catalog, self.cause())
        except OmsError as refused:
            return refused.problem_code
        return ""

    def count(self, units: int, node: str = "", *, force: bool = False) -> str:
        """What is found on the shelf. Below zero it is owed to orders from before, as far as the
        policy lets anything be owed, or when that is forced."""
        before = self.release(BEFORE, self.line(BEFORE).owed)
        refused = self.owe(BEFORE, -units, force=force) if units < 0 else ""
        if refused:
            self.wait(BEFORE, before, Room())
            return refused
        return self.move("count", max(0, units), "counted", node)

    def movements(self) -> list[dict[str, object]]:
        """The ledger since the start, oldest first, in the words of the cases."""
        entries = [
            entry
            for node in self.nodes
            for entry in self.oms.stock.entries(self.sku, node, 100, None).entries
            if entry.at > self.started and (entry.on_hand or entry.reserved)
        ]
        return [
            {"type": _type(entry), "qty": number(entry.on_hand or abs(entry.reserved))}
            for entry in sorted(entries, key=lambda entry: entry.at)
        ]

    # --- time and writing ------------------------------------------------------------------------

    def cause(self) -> Cause:
        self.tick()
        return replace(CAUSE, at=self.at)

    def tick(self, by: timedelta = timedelta(seconds=1)) -> datetime:
        self.at += by
        return self.at

    def _refused(self, writes: list[Write]) -> str:
        try:
            if writes:
                self.oms.stock.transact(writes)
        except OmsError as refused:
            return refused.problem_code
        return ""


def _type(entry: Entry) -> str:
    return "cancellation" if entry.reason == _CANCELLED else _TYPES[entry.kind]


_CANCELLED = "what it left for was cancelled"
_TYPES = {
    "count": "adjustment",
    "adjustment": "adjustment",
    "receipt": "receipt",
    "transfer": "transfer",
    "damage": "damage",
    "reserve": "allocation",
    "unreserve": "release",
    "ship": "sale",
}
