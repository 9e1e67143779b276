from datetime import date
from typing import Any

import pytest

from oms.aws.promise_store import PromiseStore
from oms.catalog.delivery import Component, Production, Promising, PromisingMode
from oms.catalog.model import Item
from oms.kernel.errors import Conflict
from oms.promising.model import CapacityBooking
from tests.integration.asking.conftest import Call, comes
from tests.integration.world import World

ADDRESS = {"country": "BR", "region": "RJ", "city": "Rio de Janeiro", "postal_code": "20040-002"}


def basket(**changed: Any) -> dict[str, Any]:
    lines = [{"sku": "MUG", "quantity": 2, "unit_price": "40.00"}]
    return {"channel": "web", "ship_to": ADDRESS, "lines": lines, **changed}


def kept(oms: World) -> list[str]:
    items = oms.client.scan(TableName="inventory")["Items"]
    return [item["pk"]["S"] for item in items if item["pk"]["S"].startswith("promise#")]


def test_a_basket_has_dated_options_that_are_kept_for_half_an_hour(oms: World, call: Call) -> None:
    oms.receive("MUG", 5)
    status, promise = call("POST /v1/promises", basket())
    assert status == 201
    assert promise["expires_at"] == "2026-11-23T12:30:00.000Z"
    fastest, cheapest = promise["options"]
    assert (fastest["ranks"], fastest["arrive_by"]) == (["fastest"], "2026-11-24")
    assert (cheapest["ranks"], cheapest["cost"], cheapest["currency"]) == (
        ["cheapest"],
        "15.00",
        "BRL",
    )
    assert fastest["lines"][0]["source"] == "on_hand"
    assert fastest["evidence"] and fastest["ruled_out"]
    stored = PromiseStore(oms.client, "inventory").promise(promise["id"])
    assert stored is not None
    assert [option.id for option in stored.options] == ["1", "2"]
    assert kept(oms) == [f"promise#{promise['id']}"]


def test_nothing_is_kept_of_what_is_simulated(oms: World, call: Call) -> None:
    oms.receive("MUG", 5)
    status, promise = call("POST /v1/promises", basket(simulate=True))
    assert (status, promise["id"], len(promise["options"])) == (200, None, 2)
    assert kept(oms) == []


def test_it_is_said_why_nothing_can_be_promised(oms: World, call: Call) -> None:
    oms.receive("MUG", 1)
    status, promise = call("POST /v1/promises", basket())
    assert (status, promise["id"], promise["options"]) == (200, None, [])
    assert promise["ruled_out"][0]["rule"] == "not_enough"
    assert (
        promise["ruled_out"][0]["says"] == "2 of MUG are needed, and 1 are there or known to come"
    )


def test_what_is_not_there_is_promised_from_what_comes(oms: World, call: Call) -> None:
    comes(oms, 10, 2)
    _, promise = call("POST /v1/promises", basket())
    assert promise["options"][0]["lines"][0]["source"] == "supply:po_1"
    assert promise["options"][0]["arrive_by"] == "2026-11-26"


@pytest.mark.parametrize("wanted_by", [None, "9000-01-01T00:00:00Z"])
def test_nothing_is_promised_further_ahead_than_orders_wait(
    oms: World, call: Call, wanted_by: str | None
) -> None:
    comes(oms, 2, 180)
    status, promise = call("POST /v1/promises", basket(wanted_by=wanted_by))
    assert (status, promise["id"], promise["options"]) == (200, None, [])
    assert promise["ruled_out"][0]["rule"] == "too_late"


def test_the_customers_dates_decide_what_is_the_most_profitable(oms: World, call: Call) -> None:
    oms.receive("MUG", 5)
    cost = {"amount": "10.00", "currency": "BRL"}
    answer = call("PUT /v1/items/MUG", {"name": "Mug", "promising": {"unit_cost": cost}}, "catalog")
    assert answer[0] == 200
    dates = [
        {"date": "2026-11-24T00:00:00-03:00", "pays": "30.00"},
        {"date": "2026-11-27T00:00:00-03:00", "pays": "10.00"},
    ]
    asked = basket(accepts_dates=dates, rank="most_profitable")
    _, promise = call("POST /v1/promises", asked)
    best = promise["options"][0]
    assert (best["arrive_by"], best["profit"]) == ("2026-11-27", "55.00")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"channel": "nobody"}, "unknown_channel"),
        ({"lines": [{"sku": "NONE", "quantity": 1}]}, "unknown_sku"),
        ({"lines": [{"sku": "MUG", "quantity": 0}]}, "quantity_not_positive"),
        ({"lines": [{"sku": "MUG", "quantity": -1}]}, "quantity_not_positive"),
        ({"lines": [{"sku": "MUG", "quantity": 1.5}]}, "too_many_decimals"),
        ({"lines": [{"sku": "MUG", "quantity": 1}] * 2}, "line_twice"),
        ({"lines": [{"sku": "MUG", "quantity": 1, "unit_price": "1.001"}]}, "too_many_decimals"),
        ({"currency": "USD"}, "wrong_currency"),
        ({"wanted_by": "2026-11-22T23:00:00-03:00"}, "in_the_past"),
        ({"wanted_by": "2026-11-25T00:00:00"}, "timezone_aware"),
        ({"placed_at": "2026-11-23T11:00:00Z"}, "in_the_past"),
        ({"placed_at": "9999-12-31T23:59:59-12:00"}, "date_out_of_range"),
        ({"accepts_dates": [{"date": "0001-01-01T00:00:00+14:00"}]}, "date_out_of_range"),
        ({"accepts_dates": [{"date": "2026-11-25"}]}, "timezone_aware"),
        ({"accepts_dates": [{"date": "2027-05-23T00:00:00-03:00"}]}, "too_far_ahead"),
        ({"placed_at": "2027-05-23T00:00:00-03:00"}, "too_far_ahead"),
    ],
)
def test_a_basket_that_breaks_a_rule_is_refused(
    oms: World, call: Call, changed: dict[str, Any], code: str
) -> None:
    oms.receive("MUG", 5)
    status, problem = call("POST /v1/promises", basket(**changed))
    assert (status, problem["code"]) == (422, code)
    assert kept(oms) == []


def test_every_fault_is_named(oms: World, call: Call) -> None:
    lines = [{"sku": "NONE", "quantity": 1}, {"sku": "MUG", "quantity": 0}]
    _, problem = call("POST /v1/promises", basket(lines=lines))
    assert [fault["path"] for fault in problem["faults"]] == ["lines.0.sku", "lines.1.quantity"]


def test_a_basket_has_a_limit(oms: World, call: Call) -> None:
    lines = [{"sku": "MUG", "quantity": 1, "line_id": str(n)} for n in range(101)]
    status, problem = call("POST /v1/promises", basket(lines=lines))
    assert (status, problem["code"]) == (413, "too_many_lines")


# --- capacity -------------------------------------------------------------------------------

CAKE = Item(
    "CAKE",
    "Cake",
    promising=Promising(
        PromisingMode.CTP, production=Production("oven", ("sp-dc",), 2, (Component("MUG", 1),))
    ),
)


def days(*capacities: int) -> dict[str, Any]:
    return {
        "days": [
            {"date": f"2026-11-{24 + number}", "capacity": capacity}
            for number, capacity in enumerate(capacities)
        ]
    }


def test_what_is_made_is_promised_from_the_capacity_that_is_left(oms: World, call: Call) -> None:
    oms.catalog.put_item(CAKE)
    oms.receive("MUG", 5)
    assert call("PUT /v1/capacities/oven", days(3, 3))[0] == 200
    _, promise = call("POST /v1/promises", basket(lines=[{"sku": "CAKE", "quantity": 3}]))
    assert promise["options"][0]["capacity"] == [
        {"resource": "oven", "date": "2026-11-24", "units": 3},
        {"resource": "oven", "date": "2026-11-25", "units": 3},
    ]
    nothing = call("POST /v1/promises", basket(lines=[{"sku": "CAKE", "quantity": 4}]))
    assert nothing[1]["options"] == []


def test_booked_capacity_is_gone_until_it_is_given_back(oms: World, call: Call) -> None:
    call("PUT /v1/capacities/oven", days(3))
    store = PromiseStore(oms.client, "inventory")
    bookings = [CapacityBooking("oven", date(2026, 11, 24), 2)]
    oms.stock.transact(store.book(bookings))
    with pytest.raises(Conflict) as refused:
        oms.stock.transact(store.book(bookings))
    assert refused.value.problem_code == "capacity_taken"
    oms.stock.transact(store.give_back(bookings))
    _, found = call("GET /v1/capacities/oven")
    assert found["days"] == [{"date": "2026-11-24", "capacity": 3, "left": 3}]


def test_less_capacity_than_is_booked_leaves_less_than_nothing(oms: World, call: Call) -> None:
    call("PUT /v1/capacities/oven", days(3))
    store = PromiseStore(oms.client, "inventory")
    oms.stock.transact(store.book([CapacityBooking("oven", date(2026, 11, 24), 2)]))
    _, found = call("PUT /v1/capacities/oven", days(1, 7))
    assert [(day["capacity"], day["left"]) for day in found["days"]] == [(1, -1), (7, 7)]


def test_a_day_is_named_once_and_a_period_goes_forward(oms: World, call: Call) -> None:
    twice = {"days": [{"date": "2026-11-24", "capacity": 1}] * 2}
    assert call("PUT /v1/capacities/oven", twice)[1]["code"] == "day_twice"
    backward = call("GET /v1/capacities/oven", first="2026-11-24", last="2026-11-20")
    assert backward[1]["code"] == "invalid_period"
    for first, last in (("9999-12-31", "9999-12-31"), ("2026-11-23", "2027-11-25")):
        assert call("GET /v1/capacities/oven", first=first, last=last)[0] == 422
