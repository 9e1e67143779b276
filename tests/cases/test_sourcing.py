"""Cases of where an order's lines come from, each a test under its id."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.cases.comparing import compare
from tests.cases.reading import Keys, NotUnderstoodError, cases
from tests.cases.sourcing import pickup, ranking, selection, splitting, stocked, waterfalls
from tests.integration.world import World, world

Case = Mapping[str, Any]
Facts = dict[str, Any]

# What is decided is the engine's; what becomes of stock then, the stores'.
PURE: Mapping[str, Callable[[Keys, Any, Keys], Facts]] = {
    "split_backorder": splitting.split_backorder,
    "fill_one_location": splitting.fill_one_location,
    "package_merge": splitting.package_merge,
    "package_split": splitting.package_split,
    "rule_chain": ranking.rule_chain,
    "facility_sort": ranking.facility_sort,
    "facility_filter": ranking.facility_filter,
    "facility_capacity": ranking.facility_capacity,
    "shipment_value_threshold": ranking.shipment_value_threshold,
    "waterfall": waterfalls.waterfall,
    "pickup_radius": pickup.pickup_radius,
    "pickup_eligibility": pickup.pickup_eligibility,
}
STORED: Mapping[str, Callable[[Keys, Any, Keys, World], Facts]] = {
    "priority": selection.source_selection,
    "distance": selection.source_selection,
    "candidates": selection.candidates,
    "strategy": selection.strategy,
    "pickup_hold": pickup.pickup_hold,
    "multi_location": stocked.multi_location,
}


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


FILES = ("sourcing.json", "sourcing_own.json")


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["id"]) for file in FILES for case in cases(file)]
)
def test_sourcing(case: Case) -> None:
    compare(case, observe(case))
