"""The steps of a purchase order, as data: what each may make of it, from each state.

``docs/fulfillment.md`` prints the table. A step that is not in it is refused, unless it has been
done before: then it changes nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType

from oms.purchasing.model import PurchaseState

Steps = Mapping[str, tuple[PurchaseState, ...]]


def _not_sent(state: PurchaseState) -> Steps:
    return {
        "send": (PurchaseState.SENT,),
        "reschedule": (state,),
        "cancel": (PurchaseState.CANCELLED,),
    }


def _with_the_supplier(state: PurchaseState) -> Steps:
    """What comes of it depends on what is open afterwards."""
    return {
        "announce": (state,),
        "dispatch": (state, PurchaseState.RECEIVED),
        "receive": (state, PurchaseState.RECEIVED),
        "reject": (state, PurchaseState.CLOSED_SHORT, PurchaseState.CANCELLED),
        "reschedule": (state,),
        "close": (PurchaseState.CLOSED_SHORT,),
        "cancel": (PurchaseState.CANCELLED,),
    }


PURCHASE_TRANSITIONS: Mapping[PurchaseState, Steps] = MappingProxyType(
    {
        PurchaseState.SUGGESTED: {
            "approve": (PurchaseState.CREATED,),
            **_not_sent(PurchaseState.SUGGESTED),
        },
        PurchaseState.CREATED: _not_sent(PurchaseState.CREATED),
        PurchaseState.SENT: {
            "confirm": (
                PurchaseState.CONFIRMED,
                PurchaseState.CLOSED_SHORT,
                PurchaseState.RECEIVED,
            ),
            **_with_the_supplier(PurchaseState.SENT),
        },
        PurchaseState.CONFIRMED: _with_the_supplier(PurchaseState.CONFIRMED),
        PurchaseState.RECEIVED: {
            "receive": (PurchaseState.RECEIVED,),
            "close": (PurchaseState.RECEIVED,),
        },
        PurchaseState.CLOSED_SHORT: {},
        PurchaseState.CANCELLED: {},
    }
)
