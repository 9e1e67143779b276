"""Cases of which step may follow which, what guards it and what it does: each a test by its id."""

import pytest

from tests.cases.comparing import compare
from tests.cases.lifecycle import guards, machines, orders, payments, requests, rollups
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
    **orders.KINDS,
    **payments.KINDS,
    **rollups.KINDS,
    **returns.GUARDS,
    **exchanges.GUARDS,
}

FILES = ("lifecycle.json", "lifecycle_own.json")


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case["id"]) for file in FILES for case in cases(file)],
)
def test_lifecycle(case: Case) -> None:
    compare(case, observe(case, PURE, STORED))
