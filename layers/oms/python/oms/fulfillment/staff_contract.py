"""The JSON of a node's staff."""

from typing import Annotated

from pydantic import Field

from oms.fulfillment.staff import Staff
from oms.kernel.errors import Faults
from oms.orders.contract import Document, Identifier


class StaffDocument(Document):
    """``nodes`` are those on whose work the caller acts; an empty list: on none. Null: the caller
    is not registered any more, and acts for all nodes as an integration does."""

    nodes: Annotated[list[Identifier], Field(max_length=200)] | None


class StaffView(StaffDocument):
    caller: str


def staff_of(caller: str, nodes: list[str], known: set[str]) -> Staff:
    """Raises ``Invalid`` with every node that there is none of, or that is named twice."""
    faults = Faults()
    for index, node in enumerate(nodes):
        if node not in known:
            faults.add(f"nodes.{index}", "unknown_node", f"there is no node {node}")
        elif node in nodes[:index]:
            faults.add(f"nodes.{index}", "node_twice", f"{node} is there before")
    faults.refuse("the staff breaks a rule")
    return Staff(caller, tuple(nodes))


def staff_view(caller: str, staff: Staff | None) -> StaffView:
    return StaffView(caller=caller, nodes=list(staff.nodes) if staff else None)
