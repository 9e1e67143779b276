"""What the returns' use cases need beside orders and stock. ``oms.aws`` implements it."""

from dataclasses import dataclass
from typing import Protocol

from oms.catalog.store import Catalog
from oms.inventory.store import Stock
from oms.kernel.events import Cause
from oms.orders.store import Orders
from oms.returns.policy import ReturnPolicy


class ReturnPolicies(Protocol):
    def for_channel(self, channel: str) -> ReturnPolicy:
        """The policy that returns of a channel's orders are asked for under now."""

    def held(self, policy_id: str, version: int) -> ReturnPolicy:
        """The version that a return is under. Raises ``NotFound``."""


class ReturnPolicyVersions(Protocol):
    def latest(self, policy_id: str) -> ReturnPolicy | None: ...

    def put(self, policy: ReturnPolicy, cause: Cause) -> ReturnPolicy:
        """Store it as the version after ``policy.version``. Raises ``VersionConflict`` when there
        is that version by now."""


@dataclass(frozen=True, slots=True)
class ReturnDesk:
    """What a return is dealt with by."""

    orders: Orders
    stock: Stock
    catalog: Catalog
    policies: ReturnPolicies
