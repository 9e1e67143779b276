"""docs/routing.md says what happens: its example is put, its orders sourced, its answer given."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oms.aws.sourcing_policy_store import SourcingPolicyStore
from oms.catalog.model import Node
from oms.kernel.clock import utc_now
from oms.kernel.errors import Backordered
from oms.orders import sourcing
from oms.orders.model import Content, Order
from tests.integration.gateway import Gateway, gateway
from tests.integration.world import World
from tests.samples import CAUSE, content, line

GUIDE = (Path(__file__).parents[3] / "docs" / "routing.md").read_text(encoding="utf-8")
POLICY, DECISION = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", GUIDE, re.S))
PLACES = {
    "paulista": (-23.565, -46.655),
    "pinheiros": (-23.56, -46.71),
    "cajamar": (-23.35, -46.88),
    "betim": (-19.97, -44.2),
}


def table(header: str) -> list[list[str]]:
    rows = GUIDE[GUIDE.index(header) :].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


STOCK = table("| node | kind |")
ORDERS = table("| the order |")


@pytest.fixture
def api(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    for known in oms.catalog.nodes():
        oms.catalog.put_node(replace(known, active=False))
    for quoted, kind, _, mugs, tees in STOCK:
        name = quoted.strip("`")
        latitude, longitude = PLACES[name]
        node = Node(name, name, kind, "BR", "", "", "", latitude, longitude)
        oms.catalog.put_node(node)
        for sku, units in (("MUG", mugs), ("TEE", tees)):
            if int(units):
                oms.receive(sku, int(units), node)
    with gateway(monkeypatch) as call:
        status, answer = call("catalog", "PUT /v1/sourcing-policies/web", POLICY)
        assert status == 200, answer
        yield call


def units(text: str) -> list[tuple[int, str]]:
    return [(int(units), sku) for units, sku in re.findall(r"(\d+) ([A-Z]{3})", text)]


def wanted(text: str) -> Content:
    lines = (line(sku, count) for count, sku in units(text))
    tags = tuple(re.findall(r"tagged `(\w+)`", text))
    return replace(content(*lines), tags=tags)


def sourced(oms: World, text: str) -> Order:
    order = oms.capture(wanted(text))
    policies = SourcingPolicyStore(oms.client, "catalog")
    cause = replace(CAUSE, at=utc_now())
    return sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, policies, cause)


def outcome(order: Order) -> str:
    counts = zip(order.content.lines, order.progress.counts, strict=True)
    came = [f"{one.quantity} {one.sku} from `{one.node}`" for one in order.progress.allocations]
    waits = [f"{one.backordered} {line.sku} backordered" for line, one in counts if one.backordered]
    return ", ".join([*came, *waits])


@pytest.mark.parametrize(("text", "expected", "rule"), ORDERS, ids=[row[0] for row in ORDERS])
def test_an_order_comes_from_where_the_guide_says(
    oms: World, api: Gateway, text: str, expected: str, rule: str
) -> None:
    if expected.startswith("nothing"):
        with pytest.raises(Backordered):
            sourced(oms, text)
        _, answer = api("orders", f"GET /v1/orders/{wanted(text).order_id}/routing")
        assert answer["unroutable"]
        assert answer["decisions"][0]["evidence"][0]["rule"] == rule.strip("`")
        return
    order = sourced(oms, text)
    assert (outcome(order), f"`{order.progress.sourcing_rule}`") == (expected, rule)


def test_the_answer_is_the_one_that_the_guide_prints(oms: World, api: Gateway) -> None:
    order = sourced(oms, "2 MUG, 1 TEE")
    _, answer = api("orders", f"GET /v1/orders/{order.order_id}/routing")
    (decision,) = answer["decisions"]
    shown: dict[str, Any] = {name: decision[name] for name in DECISION}
    assert shown == DECISION
