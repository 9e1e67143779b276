"""What the use cases need of stock. ``oms.aws.stock_store`` implements it."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from oms.inventory.model import Balance, Entry, Movement, Need
from oms.kernel.events import Cause
from oms.kernel.writes import Write


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Ledger entries of one SKU at one node, newest first."""

    entries: tuple[Entry, ...]
    cursor: str | None


class Stock(Protocol):
    def balances(self, skus: Set[str]) -> Mapping[str, tuple[Balance, ...]]:
        """Per SKU the balance at every node that ever held it."""

    def reserve(self, needs: Sequence[Need], order_id: str, cause: Cause) -> list[Write]:
        """Writes that take units out of what is available; refused with ``StockContended``.

        The ledger's entries are known by the order and ``cause.at``: preparing them again with the
        same cause gives writes that are refused with ``Conflict`` once they have been made."""

    def unreserve(self, needs: Sequence[Need], order_id: str, cause: Cause) -> list[Write]: ...

    def ship(self, needs: Sequence[Need], order_id: str, cause: Cause) -> list[Write]: ...

    def has_reserved(self, need: Need, order_id: str, cause: Cause) -> bool:
        """Whether ``reserve`` with this cause has been made."""

    def wait(self, order_id: str, since: str, skus: Iterable[str]) -> list[Write]:
        """Writes that put the order in the queue for each SKU it lacks."""

    def stop_waiting(self, order_id: str, since: str, skus: Iterable[str]) -> list[Write]: ...

    def waiting(self, sku: str, limit: int) -> Sequence[str]:
        """Ids of the orders that wait for a SKU, oldest first."""

    def transact(self, writes: Sequence[Write]) -> None: ...

    def move(self, movement: Movement, cause: Cause) -> bool:
        """Book a movement once. False when it was booked before; ``Conflict`` when its id was used
        for another content, or when it would take stock that is not there."""
