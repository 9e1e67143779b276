from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from oms.aws.outbox import publications
from oms.aws.policy_store import PolicyStore
from oms.catalog.model import Item
from oms.inventory.policies import set_policy
from oms.inventory.policy import Oversell, SellingPolicy
from oms.inventory.policy_contract import PolicyDocument, policy_view
from oms.kernel.errors import Conflict, Invalid, VersionConflict
from tests.integration.world import World
from tests.samples import CAUSE, NOW

MUG = Item("MUG", "The MUG")
CHEESE = Item("CHEESE", "Cheese by weight", scale=3)
TOMORROW = NOW + timedelta(days=1)


def put(oms: World, document: dict[str, Any], item: Item = MUG) -> SellingPolicy:
    policies = PolicyStore(oms.client, "inventory")
    read = PolicyDocument.model_validate(document)
    return set_policy(item, read, policies, oms.catalog, CAUSE)


def of(oms: World, sku: str = "MUG") -> SellingPolicy:
    return oms.stock.positions({sku}, NOW)[sku].policy


def faults(oms: World, document: dict[str, Any], item: Item = MUG) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        put(oms, document, item)
    return {fault.path: fault.code for fault in refused.value.faults}


def test_without_a_policy_backorders_have_no_limit(oms: World) -> None:
    assert of(oms) == SellingPolicy()
    assert PolicyStore(oms.client, "inventory").policy("MUG").backorder == Oversell()


def test_a_policy_is_found_with_the_balances(oms: World) -> None:
    written = put(
        oms,
        {
            "backorder": {"limit": 10, "until": "2026-06-01T00:00:00Z", "channels": {"web": 4}},
            "held_back": {"web": 2},
            "not_sold_at": ["sp-dc"],
            "take_back": True,
        },
    )
    assert written.version == 1
    assert of(oms) == written
    assert written.backorder is not None
    assert (written.backorder.limit, written.backorder.channels) == (10, {"web": 4})


def test_a_backorder_that_is_not_allowed_stays_so_when_it_is_read(oms: World) -> None:
    put(oms, {"backorder": None})
    assert of(oms).backorder is None


def test_quantities_are_in_the_items_scale(oms: World) -> None:
    written = put(oms, {"backorder": {"limit": 1.25}}, CHEESE)
    assert written.backorder is not None
    assert written.backorder.limit == 1250
    shown = policy_view(CHEESE, written).model_dump(mode="json")
    assert shown["backorder"]["limit"] == 1.25


def test_every_change_is_a_version(oms: World) -> None:
    put(oms, {"version": 0})
    assert put(oms, {"version": 1, "take_back": True}).version == 2
    assert put(oms, {}).version == 3


def test_a_change_of_another_version_than_the_present_one_is_refused(oms: World) -> None:
    put(oms, {})
    with pytest.raises(Conflict) as refused:
        put(oms, {"version": 0, "backorder": None})
    assert refused.value.problem_code == "policy_changed"
    assert of(oms).backorder == Oversell()


def test_of_two_changes_at_one_moment_one_is_refused(oms: World) -> None:
    policies = PolicyStore(oms.client, "inventory")
    seen = policies.policy("MUG")
    policies.put("MUG", replace(seen, take_back=True), CAUSE)
    with pytest.raises(VersionConflict):
        policies.put("MUG", replace(seen, tracked=False), CAUSE)
    assert of(oms).take_back


def test_a_changed_policy_is_told(oms: World) -> None:
    put(oms, {})
    item = oms.client.get_item(
        TableName="inventory", Key={"pk": {"S": "MUG"}, "sk": {"S": "policy"}}
    )
    (told,) = publications({"dynamodb": {"NewImage": item["Item"]}})
    assert told.envelope.type == "selling_policy_changed"
    assert told.envelope.data == {"skus": ["MUG"]}


@pytest.mark.parametrize(
    ("document", "path", "code"),
    [
        ({"backorder": {"until": "2026-05-04T12:00:00Z"}}, "backorder.until", "in_the_past"),
        (
            {"backorder": {"limit": 3, "channels": {"web": 4}}},
            "backorder.channels.web",
            "limit_above_total",
        ),
        (
            {"backorder": {"channels": {"tv": 4}}},
            "backorder.channels.tv",
            "unknown_channel",
        ),
        ({"held_back": {"tv": 4}}, "held_back.tv", "unknown_channel"),
        ({"not_sold_at": ["moon"]}, "not_sold_at", "unknown_node"),
        ({"preorder": {}}, "available_from", "available_from_missing"),
        (
            {
                "preorder": {"until": "2026-07-02T00:00:00Z"},
                "available_from": "2026-07-01T00:00:00Z",
            },
            "preorder.until",
            "until_after_available",
        ),
        ({"tracked": False, "take_back": True}, "tracked", "not_tracked"),
        ({"tracked": False, "backorder": {"limit": 1}}, "tracked", "not_tracked"),
        ({"held_back": {"web": 0.5}}, "held_back.web", "too_many_decimals"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(
    oms: World, document: dict[str, Any], path: str, code: str
) -> None:
    assert faults(oms, document) == {path: code}
    assert of(oms) == SellingPolicy()


def test_every_fault_is_named_at_once(oms: World) -> None:
    found = faults(oms, {"preorder": {}, "held_back": {"tv": 1}, "not_sold_at": ["moon"]})
    assert sorted(found.values()) == ["available_from_missing", "unknown_channel", "unknown_node"]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"available_from": "2026-07-01T00:00:00"}, "timezone_aware"),
        ({"backorder": {"until": "2026-07-01T00:00:00"}}, "timezone_aware"),
        ({"backorder": {"limit": -1}}, "greater_than_equal"),
        ({"backordr": None}, "extra_forbidden"),
    ],
)
def test_a_policy_that_cannot_be_read_is_refused(document: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        PolicyDocument.model_validate(document)
    assert [fault["type"] for fault in refused.value.errors()] == [code]
