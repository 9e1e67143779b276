"""Cases of refunds and returns, each a test under its id."""

import pytest

from tests.cases.comparing import compare
from tests.cases.observing import Case, Pure, Stored, observe
from tests.cases.reading import cases
from tests.cases.refunds import amounts, grants, returns

PURE: Pure = {**amounts.KINDS}
STORED: Stored = {**grants.KINDS, **returns.KINDS}

FILES = ("refunds_returns.json", "refunds_own.json")

# Of the same file, and not of money that goes back alone: they are not run here.
ELSEWHERE = frozenset(
    {
        "exchange",
        "exchange.settlement",
        "claim",
    }
)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case["id"])
        for file in FILES
        for case in cases(file)
        if case["kind"] not in ELSEWHERE
    ],
)
def test_refunds(case: Case) -> None:
    compare(case, observe(case, PURE, STORED))
