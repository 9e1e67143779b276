"""The steps of a return, as data: where each step may lead from each state.

Several states: which of them depends on how many units are still to come, to be looked at or to be
paid for (``model.state_by_units``). ``docs/returns.md`` prints the table. A step that is not in it
is refused; one that led to the present state is a repeat and changes nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType

from oms.kernel.errors import Conflict
from oms.returns.model import ReturnState

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

STEPS = ("approve", "reject", "cancel", "label", "receive", "inspect", "resolve")

# Steps that lead to one state from wherever they start: taken again there, they are repeats.
_REPEATED = {
    ("approve", _APPROVED),
    ("reject", ReturnState.REJECTED),
    ("cancel", ReturnState.CANCELLED),
    ("resolve", _RESOLVED),
}


def may(state: ReturnState, step: str) -> bool:
    """False when it was taken already; raises ``Conflict`` (``illegal_transition``) when the table
    does not have it."""
    if step in TRANSITIONS.get(state, {}):
        return True
    if (step, state) in _REPEATED:
        return False
    allowed = sorted(TRANSITIONS.get(state, {}))
    raise Conflict(
        f"the return is {state}; {step} is not possible then",
        code="illegal_transition",
        context={"state": state, "allowed": allowed},
    )
