"""Every pair of a state of a return and a step."""

import pytest

from oms.kernel.errors import Conflict
from oms.returns.model import ReturnState
from oms.returns.transitions import STEPS, TRANSITIONS, may

REPEATS = {
    ("approve", "approved"),
    ("reject", "rejected"),
    ("cancel", "cancelled"),
    ("resolve", "resolved"),
}


@pytest.mark.parametrize("state", ReturnState)
@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_in_the_table_or_a_repeat_or_refused(state: ReturnState, step: str) -> None:
    allowed = TRANSITIONS.get(state, {})
    if step in allowed:
        assert may(state, step)
        return
    if (step, state) in REPEATS:
        assert not may(state, step)
        return
    with pytest.raises(Conflict) as refused:
        may(state, step)
    assert refused.value.problem_code == "illegal_transition"
    assert refused.value.context == {"state": state, "allowed": sorted(allowed)}


def test_every_state_is_reached_and_every_live_one_leads_on() -> None:
    reached = {to for steps in TRANSITIONS.values() for leads in steps.values() for to in leads}

    assert reached == {*ReturnState} - {ReturnState.REQUESTED}
    final = {ReturnState.REJECTED, ReturnState.CANCELLED, ReturnState.RESOLVED}
    assert {*ReturnState} - {*TRANSITIONS} == final
