"""Cases of payments, each a test under its id."""

import pytest

from tests.cases.comparing import compare
from tests.cases.observing import Case, Pure, Stored, observe
from tests.cases.payments import asking, ledger, reports
from tests.cases.reading import cases

PURE: Pure = {**ledger.KINDS}
STORED: Stored = {**reports.KINDS, **asking.KINDS}

FILES = ("payments_events.json", "payments_own.json")


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["id"]) for file in FILES for case in cases(file)]
)
def test_payments(case: Case) -> None:
    compare(case, observe(case, PURE, STORED))
