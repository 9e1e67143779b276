"""Cases of which step may follow which in a node's work, each a test under its id."""

import pytest

from tests.cases.comparing import compare
from tests.cases.lifecycle import guards, machines, payments, requests, rollups
from tests.cases.observing import Case, Pure, Stored, observe
from tests.cases.reading import cases
from tests.cases.refunds import exchanges, returns

PURE: Pure = {
    "machine.fulfilment": machines.machine,
    "machine.shipment": machines.machine,
    "machine.pick_list": machines.machine,
    "machine.pick_item": machines.machine,
    **payments.PURE,
    "machine.order": machines.machine,
    "machine.payment": machines.machine,
    "machine.return": machines.machine,
    "machine.refund": machines.machine,
}
STORED: Stored = {
    "machine.transfer_line": machines.transfer_line,
    "guard.transfer_line": machines.close_transfer,
    "fulfilment_order": requests.fulfilment_order,
    **guards.KINDS,
    **payments.KINDS,
    **rollups.KINDS,
    **returns.GUARDS,
    **exchanges.GUARDS,
}

# Of the same file, and not of a node's work: they are not run here.
ELSEWHERE = frozenset(
    {
        "guard.order",
    }
)


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
    compare(case, observe(case, PURE, STORED))
