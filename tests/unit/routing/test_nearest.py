from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.catalog.model import Node
from oms.orders.model import Line
from oms.routing.engine import Decision, route
from oms.routing.model import Available, distance
from oms.routing.policy import BUILT_IN
from oms.routing.request import NodeFacts, RoutingRequest, Want
from tests.samples import NOW, content, line

HOME = content().shipping_address
SP = Node("sp-dc", "Cajamar", "warehouse", "BR", "SP", "Cajamar", "", -23.35, -46.88)
RJ = Node("rj-store", "Ipanema", "store", "BR", "RJ", "Rio de Janeiro", "", -22.98, -43.2)
PE = Node("pe-dc", "Recife", "warehouse", "BR", "PE", "Recife", "", -8.05, -34.9)


def plan(*candidates: Available, lines: tuple[Line, ...] = ()) -> Decision:
    wanted = lines or (line("MUG", 2), line("TEE", 1))
    wants = tuple(Want(one.line_id, one.sku, one.quantity) for one in wanted)
    facts = [NodeFacts(one.node, one.units, distance(one.node, HOME)) for one in candidates]
    return route(BUILT_IN, RoutingRequest("ord_1", "web", "BRL", 0, HOME, wants, NOW), facts)


def sourced(*candidates: Available, lines: tuple[Line, ...] = ()) -> list[tuple[str, str, int]]:
    found = plan(*candidates, lines=lines)
    assert not found.left
    return [(entry.line_id, entry.node, entry.quantity) for entry in found.allocations]


def test_the_nearest_node_that_has_everything_ships_it_all() -> None:
    everything = {"MUG": 2, "TEE": 1}
    assert sourced(Available(PE, everything), Available(SP, everything)) == [
        ("MUG", "sp-dc", 2),
        ("TEE", "sp-dc", 1),
    ]


def test_a_far_node_that_has_everything_is_preferred_to_a_near_one_that_has_not() -> None:
    assert {
        node
        for _, node, _ in sourced(Available(SP, {"MUG": 2}), Available(PE, {"MUG": 2, "TEE": 1}))
    } == {"pe-dc"}


def test_when_no_node_has_everything_the_nearest_of_the_fewest_share_it() -> None:
    assert sourced(
        Available(SP, {"MUG": 2}), Available(RJ, {"TEE": 1}), Available(PE, {"TEE": 1})
    ) == [("MUG", "sp-dc", 2), ("TEE", "rj-store", 1)]


def test_a_line_is_split_only_where_it_must_be() -> None:
    wanted = (line("MUG", 5),)
    assert sourced(Available(SP, {"MUG": 3}), Available(RJ, {"MUG": 4}), lines=wanted) == [
        ("MUG", "sp-dc", 3),
        ("MUG", "rj-store", 2),
    ]


def test_two_lines_of_one_sku_share_what_a_node_has() -> None:
    wanted = (line("MUG", 2), line("MUG", 2, line_id="gift"))
    found = plan(Available(SP, {"MUG": 3}), lines=wanted)
    assert not found.allocations
    assert found.lacking == ("MUG", "gift")


def test_what_all_nodes_together_lack_is_named() -> None:
    found = plan(Available(SP, {"MUG": 1}), Available(RJ, {"TEE": 9}))
    assert (found.lacking, found.reason) == (("MUG",), "no set of nodes has enough of MUG")


def test_the_reason_is_recorded_in_words() -> None:
    found = plan(Available(SP, {"MUG": 2, "TEE": 1}))
    assert not found.left
    assert found.reason == "sp-dc is the nearest of 1 that can ship all of it (33 km)"


def test_many_nodes_are_needed_when_each_has_one_unit() -> None:
    nodes = [Available(replace(SP, id=f"n{number}"), {"MUG": 1}) for number in range(6)]
    assert len(sourced(*nodes, lines=(line("MUG", 6),))) == 6


def test_without_coordinates_the_place_decides() -> None:
    bare = replace(HOME, latitude=None, longitude=None)
    places = [
        replace(SP, postal_code=bare.postal_code),
        replace(SP, city=bare.city),
        SP,
        RJ,
        replace(SP, country="PT"),
    ]
    kilometres = [distance(place, bare).kilometres for place in places]
    assert kilometres == sorted(kilometres)
    assert str(distance(SP, bare)) == "same region"


@pytest.mark.parametrize("swap", [True, False])
def test_equally_far_nodes_are_told_apart_by_their_id(swap: bool) -> None:
    twins = [Available(replace(SP, id=name), {"MUG": 2, "TEE": 1}) for name in ("b", "a")]
    assert {node for _, node, _ in sourced(*(twins[::-1] if swap else twins))} == {"a"}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=8))
def test_any_plan_gives_every_unit_once_from_stock_that_is_there_in_any_order(
    stock: list[tuple[int, int]],
) -> None:
    candidates = [
        Available(replace(SP, id=f"n{number}", latitude=-20.0 - number), {"MUG": mugs, "TEE": tees})
        for number, (mugs, tees) in enumerate(stock)
    ]
    found = plan(*candidates, lines=(line("MUG", 4), line("TEE", 3)))
    assert found == plan(*reversed(candidates), lines=(line("MUG", 4), line("TEE", 3)))
    if found.left:
        assert sum(mugs for mugs, _ in stock) < 4 or sum(tees for _, tees in stock) < 3
        return
    for sku, wanted in (("MUG", 4), ("TEE", 3)):
        given_units = [entry for entry in found.allocations if entry.sku == sku]
        assert sum(entry.quantity for entry in given_units) == wanted
        for entry in given_units:
            node = next(one for one in candidates if one.node.id == entry.node)
            assert 0 < entry.quantity <= node.units[sku]
