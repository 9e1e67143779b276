"""The definition of the order's lifecycle, read as the file it is."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from infra.constructs.state_machine import DEFINITION, definition
from infra.deployment import Waits
from oms.kernel import errors
from tests.infra.template import Templates

State = dict[str, Any]

MACHINE: State = json.loads(DEFINITION.read_text())
STATES: dict[str, State] = MACHINE["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
WAITS = {name: state for name, state in TASKS.items() if "waitForTaskToken" in state["Resource"]}
OUTCOMES = {outcome.__name__ for outcome in errors.Unfulfilled.__subclasses__()}
IDS_ONLY = "{% $states.input %}"
HAPPY_PATH = (
    "Source",
    "Authorize",
    "PaymentOutcome",
    "Release",
    "AwaitFulfillment",
    "Settle",
    "Completed",
)


def test_the_happy_path_takes_at_most_eight_transitions() -> None:
    assert MACHINE["StartAt"] == HAPPY_PATH[0]
    for state, following in pairwise(HAPPY_PATH):
        assert following in ways_on(state), f"{state} does not lead to {following}"
    assert STATES[HAPPY_PATH[-1]]["Type"] == "Succeed"
    assert len(HAPPY_PATH) <= 8


def test_every_state_can_be_reached_and_every_way_leads_somewhere() -> None:
    reached, waiting = set[str](), {MACHINE["StartAt"]}
    while waiting:
        state = waiting.pop()
        reached.add(state)
        waiting |= ways_out(state) - reached

    assert reached == set(STATES)


def test_every_way_ends() -> None:
    ends = {name for name, state in STATES.items() if state["Type"] in ("Succeed", "Fail")}

    assert ends == {"Completed", "Cancelled", "NeedsAttention"}
    assert all(ways_out(name) for name in STATES if name not in ends)


def test_every_task_ends_in_time() -> None:
    for name, task in TASKS.items():
        assert "TimeoutSeconds" in task, name
        if name not in WAITS:
            assert task["TimeoutSeconds"] <= 60, name


def test_every_task_is_tried_again_ever_later_and_never_in_step() -> None:
    for name, task in TASKS.items():
        again = task["Retry"][-1]
        assert again["ErrorEquals"] == ["States.ALL"], name
        assert again["BackoffRate"] > 1, name
        assert again["JitterStrategy"] == "FULL", name
        assert 1 <= again["MaxAttempts"] <= 10, name
        assert again["MaxDelaySeconds"] <= 60, name


def test_an_outcome_is_not_tried_again() -> None:
    for name, task in TASKS.items():
        once = task["Retry"][0]
        assert once["MaxAttempts"] == 0, name
        assert set(once["ErrorEquals"]) >= OUTCOMES, name


def test_what_a_provider_will_never_do_is_asked_of_it_once() -> None:
    for name in ("Authorize", "Settle", "CloseCancelled"):
        assert set(STATES[name]["Retry"][0]["ErrorEquals"]) >= {"PaymentRefused", "Invalid"}, name


def test_the_end_of_a_wait_is_an_outcome() -> None:
    for name, wait in WAITS.items():
        assert "States.Timeout" in wait["Retry"][0]["ErrorEquals"], name
        assert "States.Timeout" in caught(wait), name


def test_whatever_else_goes_wrong_is_shown_to_a_person() -> None:
    for name, task in TASKS.items():
        last = task["Catch"][-1]
        assert last["ErrorEquals"] == ["States.ALL"], name
        expected = "NeedsAttention" if name == "Exception" else "Exception"
        assert last["Next"] == expected, name


def test_every_outcome_that_is_caught_is_an_error_of_ours() -> None:
    names = {error for task in TASKS.values() for error in caught(task)}

    assert names - OUTCOMES == {"States.Timeout", "States.ALL"}
    assert names >= OUTCOMES


def test_an_order_can_be_cancelled_until_the_money_is_taken() -> None:
    for name in ("Source", "AwaitStock", "Authorize", "AwaitPayment", "Release", "Settle"):
        assert caught(STATES[name])["OrderCancelRequested"] == "Withdraw", name
    assert caught(STATES["AwaitFulfillment"])["OrderCancelRequested"] == "Withdraw"
    assert caught(STATES["Overdue"])["OrderCancelRequested"] == "Withdraw"


def test_an_order_whose_stock_was_taken_back_is_sourced_anew() -> None:
    for name in ("AwaitPayment", "Release", "AwaitFulfillment"):
        assert caught(STATES[name])["StockTakenBack"] == "Source", name


def test_walking_back_undoes_every_step_in_turn() -> None:
    chain = ["Withdraw", "Unreserve", "CloseCancelled", "Cancelled"]

    assert [STATES[name]["Next"] for name in chain[:-1]] == chain[1:]
    assert [step(STATES[name]) for name in chain[:-1]] == ["withdraw", "unreserve", "cancel"]


def test_every_cancellation_has_a_reason() -> None:
    reasons = {
        catch["Assign"]["reason"]
        for task in TASKS.values()
        for catch in task["Catch"]
        if catch["Next"] in ("Withdraw", "Unreserve", "CloseCancelled")
    }

    assert reasons == {
        "out_of_stock",
        "stock_expired",
        "payment_declined",
        "payment_expired",
        "cancel_requested",
    }


def test_only_ids_travel_from_state_to_state() -> None:
    for name, task in TASKS.items():
        assert task["Output"] == IDS_ONLY, name
        assert all(catch["Output"] == IDS_ONLY for catch in task["Catch"]), name
        payload = task["Arguments"]["Payload"]
        assert payload["order_id"] == "{% $states.input.order_id %}", name
        assert payload["correlation_id"] == "{% $states.input.correlation_id %}", name


def test_every_wait_leaves_its_token() -> None:
    assert {step(wait) for wait in WAITS.values()} == {"await"}
    for name, wait in WAITS.items():
        payload = wait["Arguments"]["Payload"]
        assert payload["task_token"] == "{% $states.context.Task.Token %}", name
        assert payload["for"] in ("stock", "payment", "capture", "fulfillment"), name


def test_an_overdue_order_is_not_escalated_for_ever() -> None:
    (again,) = STATES["StillOverdue"]["Choices"]

    assert again["Condition"] == "{% $escalations < ${MaxEscalations} %}"
    assert STATES["StillOverdue"]["Default"] == "Exception"


def test_every_variable_is_assigned_on_every_way_to_where_it_is_read() -> None:
    known = known_variables()
    for name, state in STATES.items():
        unknown = variables_read_by(state) - known[name]
        assert not unknown, f"{name} may be reached without {', '.join(sorted(unknown))}"


def test_a_deployment_can_shorten_the_waits() -> None:
    states = definition(Waits(stock=1, payment=2, fulfillment=3, max_escalations=4))["States"]

    timeouts = [states[name]["TimeoutSeconds"] for name in WAITS]
    assert dict(zip(WAITS, timeouts, strict=True)) == {
        "AwaitStock": 1,
        "AwaitPayment": 2,
        "AwaitFulfillment": 3,
        "AwaitCapture": 2,
    }


def test_on_aws_a_pending_payment_waits_as_long_as_the_provider_said(aws: Templates) -> None:
    states = json.loads(machine(aws)["DefinitionString"])["States"]

    assert states["AwaitPayment"]["TimeoutSeconds"] == "{% $payment_expires_in %}"
    assert states["AwaitStock"]["TimeoutSeconds"] == 210 * 86_400
    assert states["AwaitFulfillment"]["TimeoutSeconds"] == 14 * 86_400


def test_every_placeholder_of_the_definition_is_filled_in(aws: Templates) -> None:
    placeholders = set(re.findall(r"\$\{(\w+)\}", machine(aws)["DefinitionString"]))

    assert placeholders == set(machine(aws)["DefinitionSubstitutions"])


def test_executions_are_logged_without_their_data_and_traced(aws: Templates) -> None:
    logging = machine(aws)["LoggingConfiguration"]

    assert logging["Level"] == "ALL"
    assert logging["IncludeExecutionData"] is False
    assert machine(aws)["TracingConfiguration"] == {"Enabled": True}
    assert machine(aws)["StateMachineType"] == "STANDARD"


def machine(aws: Templates) -> State:
    (found,) = aws.of("AWS::StepFunctions::StateMachine")
    return dict(found.properties)


def ways_on(name: str) -> set[str]:
    """Where a state leads when nothing goes wrong."""
    state = STATES[name]
    choices = {choice["Next"] for choice in state.get("Choices", [])}
    return choices | {state[way] for way in ("Next", "Default") if way in state}


def ways_out(name: str) -> set[str]:
    return {following for following, _ in ways_and_variables(STATES[name])}


def ways_and_variables(state: State) -> Iterator[tuple[str, set[str]]]:
    """Each state that may follow, with the variables assigned on the way there."""
    for way in ("Next", "Default"):
        if way in state:
            yield state[way], set(state.get("Assign", {}))
    for branch in [*state.get("Choices", []), *state.get("Catch", [])]:
        yield branch["Next"], set(branch.get("Assign", {}))


def known_variables() -> dict[str, set[str]]:
    """For each state the variables that have a value on whichever way it was reached."""
    known: dict[str, set[str]] = {MACHINE["StartAt"]: set()}
    changed = [MACHINE["StartAt"]]
    while changed:
        name = changed.pop()
        for following, assigned in ways_and_variables(STATES[name]):
            so_far = known.get(following)
            arriving = known[name] | assigned
            known[following] = arriving if so_far is None else so_far & arriving
            if known[following] != so_far:
                changed.append(following)
    return known


def variables_read_by(state: State) -> set[str]:
    # ``$states`` is given, the functions are JSONata's, ``$seconds`` is local to its expression.
    given = {"states", "type", "max", "floor", "seconds"}
    return set(re.findall(r"\$(\w+)", json.dumps(state))) - given


def caught(state: State) -> dict[str, str]:
    """Error name → the state that it leads to."""
    return {
        error: catch["Next"] for catch in state.get("Catch", []) for error in catch["ErrorEquals"]
    }


def step(task: State) -> str:
    found: str = task["Arguments"]["Payload"]["step"]
    return found
