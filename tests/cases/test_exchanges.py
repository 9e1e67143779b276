"""Our own cases of exchanges and claims, each a test under its id; those of others run with the
refunds and the lifecycle."""

import pytest

from tests.cases.comparing import compare
from tests.cases.observing import Case, Stored, observe
from tests.cases.reading import cases
from tests.cases.refunds import exchanges

STORED: Stored = {**exchanges.KINDS, **exchanges.GUARDS}

FILES = ("exchanges_own.json",)


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["id"]) for file in FILES for case in cases(file)]
)
def test_exchanges(case: Case) -> None:
    compare(case, observe(case, {}, STORED))
