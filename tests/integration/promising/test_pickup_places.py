"""Places to collect a basket at, over HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from oms.aws.policy_store import PolicyStore
from oms.catalog.model import SwitchedOff
from oms.inventory.policy import SellingPolicy
from tests.integration.gateway import Gateway, gateway
from tests.integration.world import RJ, SP, World, world
from tests.samples import CAUSE


@pytest.fixture
def oms() -> Iterator[World]:
    with world() as made:
        made.catalog.put_node(replace(RJ, pickup="any"))
        yield made


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with gateway(monkeypatch) as call:
        yield call


def places(api: Gateway, **query: str) -> list[Any]:
    asked = {"country": "BR", "region": "RJ", "city": "Rio de Janeiro", **query}
    status, answer = api("promising", "GET /v1/pickup-places", query=asked)
    assert status == 200, answer
    found: list[Any] = answer["places"]
    return found


def test_a_basket_is_collected_from_own_stock_or_after_it_was_brought(
    oms: World, api: Gateway
) -> None:
    oms.receive("MUG", 2, RJ)
    oms.receive("MUG", 3, SP)
    [own] = places(api, sku="MUG:2")
    assert (own["node"], own["supplied_by"], own["distance_by"]) == (
        "rj-store",
        "own_stock",
        "same city",
    )
    [brought] = places(api, sku="MUG:2,MUG")
    assert (brought["supplied_by"], brought["brought_from"]) == ("transfer", ["sp-dc"])
    assert own["brought_from"] == []
    assert places(api, sku="MUG:6") == []
    assert places(api, sku="MUG,TEE") == []


def test_what_is_for_others_is_not_there(oms: World, api: Gateway) -> None:
    oms.receive("MUG", 2, RJ)
    policies = PolicyStore(oms.client, "inventory")
    policies.put("MUG", SellingPolicy(held_back={"web": 1}), CAUSE)
    assert places(api, sku="MUG:2", channel="web") == []
    assert len(places(api, sku="MUG:2")) == 1


def test_without_a_basket_every_place_in_the_radius(oms: World, api: Gateway) -> None:
    near = {"latitude": "-22.9", "longitude": "-43.2", "sort": "-distance,name"}
    [place] = places(api, radius_km="20", **near)
    assert place["distance_km"] == 9
    assert places(api, radius_km="5", **near) == []


def test_a_place_that_takes_no_work_is_none(oms: World, api: Gateway) -> None:
    oms.catalog.switch(RJ.id, SwitchedOff(CAUSE.at))
    assert places(api) == []


def test_no_more_places_than_are_asked_for(oms: World, api: Gateway) -> None:
    for number in range(3):
        oms.catalog.put_node(replace(RJ, id=f"kiosk-{number}", pickup="local"))
    assert [each["node"] for each in places(api, limit="2")] == ["kiosk-0", "kiosk-1"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"sku": "NONE:1"}, "unknown_sku"),
        ({"sku": "MUG:0"}, "invalid_quantity"),
        ({"sku": "MUG:0.5"}, ""),
        ({"channel": "none"}, "unknown_channel"),
        ({"sort": "colour"}, "unknown_field"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    oms: World, api: Gateway, query: dict[str, str], code: str
) -> None:
    status, answer = api("promising", "GET /v1/pickup-places", query={"country": "BR", **query})
    assert status == 422
    assert code in str(answer)
