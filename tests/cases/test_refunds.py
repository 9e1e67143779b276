"""Cases of refunds and returns, each a test under its id."""

import pytest

from tests.cases.comparing import compare
from tests.cases.observing import Case, Pure, Stored, observe
from tests.cases.reading import cases
from tests.cases.refunds import amounts, exchanges, grants, returns

PURE: Pure = {**amounts.KINDS}
STORED: Stored = {**grants.KINDS, **returns.KINDS, **exchanges.KINDS}

FILES = ("refunds_returns.json", "refunds_own.json")


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case["id"]) for file in FILES for case in cases(file)],
)
def test_refunds(case: Case) -> None:
    compare(case, observe(case, PURE, STORED))
