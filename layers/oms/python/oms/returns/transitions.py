"""The steps of a return, as data: where each step may lead from each state.

Several states: which of them depends on how many units are still to come, to be looked at or to be
paid for (``model.state_by_units``). ``docs/returns.md`` prints the table. A step that is not in it
is refused; one that led to the present state is a repeat and changes nothing.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from oms.kernel.errors import Conflict
from oms.returns.model import Resolution, Return, ReturnKind, ReturnState

Steps = Mapping[str, tuple[ReturnState, ...]]

_APPROVED, _PARTLY = ReturnState.APPROVED, ReturnState.PARTIALLY_RECEIVED
_RECEIVED, _INSPECTED = ReturnState.RECEIVED, ReturnState.INSPECTED
_RESOLVED = ReturnState.RESOLVED

TRANSITIONS: Mapping[ReturnState, Steps] = MappingProxyType(
    {
        ReturnState.REQUESTED: {
            "approve": (_APPROVED,),
            "reject": (ReturnState.REJECTED,),
            "cancel": (ReturnState.CANCELLED,),
        },
        _APPROVED: {
            "cancel": (ReturnState.CANCELLED,),
            "label": (_APPROVED,),
            "receive": (_PARTLY, _RECEIVED),
        },
        _PARTLY: {
            "label": (_PARTLY,),
            "receive": (_PARTLY, _RECEIVED),
            "inspect": (_PARTLY,),
            "resolve": (_PARTLY, _RECEIVED, _RESOLVED),
        },
        _RECEIVED: {
            "inspect": (_RECEIVED, _INSPECTED, _RESOLVED),
            "resolve": (_RECEIVED,),
        },
        _INSPECTED: {"resolve": (_RESOLVED,)},
    }
)

# What can be done besides to a return for which something else is wanted: say what (``draft``), and
# have an order made for it (``exchange``).
_IN_EXCHANGE: Mapping[ReturnState, Steps] = {
    ReturnState.REQUESTED: {"draft": (ReturnState.REQUESTED,)},
    _APPROVED: {"draft": (_APPROVED,), "exchange": (_APPROVED,)},
    _PARTLY: {"draft": (_PARTLY,), "exchange": (_PARTLY, _RECEIVED, _RESOLVED)},
    _RECEIVED: {"draft": (_RECEIVED,), "exchange": (_RECEIVED,)},
    _INSPECTED: {"draft": (_INSPECTED,), "exchange": (_RESOLVED,)},
}
EXCHANGES: Mapping[ReturnState, Steps] = MappingProxyType(
    {state: {**steps, **_IN_EXCHANGE[state]} for state, steps in TRANSITIONS.items()}
)

# Where the customer keeps the goods: a claim of what came damaged, or never came.
GOODS_KEPT: Mapping[ReturnState, Steps] = MappingProxyType(
    {
        ReturnState.REQUESTED: EXCHANGES[ReturnState.REQUESTED],
        _APPROVED: {
            "cancel": (ReturnState.CANCELLED,),
            "resolve": (_RESOLVED,),
            "draft": (_APPROVED,),
            "exchange": (_RESOLVED,),
        },
    }
)

STEPS = ("approve", "reject", "cancel", "label", "receive", "inspect", "resolve")
EXCHANGE_STEPS = ("draft", "exchange")

# Steps that lead to one state from wherever they start: taken again there, they are repeats.
_REPEATED = {
    ("approve", _APPROVED),
    ("reject", ReturnState.REJECTED),
    ("cancel", ReturnState.CANCELLED),
    ("resolve", _RESOLVED),
}


# What is not possible any more once there is an order for what comes back.
_BEFORE_EXCHANGE = frozenset({"cancel", "draft", "exchange"})


def table_of(found: Return) -> Mapping[ReturnState, Steps]:
    if found.keeps_goods:
        return GOODS_KEPT
    claimed = found.kind is ReturnKind.CLAIM
    return EXCHANGES if claimed or found.resolution is Resolution.EXCHANGE else TRANSITIONS


def may_take(found: Return, step: str) -> bool:
    """``may`` of this return, by the table for it. What an order was made for comes back, or is
    charged: it is not cancelled."""
    table = table_of(found)
    if found.exchanged_for and step in _BEFORE_EXCHANGE:
        raise _illegal(found.state, step, {*table.get(found.state, {})} - _BEFORE_EXCHANGE)
    return may(found.state, step, table)


def may(state: ReturnState, step: str, table: Mapping[ReturnState, Steps] = TRANSITIONS) -> bool:
    """False when it was taken already; raises ``Conflict`` (``illegal_transition``) when the table
    does not have it."""
    if step in table.get(state, {}):
        return True
    if (step, state) in _REPEATED:
        return False
    raise _illegal(state, step, table.get(state, {}))


def _illegal(state: ReturnState, step: str, leads: Iterable[str]) -> Conflict:
    allowed = sorted(leads)
    return Conflict(
        f"the return is {state}; {step} is not possible then",
        code="illegal_transition",
        context={"state": state, "allowed": allowed},
    )
