"""What the use cases need of stock. ``oms.aws.stock_store`` implements it."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from oms.inventory.counting import CountTasks
from oms.inventory.model import Balance, Entry, Movement, Need
from oms.inventory.position import Position, Share, ShareRule
from oms.inventory.shares import Borrow
from oms.inventory.waiting import Backorders
from oms.kernel.errors import OmsError
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.orders.model import Effort
from oms.routing.capacity import Capacity


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Ledger entries of one SKU at one node, newest first."""

    entries: tuple[Entry, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class BorrowPage:
    """What is owed comes first, then what was returned; each oldest first."""

    borrows: tuple[Borrow, ...]
    cursor: str | None


class Shares(Protocol):
    """Channels' parts of SKUs. Nothing is written for a SKU without shares."""

    def take(
        self,
        channel: str,
        units: Mapping[str, int],
        holder: str,
        positions: Mapping[str, Position],
        at: datetime,
    ) -> list[Write]:
        """Writes that take units by SKU for a holder, an order or a reservation, out of what its
        channel may have: its own part, everybody's, what it may borrow. Raises ``StockContended``
        when these do not suffice; so do the writes, when they no longer do."""

    def give_back(self, units: Mapping[str, int], holder: str, at: datetime) -> list[Write]:
        """Writes that return what a holder took to the parts it came from; none when that was
        done before. Units that it had without taking them from a part are everybody's. What was
        taken under ``further(holder, …)`` comes back with it."""

    def reduce(
        self, units: Mapping[str, int], holder: str, at: datetime, *, lost: bool = False
    ) -> list[Write]:
        """Writes that return some of what a holder has to the parts it came from; with ``lost`` the
        units are in no part then, because they are not there any more. They are committed with what
        makes sure that it happens once."""

    def follow(self, entries: Iterable[Entry], at: datetime) -> list[Write]:
        """Writes by which the parts follow what entries do to what can be sold."""

    def hand_over(self, skus: Iterable[str], holder: str, to: str, at: datetime) -> list[Write]:
        """Writes that make what a holder took the units of another one."""

    def shares(self, sku: str) -> tuple[Share, ...]: ...

    def put_rules(
        self, sku: str, rules: Sequence[ShareRule], free: int, cause: Cause
    ) -> tuple[Share, ...]:
        """Grant ``free`` units anew by ``rules``; without any the SKU has no shares. Raises
        ``StockContended`` when a part changed meanwhile."""

    def borrows(self, sku: str, limit: int, cursor: str | None) -> BorrowPage: ...

    def owed_by(self, sku: str) -> Mapping[str, int]:
        """Units that are owed, by borrower."""


class Production(Protocol):
    """What production resources can still do, day by day."""

    def left(self, resources: Set[str], now: datetime) -> Mapping[str, tuple[tuple[str, int], ...]]:
        """By resource the days from today on that have something left, and how much."""

    def take(self, efforts: Iterable[Effort]) -> list[Write]:
        """Writes that take it; refused with ``StockContended``."""

    def give_back(self, efforts: Iterable[Effort]) -> list[Write]: ...


class Stock(Protocol):
    @property
    def backorders(self) -> Backorders:
        """Who waits for stock, and what is owed to them."""

    @property
    def shares(self) -> Shares: ...

    @property
    def counts(self) -> CountTasks: ...

    @property
    def capacity(self) -> Capacity:
        """How much work nodes have taken."""

    @property
    def production(self) -> Production:
        """How much production resources can still do."""

    def bins(self, node: str, skus: Set[str]) -> Mapping[str, str]:
        """By SKU the bin that it lies in at the node; of those that have one."""

    def set_bin(self, sku: str, node: str, bin_location: str) -> None:
        """Raises ``NotFound`` when the node never held the SKU."""

    def set_marked_down(self, sku: str, node: str, since: date | None) -> None:
        """Raises ``NotFound`` when the node never held the SKU."""

    def balances(self, skus: Set[str]) -> Mapping[str, tuple[Balance, ...]]:
        """Per SKU the balance at every node that ever held it."""

    def reserve(self, needs: Sequence[Need], order_id: str, cause: Cause) -> list[Write]:
        """Writes that take units out of what is available; refused with ``StockContended``.

        The ledger's entries are known by the order and ``cause.at``: preparing them again with the
        same cause gives writes that are refused with ``Conflict`` once they have been made."""

    def unreserve(self, needs: Sequence[Need], order_id: str, cause: Cause) -> list[Write]: ...

    def ship(self, needs: Sequence[Need], order_id: str, cause: Cause) -> list[Write]: ...

    def reject(
        self,
        needs: Sequence[Need],
        entry_id: str,
        order_id: str,
        reason: str,
        lost: bool,
        cause: Cause,
    ) -> list[Write]:
        """Writes by which units that a node says no to are reserved no more and, where they are
        ``lost``, leave its stock or are put aside, as the ``reason`` says
        (``oms.inventory.counting``)."""

    def promised_lines_have_it(
        self, order_id: str, lines: Iterable[tuple[str, str]]
    ) -> list[Write]:
        """Writes that say of an order's promised lines, each its id and SKU, that what is reserved
        is theirs: they wait for no supply."""

    def has_reserved(self, need: Need, order_id: str, cause: Cause) -> bool:
        """Whether ``reserve`` with this cause has been made."""

    def transact(self, writes: Sequence[Write]) -> None: ...

    def book(self, entries: Sequence[Entry], lacking: OmsError) -> list[Write]:
        """Writes that put entries into the ledger and move their balances; refused with ``lacking``
        when a quantity would go below zero."""

    def move(
        self,
        movement: Movement,
        cause: Cause,
        *,
        entries: Sequence[Entry] | None = None,
        also: Sequence[Write] = (),
    ) -> bool:
        """Book a movement once, with ``entries`` in place of those that follow from its kind, and
        do ``also`` in the same transaction. False when it was booked before; ``Conflict`` when its
        id was used for another content, or when it would take stock that is not there."""

    def movement(self, movement_id: str) -> Movement | None:
        """The movement that was booked under this id."""

    def positions(
        self, skus: Set[str], now: datetime, *, consistent: bool = False
    ) -> Mapping[str, Position]:
        """All that is known of each SKU: one read of each. What a reservation held that has expired
        by ``now`` counts as available, in ``Position.balances`` and in ``Position.counters``."""

    def sold_by(
        self, places: Iterable[tuple[str, str]], day: date
    ) -> Mapping[tuple[str, str], int]:
        """By SKU and node all that had ever been sold when a day ended (UTC), where that is kept:
        where the SKU is replenished. Of very many places some are not looked at."""

    def positions_near(self, skus: Set[str], now: datetime, key: str) -> Mapping[str, Position]:
        """Of a SKU that is spread only what is at home and on the counter at which whoever ``key``
        names begins; else as ``positions``."""

    def level(self, sku: str, node: str, cause: Cause) -> None:
        """Share out what is available at home among the counters of a SKU that is spread."""

    def reclaim(self, skus: Set[str], now: datetime) -> int:
        """End the reservations that have expired by ``now`` and still hold units of ``skus``, some
        at a time: how many were ended. Called when a taking was refused (``StockContended``): a
        position counts these units as available, the balance that a condition looks at does not
        yet. Reads each SKU once more, so it is not called before there is a refusal."""
