"""Every state of a purchase order with every step: what is not in the table is refused, or was done
before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from oms.kernel.errors import Conflict
from oms.purchasing import decisions
from oms.purchasing.decisions import Decision
from oms.purchasing.model import (
    Line,
    LineConfirmation,
    NoticeLine,
    PurchaseOrder,
    PurchaseState,
    ShippingNotice,
)
from oms.purchasing.transitions import PURCHASE_TRANSITIONS
from tests.samples import NOW

DUE = NOW + timedelta(days=10)
UNITS = 4
STEPS = sorted({step for steps in PURCHASE_TRANSITIONS.values() for step in steps})
NOTICE = ShippingNotice("asn-1", DUE, (NoticeLine("MUG", UNITS),))

# Refusals that say what stands in the way rather than that the state does.
SAYS_MORE = {"already_received", "below_announced"}

Step = Callable[[PurchaseOrder], Decision | None]

# Each step in every way that makes something else of the order.
DECIDES: dict[str, list[Step]] = {
    "approve": [lambda order: decisions.approve(order, NOW)],
    "send": [lambda order: decisions.send(order, NOW)],
    "confirm": [
        lambda order: decisions.confirm(order, [], NOW),
        lambda order: decisions.confirm(order, [LineConfirmation("MUG", 0, DUE)], NOW),
    ],
    "reschedule": [lambda order: decisions.reschedule(order, "MUG", DUE + timedelta(days=1), NOW)],
    "announce": [lambda order: decisions.announce(order, NOTICE, NOW)],
    "dispatch": [lambda order: decisions.dispatch(order, NOTICE, NOW)],
    "receive": [
        lambda order: decisions.receive(order, "MUG", "sp-dc", 1, "", NOW),
        lambda order: decisions.receive(order, "MUG", "sp-dc", UNITS, "", NOW),
    ],
    "reject": [
        lambda order: decisions.reject(order, {}, "none left", NOW),
        lambda order: decisions.reject(order, {"MUG": 1}, "none left", NOW),
    ],
    "close": [lambda order: decisions.close(order, NOW)],
    "cancel": [lambda order: decisions.cancel(order, NOW)],
}


def order_in(state: PurchaseState) -> PurchaseOrder:
    """What came, or will not come, is as the state says; more may come than was ordered."""
    line = Line(1, "MUG", UNITS, DUE)
    if state is PurchaseState.RECEIVED:
        line = replace(line, received=UNITS)
    if state is PurchaseState.CLOSED_SHORT:
        line = replace(line, short=UNITS)
    return PurchaseOrder("po_1", "acme", "sp-dc", state, NOW, NOW, (line,))


def reachable(state: PurchaseState) -> set[PurchaseState]:
    found, left = set[PurchaseState](), [state]
    while left:
        here = left.pop()
        if here not in found:
            found.add(here)
            left += [to for states in PURCHASE_TRANSITIONS[here].values() for to in states]
    return found


def was_done(state: PurchaseState, step: str) -> bool:
    """Whether the order may have come to its state by the step, or after it."""
    led_to = {to for steps in PURCHASE_TRANSITIONS.values() for to in steps.get(step, ())}
    return any(state in reachable(to) for to in led_to)


def outcome(decide: Step, order: PurchaseOrder) -> PurchaseState | Conflict | None:
    """The state after it, the refusal, or nothing."""
    try:
        decision = decide(order)
    except Conflict as refused:
        return refused
    return decision.order.state if decision else None


def test_every_step_of_the_table_is_tried_and_every_state_is_in_it() -> None:
    assert set(STEPS) == DECIDES.keys()
    assert set(PURCHASE_TRANSITIONS) == set(PurchaseState)


@pytest.mark.parametrize("state", PurchaseState)
@pytest.mark.parametrize("step", STEPS)
def test_a_step_makes_of_an_order_what_the_table_says(state: PurchaseState, step: str) -> None:
    allowed = PURCHASE_TRANSITIONS[state]
    for decide in DECIDES[step]:
        came = outcome(decide, order_in(state))
        if isinstance(came, PurchaseState):
            assert came in allowed[step]
        elif came is None:
            assert step in allowed or was_done(state, step)
        elif step in allowed:
            assert came.problem_code == "over_receipt"
        elif came.problem_code not in SAYS_MORE:
            assert came.problem_code == "illegal_transition"
            assert came.context == {"state": state, "allowed": sorted(allowed)}
