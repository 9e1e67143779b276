"""Cases of how an order stands by how its parts do. Nothing of it is stored here: an order's
standing is worked out when it is asked for.

What a peer calls a parcel is a part with a line of its own. Where all parcels are cancelled nothing
is to be sent any more: the order is.
"""

from collections.abc import Callable, Mapping
from typing import Any

from oms.orders.model import State
from oms.returns import events as came_back
from oms.returns.model import Receipt, Return, ReturnLine, ReturnUnits
from tests.cases.lifecycle.guards import opened
from tests.cases.lifecycle.shop import HERE, Shop, order_called
from tests.cases.reading import Keys, steps_of
from tests.integration.world import World

Facts = dict[str, Any]

_CANCELLED = frozenset({"canceled", "cancelled"})
_RETURNED = frozenset({"returned", "refunded_and_returned"})
# What a peer counts beside what was sent, and we have no standing for.
_COUNTED = ("scheduled", "rejected_by_service", "on_hold", "in_progress", "requested")


def roll_up(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    given.value("stored_order_state")
    for step in steps_of(when, frozenset({"roll_up", "roll_up_order"})):
        step.only()
    waits = int(given.value("backordered_units", 0) or 0)
    for name in _COUNTED:
        given.value(name)
    parts = _parts(given)
    said: dict[str, Any] = {"fulfilments": parts, "allow_unpaid": True}
    said["paid"] = bool(given.value("paid", True))
    if ordered := given.value("ordered", _ordered(given)):
        said["ordered"] = ordered
    if waits:
        said["line"] = "backordered"
    shop = opened(Keys("given", said), oms)
    if parts and all(str(part.get("state")) in _CANCELLED for part in parts):
        shop.cancel_order()
    _return(shop, parts)
    order_state, whole = then.value("order_state"), then.value("fulfilment_status")
    return {"order_state": _called(order_state, shop), "fulfilment_status": _called(whole, shop)}


def _parts(given: Keys) -> list[dict[str, Any]]:
    said = [
        dict(part) for part in given.first("fulfilments", "fulfillments", "parcels", default=())
    ]
    if fulfilled := given.value("fulfilled", 0):
        said.append({"state": "fulfilled", "lines": {"L1": fulfilled}})
    return [
        {"state": part.get("state", "pending"), "lines": part.get("lines", {f"L{place}": 1})}
        for place, part in enumerate(said, start=1)
    ]


def _ordered(given: Keys) -> dict[str, int]:
    units = given.value("units")
    return {"L1": int(units)} if units else {}


def _return(shop: Shop, parts: list[dict[str, Any]]) -> None:
    for number, part in enumerate(parts, start=1):
        if str(part["state"]) not in _RETURNED:
            continue
        units = {str(name): int(many) for name, many in part["lines"].items()}
        wanted = tuple(ReturnLine(name, many) for name, many in units.items())
        arrived = tuple(ReturnUnits(name, many) for name, many in units.items())
        cause, name = shop.cause(), f"ret_{number}"
        events = (
            came_back.ReturnRequested(name, Return(name, wanted, cause.at)),
            came_back.ReturnApproved(name),
            came_back.ReturnReceived(name, Receipt(name, HERE, cause.at, arrived)),
        )
        shop.decide(lambda order, events=events: events)  # type: ignore[misc]


def _called(expected: Any, shop: Shop) -> str:
    order = shop.order
    counts = order.progress.counts
    returned = sum(each.returned for each in counts)
    wanted = sum(line.quantity for line in order.content.lines)
    wanted -= sum(each.cancelled for each in counts)
    if order.state is State.CANCELLED:
        return order_called(expected, order)
    if returned:
        return "returned" if returned >= wanted else "partially_returned"
    if order.backordered_lines:
        return "backorder"
    return order_called(expected, order)


KINDS: Mapping[str, Callable[[Keys, Any, Keys, World], Facts]] = {"roll_up.order": roll_up}
