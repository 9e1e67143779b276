"""The steps of a fulfilment, as data: where each step leads from each state, by method.

``docs/fulfillment.md`` prints these tables. A step that is not in them is refused; one that led to
the present state is a repeat and changes nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType

from oms.kernel.errors import Conflict
from oms.orders.model import FulfillmentState, Method, State

Steps = Mapping[str, FulfillmentState]
Table = Mapping[FulfillmentState, Steps]

# What may end the work at a node while its units are still there.
_ENDS: Steps = MappingProxyType(
    {
        "withdraw": FulfillmentState.WITHDRAWN,
        "move": FulfillmentState.MOVED,
        "merge": FulfillmentState.MERGED,
        "cancel": FulfillmentState.CANCELLED,
    }
)
_REJECTED: Steps = MappingProxyType({"reject": FulfillmentState.REJECTED})
# A parcel that never reached its customer.
_BACK: Steps = MappingProxyType({"bring_back": FulfillmentState.RETURNED})
_COLLECTED: Steps = MappingProxyType(
    {"hand_over": FulfillmentState.DELIVERED, "expire": FulfillmentState.UNCOLLECTED}
)

_WORK: Table = MappingProxyType(
    {
        FulfillmentState.OPEN: {"accept": FulfillmentState.ACCEPTED, **_REJECTED, **_ENDS},
        FulfillmentState.ACCEPTED: {"pick": FulfillmentState.PICKED, **_REJECTED, **_ENDS},
    }
)

_SHIP: Table = MappingProxyType(
    {
        **_WORK,
        FulfillmentState.PICKED: {"pack": FulfillmentState.PACKED, **_REJECTED, **_ENDS},
        FulfillmentState.PACKED: {"ship": FulfillmentState.SHIPPED, **_REJECTED, **_ENDS},
        FulfillmentState.SHIPPED: {"deliver": FulfillmentState.DELIVERED, **_BACK},
    }
)

_PICKUP: Table = MappingProxyType(
    {
        **_WORK,
        FulfillmentState.PICKED: {
            "pack": FulfillmentState.PACKED,
            "ready": FulfillmentState.READY,
            **_REJECTED,
            **_ENDS,
        },
        FulfillmentState.PACKED: {"ready": FulfillmentState.READY, **_REJECTED, **_ENDS},
        FulfillmentState.READY: {
            **_COLLECTED,
            "withdraw": FulfillmentState.WITHDRAWN,
            "cancel": FulfillmentState.CANCELLED,
        },
    }
)

_SHIP_TO_STORE: Table = MappingProxyType(
    {
        **_SHIP,
        FulfillmentState.SHIPPED: {"arrive": FulfillmentState.READY, **_BACK},
        FulfillmentState.READY: _COLLECTED,
    }
)

TRANSITIONS: Mapping[Method, Table] = MappingProxyType(
    {
        Method.SHIP: _SHIP,
        Method.PICKUP: _PICKUP,
        Method.SHIP_TO_STORE: _SHIP_TO_STORE,
    }
)

STEPS = (
    "accept",
    "pick",
    "pack",
    "ship",
    "arrive",
    "ready",
    "deliver",
    "hand_over",
    "expire",
    "bring_back",
)
STEPS_OUT = ("reject", "withdraw", "move", "merge", "cancel")

# Steps that nobody calls for: the lifecycle and the clock take them.
_BY_ITSELF = frozenset({"withdraw", "cancel", "expire"})

# Where a step leads, from wherever it starts.
_LEADS_TO = {
    (method, step): state
    for method, table in TRANSITIONS.items()
    for steps in table.values()
    for step, state in steps.items()
}


def steps_for_people(method: Method, state: FulfillmentState) -> list[str]:
    """The steps that whoever is refused could take instead, by name."""
    return sorted(TRANSITIONS[method].get(state, {}).keys() - _BY_ITSELF)


def after(method: Method, state: FulfillmentState, step: str) -> FulfillmentState | None:
    """The state that ``step`` leads to; nothing when it has led there already. Raises ``Conflict``
    (``illegal_transition``) when the table has no such step."""
    allowed = TRANSITIONS[method].get(state, {})
    if step in allowed:
        return allowed[step]
    if _LEADS_TO.get((method, step)) is state:
        return None
    raise Conflict(
        f"the fulfilment is {state}; {step.replace('_', ' ')} is not possible then",
        code="illegal_transition",
        context={"state": state, "allowed": steps_for_people(method, state)},
    )


# The order itself: where it may stand after one commit. What is left when the rest was cancelled
# may have left already, and be delivered.
ORDER_TRANSITIONS: Mapping[State, Mapping[str, State]] = MappingProxyType(
    {
        State.CAPTURED: {
            "reserve": State.SOURCED,
            "reserve_paid": State.AUTHORIZED,
            "cancel": State.CANCELLED,
        },
        State.SOURCED: {
            "pay": State.AUTHORIZED,
            "take_back": State.CAPTURED,
            "cancel": State.CANCELLED,
        },
        State.AUTHORIZED: {
            "release": State.RELEASED,
            "take_back": State.CAPTURED,
            "cancel": State.CANCELLED,
        },
        State.RELEASED: {
            "ship": State.SHIPPED,
            "hand_over": State.DELIVERED,
            "take_back": State.CAPTURED,
            "cancel": State.CANCELLED,
        },
        State.SHIPPED: {"deliver": State.DELIVERED, "cancel": State.CANCELLED},
        State.DELIVERED: {"settle": State.COMPLETED, "cancel": State.CANCELLED},
        State.COMPLETED: {},
        State.CANCELLED: {},
    }
)
