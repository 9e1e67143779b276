"""Cases about which state follows which: our own tables, in the words of a peer.

A peer's state stands for the states of ours that mean the same; none do where we have no such
state. What follows is what any of ours leads to.
"""

from collections.abc import Mapping
from typing import Any

from oms.fulfillment.picklists import (
    ITEM_TRANSITIONS,
    PICKLIST_TRANSITIONS,
    ItemState,
    PicklistState,
)
from oms.orders.model import FulfillmentState, Method, State
from oms.orders.repaying import REFUND_TRANSITIONS
from oms.orders.transitions import ORDER_TRANSITIONS, TRANSITIONS
from oms.payments.transitions import TRANSITIONS as PAYMENT_TRANSITIONS
from oms.returns.model import ReturnState
from oms.returns.transitions import TRANSITIONS as RETURNS
from tests.cases.availability.shelf import Shelf
from tests.cases.reading import Keys, NotUnderstoodError, steps_of, units
from tests.integration.world import World

Facts = dict[str, Any]
Table = Mapping[Any, Mapping[str, Any]]
Names = Mapping[str, frozenset[Any]]

_OPEN, _SHIPPED, _DELIVERED = (
    frozenset({FulfillmentState.OPEN}),
    frozenset({FulfillmentState.SHIPPED}),
    frozenset({FulfillmentState.DELIVERED}),
)
_AT_WORK = frozenset({FulfillmentState.ACCEPTED, FulfillmentState.PICKED, FulfillmentState.PACKED})
_DEAD = frozenset(
    {
        FulfillmentState.REJECTED,
        FulfillmentState.WITHDRAWN,
        FulfillmentState.MOVED,
        FulfillmentState.MERGED,
        FulfillmentState.CANCELLED,
    }
)
_NONE: frozenset[Any] = frozenset()
_SHIP = TRANSITIONS[Method.SHIP]
_UNDECIDED = frozenset({"new", "pending", "unknown"})
_AUTHORIZED, _CAPTURED = frozenset({"authorized"}), frozenset({"captured"})
_DECLINED, _VOIDED = frozenset({"declined"}), frozenset({"voided"})
_CANCELLED = frozenset({State.CANCELLED})

# A step of a return may lead to one of several states.
_RETURN: Table = {
    state: {f"{step} to {to}": to for step, leads in steps.items() for to in leads}
    for state, steps in RETURNS.items()
}
_CAME = frozenset({ReturnState.PARTIALLY_RECEIVED, ReturnState.RECEIVED, ReturnState.INSPECTED})

# By machine and peer: our table, and which of our states each of theirs means.
_MACHINES: Mapping[tuple[str, str], tuple[Table, Names]] = {
    ("fulfilment", "vendure"): (
        _SHIP,
        {
            "created": _OPEN,
            "pending": _AT_WORK,
            "shipped": _SHIPPED,
            "delivered": _DELIVERED,
            "cancelled": _DEAD,
        },
    ),
    ("shipment", "hotwax"): (
        _SHIP,
        {
            "input": _OPEN,
            "scheduled": _NONE,
            "approved": frozenset({FulfillmentState.ACCEPTED}),
            "picked": frozenset({FulfillmentState.PICKED}),
            "packed": frozenset({FulfillmentState.PACKED}),
            "shipped": _SHIPPED,
            "arrived": _NONE,
            "delivered": _DELIVERED,
            "cancelled": _DEAD,
        },
    ),
    ("shipment", "mantle"): (
        _SHIP,
        {
            "input": _OPEN,
            "scheduled": frozenset({FulfillmentState.ACCEPTED}),
            "picked": frozenset({FulfillmentState.PICKED}),
            "packed": frozenset({FulfillmentState.PACKED}),
            "shipped": _SHIPPED,
            "delivered": _DELIVERED,
            "rejected": _NONE,
            "cancelled": _DEAD,
        },
    ),
    ("refund", "vendure"): (
        REFUND_TRANSITIONS,
        {
            "pending": frozenset({"requested"}),
            "settled": frozenset({"refunded"}),
            "failed": frozenset({"failed"}),
        },
    ),
    ("payment", "vendure"): (
        PAYMENT_TRANSITIONS,
        {
            "created": _UNDECIDED,
            "authorized": _AUTHORIZED,
            "settled": _CAPTURED,
            "declined": _DECLINED,
            "error": _NONE,
            "cancelled": _VOIDED,
        },
    ),
    ("payment", "hotwax"): (
        PAYMENT_TRANSITIONS,
        {
            "not_paid": _UNDECIDED | _DECLINED,
            "cancelled": _VOIDED,
            "received": _CAPTURED,
            "void": _NONE,
            "sent": _NONE,
            "confirmed": _AUTHORIZED,
        },
    ),
    ("payment", "mantle"): (
        PAYMENT_TRANSITIONS,
        {
            "proposed": frozenset({"new"}),
            "promised": frozenset({"pending", "unknown"}),
            "authorized": _AUTHORIZED,
            "delivered": _CAPTURED,
            "confirmed": _NONE,
            "cancelled": _NONE,
            "void": _VOIDED,
            "declined": _DECLINED,
        },
    ),
    ("order", "vendure"): (
        ORDER_TRANSITIONS,
        {
            **dict.fromkeys(("created", "draft", "adding_items"), _NONE),
            "arranging_payment": frozenset({State.CAPTURED, State.SOURCED}),
            "payment_authorized": frozenset({State.AUTHORIZED, State.RELEASED}),
            **dict.fromkeys(("payment_settled", "partially_shipped"), _NONE),
            "shipped": frozenset({State.SHIPPED}),
            "partially_delivered": _NONE,
            "delivered": frozenset({State.DELIVERED, State.COMPLETED}),
            **dict.fromkeys(("modifying", "arranging_additional_payment"), _NONE),
            "cancelled": _CANCELLED,
        },
    ),
    ("order", "hotwax"): (
        ORDER_TRANSITIONS,
        {
            "created": frozenset({State.CAPTURED}),
            "processing": frozenset({State.SOURCED}),
            "authorized": frozenset({State.AUTHORIZED}),
            "approved": frozenset({State.RELEASED}),
            "sent": frozenset({State.SHIPPED, State.DELIVERED}),
            "completed": frozenset({State.COMPLETED}),
            "hold": _NONE,
            "rejected": _NONE,
            "cancelled": _CANCELLED,
        },
    ),
    ("order", "mantle"): (
        ORDER_TRANSITIONS,
        {
            **dict.fromkeys(("being_changed", "open", "requested", "proposed"), _NONE),
            "placed": frozenset({State.CAPTURED}),
            "processing": frozenset({State.SOURCED}),
            "approved": frozenset({State.AUTHORIZED, State.RELEASED}),
            "sent": frozenset({State.SHIPPED, State.DELIVERED}),
            "completed": frozenset({State.COMPLETED}),
            "hold": _NONE,
            "rejected": _NONE,
            "cancelled": _CANCELLED,
        },
    ),
    ("pick_list", "hotwax"): (
        PICKLIST_TRANSITIONS,
        {
            "input": frozenset({PicklistState.CREATED}),
            "assigned": frozenset({PicklistState.ASSIGNED}),
            "printed": _NONE,
            "picked": frozenset({PicklistState.PICKED}),
            "completed": frozenset({PicklistState.COMPLETED}),
            "cancelled": frozenset({PicklistState.CANCELLED}),
        },
    ),
    ("pick_item", "hotwax"): (
        ITEM_TRANSITIONS,
        {
            "pending": frozenset({ItemState.PENDING}),
            "picked": frozenset({ItemState.PICKED, ItemState.SHORT}),
            "completed": _NONE,
        },
    ),
    ("return", "hotwax"): (
        _RETURN,
        {
            "requested": frozenset({ReturnState.REQUESTED}),
            "rejected": frozenset({ReturnState.REJECTED}),
            "cancelled": frozenset({ReturnState.CANCELLED}),
            "accepted": frozenset({ReturnState.APPROVED}),
            "received": _CAME,
            "completed": frozenset({ReturnState.RESOLVED}),
            "man_refund": _NONE,
        },
    ),
    ("return", "mantle"): (
        _RETURN,
        {
            "created": _NONE,
            "requested": frozenset({ReturnState.REQUESTED}),
            "approved": frozenset({ReturnState.APPROVED}),
            "received": _CAME,
            "shipped": _NONE,
            "completed": frozenset({ReturnState.RESOLVED}),
            "cancelled": frozenset({ReturnState.CANCELLED}),
            "man_resp": _NONE,
        },
    ),
}


def machine(given: Keys, when: Any, then: Keys) -> Facts:
    found = _MACHINES.get((str(given.value("machine")), str(given.value("peer"))))
    if found is None:
        raise NotUnderstoodError(f"machine: {given.members}")
    return _next(*found, given, when)


def _next(table: Table, names: Names, given: Keys, when: Any) -> Facts:
    for step in steps_of(when, frozenset({"list_next_states"})):
        step.only()
    state = given.value("state")
    if state not in names:
        raise NotUnderstoodError(f"state: {state!r}")
    here = names[state]
    reached = {to for ours in here for to in table.get(ours, {}).values()} - here
    following = [name for name, ours in names.items() if ours & reached and name != state]
    return {
        "next": following,
        "not_allowed": [name for name in names if name not in {*following, state}],
        "system_only": [],
        "final": not following,
    }


# --- transfers ------------------------------------------------------------------------------------

_PLANNED, _TRAVELLING, _ARRIVED = "planned", "travelling", "arrived"
_HERE, _THERE = "here", "there"

# A transfer is booked when it leaves and is closed by its arrival, be it short. Who of the two ends
# is ours makes no difference.
_FLOWS: Mapping[str, Names] = {
    "fulfill_only": {
        "created": _NONE,
        "pending_fulfill": frozenset({_PLANNED}),
        "completed": frozenset({_TRAVELLING, _ARRIVED}),
        "cancelled": _NONE,
    },
    "receive_only": {
        "created": frozenset({_PLANNED}),
        "pending_receipt": frozenset({_TRAVELLING}),
        "completed": frozenset({_ARRIVED}),
        "cancelled": _NONE,
    },
    "fulfill_and_receive": {
        "created": _NONE,
        "pending_fulfill": frozenset({_PLANNED}),
        "pending_fulfill_receipt": _NONE,
        "pending_receipt": frozenset({_TRAVELLING}),
        "completed": frozenset({_ARRIVED}),
        "cancelled": _NONE,
    },
}


def transfer_line(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    given.value("machine")
    given.value("peer")
    return _next(_transfers(oms), _flow(given), given, when)


def _flow(given: Keys) -> Names:
    flow = given.value("flow")
    if flow not in _FLOWS:
        raise NotUnderstoodError(f"flow: {flow!r}")
    return _FLOWS[flow]


class _Transfer:
    """One movement between two nodes, and its arrival."""

    def __init__(self, shelf: Shelf, name: str) -> None:
        self.shelf = shelf
        self.name = name

    def send(self, quantity: int) -> bool:
        return self._book("transfer", quantity, node=_HERE, to_node=_THERE, id=self.name)

    def arrive(self, quantity: int) -> bool:
        return self._book(
            "arrival", quantity, node=_THERE, transfer=self.name, id=f"{self.name}-arrival"
        )

    def _book(self, kind: str, quantity: int, **named: str) -> bool:
        """Whether stock is another afterwards."""
        before = self._stock()
        self.shelf.move(kind, quantity, **named)
        return self._stock() != before

    def _stock(self) -> list[tuple[int, int]]:
        found = [self.shelf.balance(node) for node in (_HERE, _THERE)]
        return [(each.on_hand, each.incoming) for each in found]

    @property
    def state(self) -> str:
        """By what is on its way, and whether anything ever was."""
        here, there = self._stock()
        if there[1]:
            return _TRAVELLING
        return _PLANNED if here[0] == _STOCKED and not there[0] else _ARRIVED


_STOCKED = units(50)
_MANY = units(5)


def _between(oms: World, name: str) -> _Transfer:
    """Between two places of a SKU of its own."""
    shelf = Shelf(oms, f"SKU-{name}")
    shelf.keep_at(_HERE, _THERE)
    assert not shelf.move("receipt", _STOCKED, node=_HERE, id=f"stock-{name}")
    return _Transfer(shelf, name)


def _transfers(oms: World) -> Table:
    """Our table: what each step does to the stock from each state."""
    table: dict[str, dict[str, str]] = {}
    for place, before in enumerate(((), ("send",), ("send", "arrive"))):
        for step in ("send", "arrive"):
            transfer = _between(oms, f"t{place}-{step}")
            for each in before:
                getattr(transfer, each)(_MANY)
            state = transfer.state
            leads = table.setdefault(state, {})
            if getattr(transfer, step)(_MANY):
                leads[step] = transfer.state
    return table


def close_transfer(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """What was issued has left; what is still to be issued is a transfer of its own, which is not
    booked yet. What never leaves is no transfer."""
    names = _flow(given)
    given.value("state")
    issued, rest = given.units("issued"), given.units("still_to_issue")
    received, lacking = given.units("received"), given.units("still_to_receive")
    for step in steps_of(when, frozenset({"close_fulfilment", "close_fulfillment"})):
        step.only()
    if received or lacking:
        raise NotUnderstoodError("closing what is issued does not ask what has come")
    transfer = _between(oms, "closed")
    if issued:
        transfer.send(issued)
    state = transfer.state
    if rest:
        return {"state": _called(names, _PLANNED), "issued": issued // units(1)}
    return {"state": "cancelled" if state == _PLANNED else _called(names, state)}


def _called(names: Names, state: str) -> str:
    return next(name for name, ours in names.items() if state in ours)
