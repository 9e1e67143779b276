"""How deep a SKU may be sold does not count what is there: what is asked says what is done."""

from dataclasses import replace
from datetime import timedelta

import pytest

from oms.aws.policy_store import PolicyStore
from oms.inventory.policy import Oversell, SellingPolicy
from oms.inventory.selling import Asking, sellable
from oms.kernel.errors import Backordered, OutOfStock
from oms.orders import sourcing
from oms.orders.model import Order
from oms.routing.policies import BuiltIn
from tests.integration.world import World
from tests.samples import CAUSE, NOW, content, line

LATER = replace(CAUSE, at=NOW + timedelta(hours=1))


def reserve(oms: World, order: Order) -> Order:
    rule = BuiltIn()
    return sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, rule, LATER)


def said(oms: World) -> int | None:
    position = oms.stock.positions({"MUG"}, LATER.at)["MUG"]
    return sellable(position, Asking("web", LATER.at))


@pytest.fixture
def three_and_five(oms: World) -> World:
    """Three are there, and five more may be owed."""
    oms.receive("MUG", 3)
    limited = SellingPolicy(backorder=Oversell(limit=5))
    PolicyStore(oms.client, "inventory").put("MUG", limited, CAUSE)
    return oms


def test_an_order_for_what_is_there_and_what_may_be_owed_waits(three_and_five: World) -> None:
    oms = three_and_five
    assert said(oms) == 8
    with pytest.raises(Backordered):
        reserve(oms, oms.capture(content(line("MUG", 8))))
    assert said(oms) == 0


def test_an_order_for_more_is_refused(three_and_five: World) -> None:
    oms = three_and_five
    with pytest.raises(OutOfStock) as refused:
        reserve(oms, oms.capture(content(line("MUG", 9))))
    assert refused.value.detail.startswith("backorder_limit")
    assert said(oms) == 8
