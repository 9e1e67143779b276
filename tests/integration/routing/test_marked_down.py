"""Stock whose price is reduced at a node: said there, and known to whoever routes."""

from oms.catalog.delivery import Band, CarrierService
from tests.integration.gateway import Gateway
from tests.integration.routing.test_simulation import sourced
from tests.integration.world import RJ, SP, World

PLACE = "PUT /v1/inventory/MUG/nodes/rj-store"
CREDIT = {
    "rules": [
        {
            "id": "clear",
            "objective": {"markdown_credit": {"amount": "9.00", "currency": "BRL"}},
            "otherwise": ["backorder"],
        }
    ]
}


def test_a_node_says_since_when_its_stock_is_marked_down_until_it_says_otherwise(
    oms: World, call: Gateway
) -> None:
    oms.receive("MUG", 2, RJ)
    status, told = call("inventory", PLACE, {"marked_down_since": "2026-04-01"})
    assert (status, told["marked_down_since"]) == (200, "2026-04-01")
    _, told = call("inventory", PLACE, {"safety_stock": 1})
    assert told["marked_down_since"] == "2026-04-01"
    _, told = call("inventory", PLACE, {"marked_down_since": ""})
    assert told["marked_down_since"] is None


def test_what_is_marked_down_goes_first_where_its_credit_is_worth_the_carriage(
    oms: World, call: Gateway
) -> None:
    bands = (Band(100, 1, 500), Band(1000, 4, 900))
    oms.catalog.put_carrier_service(
        CarrierService("slow", "Slow", "Correio", ("BR",), bands, "BRL")
    )
    oms.receive("MUG", 2, SP)
    oms.receive("MUG", 2, RJ)
    sourced(oms, 1, SP)
    asked = {"policy": CREDIT, "channel": "web"}
    assert call("promising", "POST /v1/sourcing-policies/simulate", asked)[1]["differences"] == []
    call("inventory", PLACE, {"marked_down_since": "2026-04-01"})
    _, told = call("promising", "POST /v1/sourcing-policies/simulate", asked)
    (differs,) = told["differences"]
    assert differs["proposed"]["parcels"][0]["node"] == "rj-store"


def test_a_day_that_is_none_is_refused(oms: World, call: Gateway) -> None:
    oms.receive("MUG", 2, RJ)
    status, problem = call("inventory", PLACE, {"marked_down_since": "yesterday"})
    assert status == 422
    assert problem["faults"][0]["path"].startswith("marked_down_since")
