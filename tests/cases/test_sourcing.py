"""Cases of where an order's lines come from, each a test under its id."""

import pytest

from tests.cases.comparing import compare
from tests.cases.observing import Case, Pure, Stored, observe
from tests.cases.reading import cases
from tests.cases.sourcing import pickup, ranking, selection, splitting, stocked, waterfalls

# What is decided is the engine's; what becomes of stock then, the stores'.
PURE: Pure = {
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
STORED: Stored = {
    "priority": selection.source_selection,
    "distance": selection.source_selection,
    "candidates": selection.candidates,
    "strategy": selection.strategy,
    "pickup_hold": pickup.pickup_hold,
    "multi_location": stocked.multi_location,
}


FILES = ("sourcing.json", "sourcing_own.json")


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["id"]) for file in FILES for case in cases(file)]
)
def test_sourcing(case: Case) -> None:
    compare(case, observe(case, PURE, STORED))
