"""What the use cases need of purchase orders. ``oms.aws.purchase_store`` implements it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.purchasing.decisions import Decision
from oms.purchasing.model import PurchaseOrder, State


@dataclass(frozen=True, slots=True)
class Summary:
    """A purchase order as a list shows it."""

    id: str
    supplier: str
    node: str
    state: State
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

    def page(self, supplier: str, state: State | None, limit: int, cursor: str | None) -> Page:
        """Of a supplier, of a state, or of both, oldest first."""

    def due_before(self, moment: datetime, limit: int) -> tuple[str, ...]:
        """Ids of orders of which something was due, and has not been told to be late."""
