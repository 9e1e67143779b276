"""What the orders' use cases need of persistence. ``oms.aws.order_store`` implements it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from oms.kernel.events import Cause, Envelope
from oms.kernel.writes import Write
from oms.orders.events import Event
from oms.orders.model import Content, Order


@dataclass(frozen=True, slots=True)
class Captured:
    """``created`` is false when the order was there before; then ``fingerprint`` is the old one."""

    order: Order
    created: bool
    fingerprint: str


@dataclass(frozen=True, slots=True)
class OrderKeys:
    """One page of a list, newest first."""

    order_ids: tuple[str, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class AwaitedToken:
    """The task token of a wait, and what it waits for: ``stock``, ``payment``,
    ``capture``, ``fulfillment``."""

    token: str
    awaits: str


class Orders(Protocol):
    def add(
        self,
        content: Content,
        fingerprint: str,
        cause: Cause,
        *,
        then: Sequence[Event] = (),
        also: Sequence[Write] = (),
    ) -> Captured:
        """Write the captured order unless its id is taken; ``then``, what happened to it at once,
        is its second commit, and ``also`` is done in the same transaction. When the refusal of a
        write in ``also`` is raised, nothing has been written."""

    def load(self, order_id: str) -> Order:
        """Raises ``NotFound``."""

    def commit(
        self,
        order: Order,
        events: Sequence[Event],
        cause: Cause,
        also: Sequence[Write] = (),
    ) -> Order:
        """Append one commit, and do ``also`` in the same transaction.

        Raises ``VersionConflict`` when someone else committed first, or the refusal of the write
        in ``also`` whose condition failed; then nothing has been written.
        """

    def appending(self, order: Order, events: Sequence[Event], cause: Cause) -> Write:
        """The write of a commit that another order's commit is to have in its transaction; refused
        with ``VersionConflict``."""

    def once(self, name: str) -> Write:
        """A write that happens once for a name; refused with ``Conflict`` (``entry_exists``)."""

    def unchanged(self, order: Order) -> Write:
        """A write that is refused with ``VersionConflict`` when something happened to the order
        since: for what is written elsewhere because the order is as it is."""

    def history(self, order_id: str) -> list[Envelope]:
        """Every event, oldest first. Raises ``NotFound``."""


class OrderIndex(Protocol):
    def load(self, order_id: str) -> Order: ...

    def list_by(
        self,
        index: Literal["channel", "customer"],
        value: str,
        since: str,
        until: str,
        limit: int,
        cursor: str | None,
    ) -> OrderKeys:
        """Ids of the orders of a channel or customer, captured from ``since`` to ``until``."""
