"""Cases of which step may follow which in a node's work, each a test under its id."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.cases.comparing import compare
from tests.cases.lifecycle import guards, machines, requests
from tests.cases.reading import Keys, NotUnderstoodError, cases
from tests.integration.world import World, world

Case = Mapping[str, Any]
Facts = dict[str, Any]

PURE: Mapping[str, Callable[[Keys, Any, Keys], Facts]] = {
    "machine.fulfilment": machines.machine,
    "machine.shipment": machines.machine,
    "machine.pick_list": machines.machine,
    "machine.pick_item": machines.machine,
}
STORED: Mapping[str, Callable[[Keys, Any, Keys, World], Facts]] = {
    "machine.transfer_line": machines.transfer_line,
    "guard.transfer_line": machines.close_transfer,
    "fulfilment_order": requests.fulfilment_order,
    **guards.KINDS,
}

# Of the same file, and not of a node's work: they are not run here.
ELSEWHERE = frozenset(
    {
        "machine.order",
        "machine.payment",
        "machine.refund",
        "machine.return",
        "roll_up.order",
        "guard.order",
        "guard.payment",
        "guard.payment_cover",
        "guard.return",
        "guard.exchange",
        "guard.claim",
    }
)


def observe(case: Case) -> Facts:
    """What our system answers. Everything that the case says has been read."""
    given, then = Keys("given", case["given"]), Keys("then", case["then"])
    kind = case["kind"]
    if kind in PURE:
        facts = PURE[kind](given, case["when"], then)
    elif kind in STORED:
        with world() as oms:
            facts = STORED[kind](given, case["when"], then, oms)
    else:
        raise NotUnderstoodError(f"kind: {kind}")
    given.done()
    return facts


FILES = ("lifecycle.json", "lifecycle_own.json")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case["id"])
        for file in FILES
        for case in cases(file)
        if case["kind"] not in ELSEWHERE
    ],
)
def test_lifecycle(case: Case) -> None:
    compare(case, observe(case))
