"""What the use cases need of the queues for stock. ``oms.aws.backorder_store`` implements it."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from oms.inventory.backorders import Holder, Room, Waiter
from oms.kernel.writes import Write


class Backorders(Protocol):
    """Writes are prepared here and committed with the order's event, whose version guards them."""

    def join(self, waiter: Waiter, sku: str, room: Room) -> list[Write]:
        """Stand in the queue for ``sku``, and count the units as owed; refused with
        ``StockContended`` when there is no room for them any more."""

    def stay(self, waiter: Waiter, sku: str) -> list[Write]:
        """Say in the queue for ``sku`` what else the order lacks by now."""

    def change(self, waiter: Waiter, sku: str, units: int, room: Room) -> list[Write]:
        """As ``stay``; it lacks ``units`` (signed) more of ``sku`` by now, which are owed too."""

    def leave(self, waiter: Waiter, sku: str) -> list[Write]:
        """Leave the queue for ``sku``: the units are not owed any more."""

    def waiting(self, sku: str, before: str = "") -> Iterator[Waiter]:
        """Who waits for a SKU, first come first; only those ahead of the rank ``before``."""

    def hold(self, sku: str, holder: Holder) -> list[Write]:
        """Let it be known that an order holds units which may be taken back."""

    def let_go(self, sku: str, holder: Holder) -> list[Write]: ...

    def held(self, sku: str, below: int) -> Sequence[Holder]:
        """Who holds units that an order of priority ``below`` may have: lower priorities only."""
