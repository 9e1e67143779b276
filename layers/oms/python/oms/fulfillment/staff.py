"""Staff of a node: whoever is registered for some nodes acts on the work of these and no others.

A caller that is not registered, such as a warehouse system or an integration, acts for all nodes:
its token's scope is what it may do. Registering somebody takes rights away, so it is done by who
may change the catalogue.
"""

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from typing import Protocol

from oms.kernel.errors import Forbidden

# A token that may do the work of nodes.
WORK_SCOPE = "oms/fulfillments.write"


@dataclass(frozen=True, slots=True)
class Staff:
    """``caller`` is whom a token was issued to. Without ``nodes`` it may act for none."""

    caller: str
    nodes: tuple[str, ...]


class StaffStore(Protocol):
    def staff(self, caller: str) -> Staff | None:
        """What is remembered may be some seconds old."""


def check_node(caller: str, node: str, staff: StaffStore) -> None:
    """Raises ``Forbidden`` (``not_your_node``) when the caller is staff of other nodes only."""
    _check(staff.staff(caller), node)


def check_node_of(caller: str, node_of: Callable[[], str], staff: StaffStore) -> None:
    """As ``check_node``, where it takes a read to know the node: it is not made for a caller who
    acts for all nodes. What ``node_of`` raises is raised."""
    registered = staff.staff(caller)
    if registered is not None:
        _check(registered, node_of())


def check_any_node_of(
    caller: str, nodes_of: Callable[[], Iterable[str]], staff: StaffStore
) -> None:
    """As ``check_node_of``, for what concerns several nodes: staff of one of them may."""
    registered = staff.staff(caller)
    if registered is not None and not {*nodes_of()} & {*registered.nodes}:
        raise Forbidden(f"{caller} is staff of no node that this concerns", code="not_your_node")


def check_staff(caller: str, scopes: Set[str], staff: StaffStore) -> None:
    """That the caller is staff of some node, or holds a token for the work of nodes: what it says
    of itself is not enough. Raises ``Forbidden`` (``not_staff``)."""
    if WORK_SCOPE in scopes:
        return
    registered = staff.staff(caller)
    if registered is None or not registered.nodes:
        raise Forbidden(f"{caller} is not staff of a node", code="not_staff")


def _check(registered: Staff | None, node: str) -> None:
    if registered is not None and node not in registered.nodes:
        raise Forbidden(f"{registered.caller} is not staff of {node}", code="not_your_node")
