from datetime import timedelta
from typing import Any

import pytest

from oms.aws.demand_store import DemandStore
from oms.kernel.clock import rfc3339
from oms.orders.model import PromisedPart
from oms.promising.demand import DemandLine
from oms.promising.model import Destination
from tests.integration.asking.conftest import NOW, Call, comes
from tests.integration.world import SP, World

RIO = Destination("BR", "RJ")


def promised(oms: World, order_id: str, units: int) -> None:
    ship_by = NOW + timedelta(days=3)
    part = PromisedPart("MUG", SP.id, units, "supply:po_1", ship_by, ship_by.date())
    line = DemandLine(order_id, "MUG", "MUG", 0, NOW, ship_by.date(), (part,), RIO, "BRL")
    oms.stock.transact([DemandStore(oms.client, "inventory").add(line)])


def table(oms: World) -> Any:
    return oms.client.scan(TableName="inventory")["Items"]


def asked(**changes: Any) -> dict[str, Any]:
    return {"skus": ["MUG"], "changes": changes}


def test_it_says_which_orders_would_be_late_and_commits_nothing(oms: World, call: Call) -> None:
    comes(oms, 10, 3)
    promised(oms, "ord_1", 4)
    promised(oms, "ord_2", 6)
    before = table(oms)
    slips = {"sku": "MUG", "id": "po_1", "due": rfc3339(NOW + timedelta(days=5))}
    status, found = call("POST /v1/promises/simulate", asked(supplies=[slips]))
    assert (status, found["late"], found["unchanged"]) == (200, 2, 0)
    order = found["orders"][0]
    assert (order["order_id"], order["effect"], order["days"]) == ("ord_1", "late", 2)
    assert order["lines"][0]["quantity"] == 4
    assert table(oms) == before


def test_a_short_supply_leaves_the_last_unfilled(oms: World, call: Call) -> None:
    comes(oms, 10, 3)
    promised(oms, "ord_1", 4)
    promised(oms, "ord_2", 6)
    short = {"sku": "MUG", "id": "po_1", "quantity": 5}
    _, found = call("POST /v1/promises/simulate", asked(supplies=[short]))
    assert (found["unfilled"], found["unchanged"]) == (1, 1)
    assert found["orders"][0]["lines"][0]["ships_by"] is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"skus": ["NONE"], "changes": {}}, "unknown_sku"),
        (asked(supplies=[{"sku": "TEE", "id": "po_1"}]), "not_asked_for"),
        (asked(supplies=[{"sku": "MUG", "id": "new"}]), "unknown_supply"),
        (
            asked(supplies=[{"sku": "MUG", "id": "po_1", "due": "2026-11-20T00:00:00Z"}]),
            "in_the_past",
        ),
        (asked(supplies=[{"sku": "MUG", "id": "po_1", "due": "2026-12-20"}]), "timezone_aware"),
        (asked(stock=[{"sku": "MUG", "node": "nowhere", "quantity": -1}]), "unknown_node"),
        (asked(stock=[{"sku": "MUG", "node": "sp-dc", "quantity": 0.5}]), "too_many_decimals"),
        (asked(closed=[{"node": "nowhere", "day": "2026-12-01"}]), "unknown_node"),
        (
            asked(supplies=[{"sku": "MUG", "id": "po_1", "due": "9999-12-31T23:00:00Z"}]),
            "date_out_of_range",
        ),
        (
            asked(capacity=[{"resource": "oven", "day": "9999-12-31", "capacity": 1}]),
            "date_out_of_range",
        ),
    ],
)
def test_changes_that_cannot_be_are_refused(
    oms: World, call: Call, body: dict[str, Any], code: str
) -> None:
    comes(oms, 10, 3)
    status, problem = call("POST /v1/promises/simulate", body)
    assert (status, problem["code"]) == (422, code)
