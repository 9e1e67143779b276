"""An order comes from the nodes it was promised from, as long as they have it."""

from dataclasses import replace

from oms.catalog.model import Node
from oms.orders import events as happened
from oms.orders.model import Allocation
from oms.routing.model import Available
from oms.routing.promised import from_promised_nodes
from tests.promised import ARRIVES, part, promised
from tests.samples import captured, given

SP = Node("sp-dc", "Cajamar", "warehouse", "BR")
RJ = replace(SP, id="rj-store")


def test_an_order_without_a_promise_is_for_the_rule() -> None:
    assert from_promised_nodes(captured(), [Available(SP, {"MUG": 9, "TEE": 9})]) is None


def test_the_promised_nodes_are_taken_when_they_have_it() -> None:
    order = promised(part(), part("TEE", 1, node="rj-store"))
    plan = from_promised_nodes(order, [Available(SP, {"MUG": 2}), Available(RJ, {"TEE": 1})])
    assert plan is not None
    assert plan.allocations == (
        Allocation("MUG", "MUG", "sp-dc", 2),
        Allocation("TEE", "TEE", "rj-store", 1),
    )
    assert (plan.rule, plan.reason) == (
        "promised_nodes",
        "it was promised from rj-store and sp-dc",
    )


def test_parts_of_one_line_at_one_node_are_one_allocation() -> None:
    order = promised(part(quantity=1), part(quantity=1, source="supply:po"), part("TEE", 1))
    plan = from_promised_nodes(order, [Available(SP, {"MUG": 2, "TEE": 1})])
    assert plan is not None
    assert [each.quantity for each in plan.allocations] == [2, 1]


def test_a_node_that_does_not_have_its_part_leaves_it_to_the_rule() -> None:
    order = promised(part(), part("TEE", 1))
    assert from_promised_nodes(order, [Available(SP, {"MUG": 1, "TEE": 1})]) is None
    assert from_promised_nodes(order, [Available(RJ, {"MUG": 9, "TEE": 9})]) is None
    assert from_promised_nodes(order, []) is None


def test_a_line_that_was_moved_comes_from_where_it_was_moved_to() -> None:
    elsewhere = (part(node="rj-store"),)
    moved = happened.PromiseMoved("MUG", ARRIVES, ARRIVES, elsewhere, "slip")
    order = given(promised(part(), part("TEE", 1)), moved)
    plan = from_promised_nodes(order, [Available(SP, {"TEE": 1}), Available(RJ, {"MUG": 2})])
    assert plan is not None
    assert {each.line_id: each.node for each in plan.allocations} == {
        "MUG": "rj-store",
        "TEE": "sp-dc",
    }
