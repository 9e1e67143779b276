"""What a case expects against what was observed, with our differences from peers."""

from collections.abc import Mapping
from typing import Any

from tests.cases.differences import difference_of, ours_of
from tests.cases.reading import NotUnderstoodError, same


def compare(case: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Fails when they differ, or when the case asserts what the runner does not observe."""
    expected = dict(case["then"])
    if unknown := expected.keys() - facts.keys():
        raise NotUnderstoodError(f"then: {sorted(unknown)}")
    if row := difference_of(case):
        expected = {name: told for name, told in expected.items() if name not in row["keys"]}
        expected |= ours_of(row, case)
    observed = {name: facts[name] for name in expected}
    assert same(expected, observed), f"{observed} is not {expected}"
