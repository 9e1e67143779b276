"""What the use cases need of purchase orders. ``oms.aws.purchase_store`` implements it."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from oms.inventory.model import Movement
from oms.inventory.position import Position
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.purchasing.decisions import Decision
from oms.purchasing.model import PurchaseOrder, PurchaseState
from oms.purchasing.reorder import DaySold, Settings


@dataclass(frozen=True, slots=True)
class Summary:
    """A purchase order as a list shows it."""

    id: str
    supplier: str
    node: str
    state: PurchaseState
    created_at: datetime
    skus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    orders: tuple[Summary, ...]
    cursor: str | None


class Purchases(Protocol):
    def find(self, order_id: str) -> PurchaseOrder | None: ...

    def prepare(
        self, before: PurchaseOrder | None, decision: Decision, cause: Cause
    ) -> list[Write]:
        """Writes that put the order, its events, its place in the lists and its dated supply as
        they are decided; refused with ``VersionConflict`` when the order is no longer ``before``,
        with ``StockContended`` when its supply was promised meanwhile."""

    def depart(self, sent: Movement) -> list[Write]:
        """Writes that make a transfer dated supply where it goes."""

    def arrive(self, sent: Movement, arrived: Movement, cause: Cause) -> list[Write]:
        """Writes that end it; what is missing is told as supply that fell short."""

    def page(
        self, supplier: str, state: PurchaseState | None, limit: int, cursor: str | None
    ) -> Page:
        """Of a supplier, of a state, or of both, oldest first."""

    def due_before(self, moment: datetime, limit: int) -> tuple[str, ...]:
        """Ids of orders of which something was due, and has not been told to be late."""


@dataclass(frozen=True, slots=True)
class SettingsPage:
    settings: tuple[Settings, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """``number`` counts the looks at a SKU; ``since``: when it was sold out, or came back."""

    sku: str
    sold_out: bool = False
    number: int = 0
    since: datetime | None = None


class Positions(Protocol):
    def positions(
        self, skus: Set[str], now: datetime, *, consistent: bool = False
    ) -> Mapping[str, Position]: ...


class Replenishment(Protocol):
    def put(self, settings: Settings) -> None:
        """Set how a SKU is replenished at a node; what was suggested so far is kept."""

    def find(self, sku: str, node: str) -> Settings | None: ...

    def of_sku(self, sku: str) -> Sequence[Settings]: ...

    def page(self, node: str, limit: int, cursor: str | None) -> SettingsPage:
        """By SKU and node; with ``node`` only those there."""

    def suggested(self, settings: Settings, order_id: str) -> Write:
        """The write that makes ``order_id`` its suggestion; refused with ``VersionConflict`` when
        another was made meanwhile."""

    def days(self, sku: str, node: str, since: date) -> Sequence[DaySold]: ...

    def keep_day(self, sku: str, node: str, day: DaySold) -> None:
        """Once for each day: what was kept first stays."""

    def last_look(self, sku: str) -> Look: ...

    def keep_look(
        self, look: Look, event_type: str, suppliers: Sequence[str], at: datetime
    ) -> None:
        """Raises ``VersionConflict`` unless it follows the last; tells the event, if it has a
        type."""

    def resume_at(self) -> str | None:
        """The cursor at which the next review goes on, None: from the start."""

    def stop_at(self, cursor: str | None) -> None: ...
