"""How a fulfilment is packed, and what the API says of it."""

from typing import Any

import pytest

from oms.kernel.ids import order_of
from oms.orders.model import FulfillmentState
from tests.integration.fulfillment.station import at_the_node, stock_up
from tests.integration.gateway import Gateway
from tests.integration.world import World
from tests.samples import content, line

TWO: list[dict[str, Any]] = [
    {"lines": [{"line_id": "MUG", "quantity": 2}], "weight_grams": 900, "length_mm": 300},
    {"lines": [{"line_id": "TEE", "quantity": 1}]},
]


@pytest.fixture(autouse=True)
def stocked(oms: World) -> None:
    stock_up(oms)


def pack(call: Gateway, part: str, parcels: object) -> tuple[int, Any]:
    return call("fulfillment", f"POST /v1/fulfillments/{part}/pack", {"parcels": parcels})


def parcels(call: Gateway, part: str, **query: str) -> Any:
    return call("parcels", f"GET /v1/fulfillments/{part}/parcels", query=query)[1]


def state(oms: World, part: str) -> FulfillmentState:
    found = oms.orders.load(order_of(part)).fulfillment(part)
    assert found
    return found.state


def test_what_would_take_more_parcels_than_labels_are_bought_for_is_not_proposed(
    oms: World, call: Gateway
) -> None:
    part = at_the_node(oms, of=content(line("MUG", 31)))
    path = f"GET /v1/fulfillments/{part}/parcels"

    refused = call("parcels", path, query={"max_weight_grams": "1"})

    assert (refused[0], refused[1]["code"]) == (422, "too_many_parcels")
    assert len(call("parcels", path, query={"max_weight_grams": "800"})[1]["parcels"]) == 16


def test_packed_without_a_word_everything_is_in_one_parcel_that_weighs_its_items(
    oms: World, call: Gateway
) -> None:
    part = at_the_node(oms, steps=2)

    status, packed = call("fulfillment", f"POST /v1/fulfillments/{part}/pack")

    shown = parcels(call, part)
    assert (status, packed["state"]) == (200, "packed")
    assert shown["state"] == "proposed"
    (parcel,) = shown["parcels"]
    assert parcel["weight_grams"] == 2 * 400 + 200
    assert [(each["sku"], each["quantity"]) for each in parcel["lines"]] == [("MUG", 2), ("TEE", 1)]


def test_a_proposal_keeps_to_what_a_parcel_may_weigh(oms: World, call: Gateway) -> None:
    part = at_the_node(oms, steps=2)

    shown = parcels(call, part, max_weight_grams="600")

    assert [parcel["weight_grams"] for parcel in shown["parcels"]] == [600, 400]


def test_parcels_are_kept_as_they_were_packed(oms: World, call: Gateway) -> None:
    part = at_the_node(oms, steps=2)

    status, packed = pack(call, part, TWO)

    shown = parcels(call, part)
    assert (status, packed["state"], shown["state"]) == (200, "packed", "packed")
    assert [parcel["weight_grams"] for parcel in shown["parcels"]] == [900, 200]
    assert shown["parcels"][0]["length_mm"] == 300
    assert shown["parcels"][1]["id"] == f"pcl_{part.removeprefix('ful_')}_2"


def test_it_may_be_packed_otherwise_and_said_again(oms: World, call: Gateway) -> None:
    part = at_the_node(oms, steps=2)
    one = [{"lines": [*TWO[0]["lines"], *TWO[1]["lines"]]}]

    answers = [pack(call, part, packed)[0] for packed in (TWO, TWO, one, one)]

    assert answers == [200] * 4
    assert len(parcels(call, part)["parcels"]) == 1
    assert oms.orders.load(order_of(part)).version == 6


@pytest.mark.parametrize(
    ("packed", "code"),
    [
        (TWO[:1], "quantities_do_not_add_up"),
        ([*TWO, TWO[1]], "quantities_do_not_add_up"),
        ([{"lines": [{"line_id": "HAT", "quantity": 1}]}], "unknown_line"),
        ([{"lines": [*TWO[1]["lines"], *TWO[1]["lines"]]}], "line_twice"),
        ([{"lines": [{"line_id": "MUG", "quantity": 0}]}], "quantity_not_positive"),
        ([{"lines": [{"line_id": "MUG", "quantity": 1.5}]}], "too_many_decimals"),
        ([{"lines": []}], "too_short"),
        ([], "too_short"),
        ([TWO[0]] * 31, "too_long"),
    ],
)
def test_parcels_that_do_not_hold_what_the_fulfilment_does_are_refused(
    oms: World, call: Gateway, packed: object, code: str
) -> None:
    part = at_the_node(oms, steps=2)

    status, problem = pack(call, part, packed)

    assert (status, problem["code"]) == (422, code)
    assert state(oms, part) is FulfillmentState.PICKED
    assert parcels(call, part)["state"] == "proposed"


def test_nothing_is_packed_before_it_is_picked(oms: World, call: Gateway) -> None:
    part = at_the_node(oms, steps=1)

    status, problem = pack(call, part, TWO)

    assert (status, problem["code"]) == (409, "illegal_transition")
    assert parcels(call, part)["state"] == "proposed"


def test_once_labels_are_bought_nothing_is_packed_otherwise(oms: World, call: Gateway) -> None:
    part = at_the_node(oms, steps=2)
    pack(call, part, TWO)
    assert call("parcels", f"POST /v1/fulfillments/{part}/label")[0] == 200

    same, other = pack(call, part, TWO), pack(call, part, [{**TWO[0], "weight_grams": 1}, TWO[1]])

    assert same[0] == 200
    assert (other[0], other[1]["code"]) == (409, "labelled")


def test_an_item_says_how_large_it_is_and_a_parcel_adds_it_up(oms: World, call: Gateway) -> None:
    sides = {"length_mm": 120, "width_mm": 90, "height_mm": 100}

    for sku in ("MUG", "TEE"):
        status, stored = call("catalog", f"PUT /v1/items/{sku}", {"name": sku, **sides})
        assert (status, {name: stored[name] for name in sides}) == (200, sides)

    (parcel,) = parcels(call, at_the_node(oms, steps=2))["parcels"]
    assert (parcel["length_mm"], parcel["width_mm"], parcel["height_mm"]) == (120, 100, 270)


def test_a_carrier_service_names_an_integration_that_there_is(call: Gateway) -> None:
    service = {
        "name": "PAC",
        "carrier": "Correios",
        "countries": ["BR"],
        "currency": "BRL",
        "bands": [{"up_to_km": 100, "days": 2, "cost": "10.00"}],
    }
    url = "PUT /v1/carrier-services/pac"

    assert call("catalog", url, service)[1]["labels_by"] == ""
    assert call("catalog", url, {**service, "labels_by": "simulator"})[0] == 200
    status, problem = call("catalog", url, {**service, "labels_by": "pigeons"})
    assert (status, problem["code"]) == (422, "literal_error")
