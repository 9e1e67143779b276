"""A policy with an objective, put over the API: orders come from where it costs least."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from oms.aws.order_store import read_event
from oms.aws.sourcing_policy_store import SourcingPolicyStore
from oms.catalog.delivery import Band, CarrierService, Promising
from oms.catalog.model import Item
from oms.kernel.clock import utc_now
from oms.kernel.money import Money
from oms.orders import sourcing
from oms.orders.events import OrderSourced
from oms.orders.model import Order
from tests.integration.gateway import Gateway
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, content, line

RULE: dict[str, Any] = {"id": "cheapest", "objective": {}, "otherwise": ["backorder"]}


@pytest.fixture(autouse=True)
def _carriers(oms: World) -> None:
    """Near by a parcel costs 5.00, far away 9.00; a kilogram begun 1.00."""
    bands = (Band(100, 1, 500, 100), Band(1000, 4, 900, 100))
    oms.catalog.put_carrier_service(
        CarrierService("slow", "Slow", "Correio", ("BR",), bands, "BRL")
    )
    for sku in ("MUG", "TEE"):
        oms.catalog.put_item(Item(sku, sku, promising=Promising(weight_grams=600)))


def reserved(oms: World, call: Gateway, rule: dict[str, Any]) -> Order:
    status, _ = call("catalog", "PUT /v1/sourcing-policies/web", {"rules": [rule]})
    assert status == 200
    order = oms.capture(content(line("MUG", 2), line("TEE")))
    policies = SourcingPolicyStore(oms.client, "catalog")
    # The policy holds from the moment it was put, by the clock of the API.
    cause = replace(CAUSE, at=utc_now() + timedelta(minutes=5))
    return sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, policies, cause)


def placed(order: Order) -> set[tuple[str, str]]:
    return {(one.sku, one.node) for one in order.progress.allocations}


def test_one_parcel_from_afar_is_cheaper_than_two(oms: World, call: Gateway) -> None:
    oms.receive("MUG", 2, SP)
    for sku in ("MUG", "TEE"):
        oms.receive(sku, 2, RJ)
    order = reserved(oms, call, RULE)
    assert placed(order) == {("MUG", "rj-store"), ("TEE", "rj-store")}
    assert order.progress.sourcing_rule == "cheapest"
    assert order.progress.sourcing_reason.startswith("rj-store costs least, about 11.30 BRL")


def test_two_parcels_are_sent_where_one_costs_more_to_handle(oms: World, call: Gateway) -> None:
    oms.catalog.put_node(replace(RJ, handling_cost=Money(100, "BRL"), line_cost=Money(900, "BRL")))
    oms.receive("MUG", 2, SP)
    for sku in ("MUG", "TEE"):
        oms.receive(sku, 2, RJ)
    order = reserved(oms, call, RULE)
    assert placed(order) == {("MUG", "sp-dc"), ("TEE", "rj-store")}


def test_its_limits_hold(oms: World, call: Gateway) -> None:
    oms.catalog.put_node(replace(RJ, handling_cost=Money(100, "BRL"), line_cost=Money(900, "BRL")))
    oms.receive("MUG", 2, SP)
    for sku in ("MUG", "TEE"):
        oms.receive(sku, 2, RJ)
    order = reserved(oms, call, {**RULE, "limits": {"max_nodes": 1}})
    assert placed(order) == {("MUG", "rj-store"), ("TEE", "rj-store")}


def test_the_evidence_names_the_rule_and_the_candidates(oms: World, call: Gateway) -> None:
    for sku in ("MUG", "TEE"):
        oms.receive(sku, 2, RJ)
        oms.receive(sku, 2, SP)
    order = reserved(oms, call, RULE)
    history = map(read_event, oms.orders.history(order.order_id))
    (sourced,) = [one for one in history if isinstance(one, OrderSourced)]
    evidence = sourced.evidence
    assert evidence is not None
    assert (evidence.policy, sourced.rule) == ("web", "cheapest")
    assert {one.node for one in evidence.candidates} == {"sp-dc", "rj-store"}
