"""However large an order is, and however many ways its lines go, its item holds why."""

from dataclasses import replace

import pytest

from oms.kernel.encoding import to_json
from oms.kernel.errors import Backordered
from oms.orders import sourcing
from oms.orders.model import Method, Order
from oms.orders.routing import decide, look
from oms.routing.evidence import EXPLAINED_WAYS, NAMED_CANDIDATES, NAMED_IN_A_REASON
from oms.routing.policies import BuiltIn
from tests.integration.world import SP, World
from tests.samples import CAUSE, content, line

STORES = 40


def brought(oms: World) -> Order:
    """Each line of it is carried to another store."""
    nodes = [replace(SP, id=f"store-{number:02}", pickup="any") for number in range(STORES)]
    for node in nodes:
        oms.catalog.put_node(node)
        oms.receive("MUG", 1, node)
    lines = [
        replace(line("MUG", line_id=f"l{number}"), method=Method.SHIP_TO_STORE, pickup_node=node.id)
        for number, node in enumerate(nodes)
    ]
    return oms.capture(content(*lines))


def test_of_many_ways_that_lines_go_some_are_explained(oms: World) -> None:
    order = brought(oms)
    units = {each.line_id: 1 for each in order.content.lines}
    seen = look(order, units, oms.stock, oms.catalog, BuiltIn(), CAUSE.at)
    decision = decide(order, seen, CAUSE.at)
    assert not decision.left
    assert len(decision.evidence.also) == EXPLAINED_WAYS - 1
    assert decision.reason.endswith(f"; {STORES - NAMED_IN_A_REASON} more")
    assert len(to_json(decision.evidence)) < 100 * NAMED_CANDIDATES * EXPLAINED_WAYS


def test_of_many_skus_that_lack_some_are_named(oms: World) -> None:
    order = oms.capture(content(*(line(f"SKU-{number:03}") for number in range(100))))
    with pytest.raises(Backordered) as refusal:
        sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, BuiltIn(), CAUSE)
    assert refusal.value.detail.endswith("SKU-007, 92 more")
