"""Every way through the order's state machine has been gone.

The ways of business were gone by the orders of the other tests, in the deployed stack. Those of
faults are gone here, in the deployed definition with a function that fails on demand.
"""

from pathlib import Path

import pytest

from tests.e2e.lifecycle import (
    ANY,
    Way,
    definition,
    executions_of,
    states_entered,
    ways_gone,
    ways_of,
)
from tests.e2e.scripted import FAULTS, ScriptedLifecycle
from tests.e2e.stack import Stack

TRIED = 7


@pytest.mark.parametrize("way", FAULTS, ids=str)
def test_a_fault_on_the_way_ends_where_the_definition_says(
    stack: Stack, scripted: ScriptedLifecycle, faults: dict[Way, str], way: Way
) -> None:
    ended = scripted.ended(faults[way])

    assert way in ways_gone(stack, definition(stack), [faults[way]])
    if way.entered == "Withdraw":
        assert ended["status"] == "SUCCEEDED"
        assert states_entered(stack, faults[way])[-1] == "Cancelled"
    else:
        assert (ended["status"], ended["error"]) == ("FAILED", "NeedsAttention")


def test_a_fault_is_tried_again_six_times(stack: Stack, faults: dict[Way, str]) -> None:
    execution = faults[Way("Release", ANY, "Exception")]

    pages = stack.aws("stepfunctions").get_paginator("get_execution_history")
    events = [one for page in pages.paginate(executionArn=execution) for one in page["events"]]

    failed = [one for one in events if one["type"] == "TaskFailed"]
    assert len(failed) == TRIED


def test_every_way_of_business_was_gone_by_an_order(
    stack: Stack, request: pytest.FixtureRequest
) -> None:
    if not _all_ran(request):
        pytest.skip("the orders of all end-to-end tests are needed")
    machine = definition(stack)

    gone = ways_gone(stack, machine, executions_of(stack, stack.deployment.state_machine_arn))

    never = ways_of(machine) - gone - FAULTS.keys()
    assert sorted(map(str, never)) == []


def test_every_way_of_a_fault_is_in_the_definition(stack: Stack) -> None:
    assert FAULTS.keys() <= ways_of(definition(stack))


def _all_ran(request: pytest.FixtureRequest) -> bool:
    here = Path(__file__).parent
    ran = {item.path.name for item in request.session.items if item.path.parent == here}
    whole = not request.config.option.keyword and not request.config.getoption("lf", default=False)
    return whole and ran == {file.name for file in here.glob("test_*.py")}
