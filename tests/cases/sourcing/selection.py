"""Cases that ask which sources give what: a peer's algorithm is a sourcing policy of ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from oms.inventory.model import Need
from oms.routing.engine import Decision
from oms.routing.filters import keeps_node_out
from oms.routing.policy import NodeFilter, RankBy, Ranker, Rule, Strategy
from oms.routing.rankers import key_of, values_of
from oms.routing.request import NodeFacts, Want
from tests.cases.availability.ledgers import outcome
from tests.cases.reading import Keys, NotUnderstoodError, number, steps_of
from tests.cases.sourcing.network import (
    Facts,
    Network,
    arranged,
    ask_in_turn,
    decide,
    demand_of,
    network_of,
    rows_of,
)
from tests.integration.world import World
from tests.samples import CAUSE, NOW

_PRIORITY = Ranker(RankBy.PRIORITY)
_NEAREST = Ranker(RankBy.DISTANCE)
_HIGHEST = Ranker(RankBy.STOCK_DEPTH, descending=True)

# What a peer calls its algorithm: the order in which sources are asked.
_ALGORITHMS: Mapping[str, tuple[Ranker, ...]] = {
    "priority": (_PRIORITY,),
    "source_priority": (_PRIORITY,),
    "distance": (_NEAREST, _PRIORITY),
    "distance_based": (_NEAREST, _PRIORITY),
    "highest_stock": (_HIGHEST, _PRIORITY),
    "prioritize_high_stock": (_HIGHEST, _PRIORITY),
    "lowest_stock": (Ranker(RankBy.STOCK_DEPTH), _PRIORITY),
    "sorting_order": (_PRIORITY,),
    "prioritize_sorting_order": (_PRIORITY,),
    "sort_order": (_PRIORITY,),
}


def _rankers(name: Any) -> tuple[Ranker, ...]:
    if name not in _ALGORITHMS:
        raise NotUnderstoodError(f"algorithm: {name!r}")
    return _ALGORITHMS[name]


def _rule(rankers: tuple[Ranker, ...], *, partial: bool, nodes: NodeFilter | None = None) -> Rule:
    return Rule(
        "case",
        nodes=nodes or NodeFilter(),
        rankers=rankers,
        strategy=Strategy.IN_ORDER,
        partial=partial,
    )


# --- sources one after the other ------------------------------------------------------------------


def source_selection(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """Every source that stocks a line has a row, in the order in which it is asked: some give
    nothing."""
    network, wants = network_of(given), demand_of(given)
    [step] = steps_of(when, frozenset({"select_sources", "source", "allocate"}))
    said = step.said()
    rankers = _rankers(said.first("algorithm", "strategy", default="priority"))
    ask_in_turn(network, said.first("order", "sources", default=given.first("order")) or ())
    said.done()
    decision = decide(network, wants, _rule(rankers, partial=True))
    facts = {
        "allocations": arranged(
            _all_rows(network, decision, wants, rankers), then.value("allocations")
        ),
        "shippable": not decision.left,
        "accepted": not decision.left,
    }
    if after := step.more.first("then", "and"):
        if after not in ("ship all", "ship_all", "ship", "ship everything"):
            raise NotUnderstoodError(f"then: {after!r}")
        facts["after_shipment"] = _shipped(network, decision, wants, oms, then)
    step.more.done()
    return facts


def _all_rows(
    network: Network, decision: Decision, wants: Sequence[Want], rankers: tuple[Ranker, ...]
) -> list[Facts]:
    given = {(one.line_id, one.node): one.quantity for one in decision.allocations}
    return [
        {
            "source": facts.node.id,
            "sku": want.sku,
            "qty": number(given.get((want.line_id, facts.node.id), 0)),
            "available": number(facts.units[want.sku]),
        }
        for want in wants
        for facts in _in_order(network.candidates(), rankers, [want])
        if want.sku in facts.units
    ]


def _in_order(
    candidates: Sequence[NodeFacts], rankers: tuple[Ranker, ...], wants: Sequence[Want]
) -> list[NodeFacts]:
    def place(facts: NodeFacts) -> tuple[Any, str]:
        return key_of(rankers, values_of(rankers, facts, wants, NOW.date())), facts.node.id

    return sorted(candidates, key=place)


def candidates(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """What could be asked: by source in the order that is told, and what it has of each SKU."""
    network = network_of(given)
    [step] = steps_of(when, frozenset({"list_in_stock_candidates", "list_candidates"}))
    said = step.said()
    skus = [str(sku) for sku in said.first("skus", "sku")]
    order = [str(code) for code in said.first("order", "sources", default=[*network.nodes])]
    said.done()
    step.more.done()
    nodes = NodeFilter(nodes=tuple(order))
    ask_in_turn(network, order)
    listed = [facts for facts in network.candidates() if not keeps_node_out(nodes, facts)]
    rows = [
        {"source": facts.node.id, "sku": sku, "qty": number(facts.units[sku])}
        for facts in _in_order(listed, (_PRIORITY,), [])
        for sku in skus
        if sku in facts.units
    ]
    return {"candidates": rows}


def _shipped(
    network: Network, decision: Decision, wants: Sequence[Want], oms: World, then: Keys
) -> Facts:
    """The same in our stock: reserved where it was decided, and shipped from there."""
    _stocked(network, oms)
    needs = [Need(one.sku, one.node, one.quantity) for one in decision.allocations]
    oms.stock.transact(oms.stock.reserve(needs, "order", CAUSE))
    oms.stock.transact(oms.stock.ship(needs, "order", CAUSE))
    skus = list(dict.fromkeys(want.sku for want in wants))
    left = {
        sku: {each.node: each for each in oms.stock.balances_of(sku, consistent=True)}
        for sku in skus
    }
    at = {
        node: {sku: number(left[sku][node].on_hand) for sku in skus if node in left[sku]}
        for node in network.nodes
    }
    salable = {
        sku: number(sum(max(0, each.available) for each in left[sku].values())) for sku in skus
    }
    if len(skus) > 1:
        return {"qty": at, "salable": salable}
    [sku] = skus
    return {
        "qty": {node: there[sku] for node, there in at.items() if sku in there},
        "salable": salable[sku],
    }


def _stocked(network: Network, oms: World) -> None:
    for node in network.nodes.values():
        oms.catalog.put_node(node)
        for sku, stock in network.stock[node.id].items():
            if stock.on_hand:
                oms.receive(sku, stock.on_hand, node)


# --- all or nothing -------------------------------------------------------------------------------


def strategy(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """All that is wanted, from sources in the order of the strategy, or nothing."""
    network, wants = network_of(given), demand_of(given)
    [step] = steps_of(when, frozenset({"allocate", "create_order", "place_order"}))
    said = step.said()
    rankers = _rankers(
        said.first("strategy", default=given.first("strategy", default="highest_stock"))
    )
    rankers = (*_asked_first(network, said, given), *rankers)
    restricted = said.first("destination_restriction", "check_shipping_zones", default=True)
    if not said.first("check_reservations", "reservations_enabled", default=True):
        _no_baskets(network)
    said.done()
    step.more.done()
    unserved = tuple(sorted(network.unserved)) if restricted else ()
    nodes = NodeFilter(without_nodes=unserved)
    decision = decide(network, wants, _rule(rankers, partial=False, nodes=nodes))
    short = decision.left and "insufficient_stock"
    rows = rows_of(network, decision, wants)
    before, after = _reserved(network, decision, oms)
    return {
        **outcome(short or "", then),
        "allocations": arranged(rows, then.value("allocations")),
        "short_skus": [want.sku for want in wants if want.line_id in decision.lacking],
        "on_hand_unchanged": before == after,
        "used": [row["source"] for row in rows],
        "within_what_is_free": all(row["qty"] <= row["available"] for row in rows),
    }


def _asked_first(network: Network, said: Keys, given: Keys) -> tuple[Ranker, ...]:
    """Where the customer collects is the nearest, whatever comes after it: what it lacks is brought
    there. The sources stand in the order that is told, when one is."""
    order = said.first("order", "sorting_order", default=given.first("order", "sorting_order"))
    ask_in_turn(network, order or ())
    first = said.first("pickup_location", "collection_point", "pickup", "first_source")
    if first is None:
        return ()
    network.distances = {code: 0.0 if code == first else 1.0 for code in network.nodes}
    return (_NEAREST,)


def _no_baskets(network: Network) -> None:
    """A shop that does not hold anything for baskets."""
    for stock in network.stock.values():
        for held in stock.values():
            held.in_baskets = 0


def _reserved(network: Network, decision: Decision, oms: World) -> tuple[Facts, Facts]:
    """On hand before and after our stock keeps what was decided."""
    _stocked(network, oms)
    before = _on_hand(network, oms)
    needs = [Need(one.sku, one.node, one.quantity) for one in decision.allocations]
    if needs:
        oms.stock.transact(oms.stock.reserve(needs, "order", CAUSE))
    return before, _on_hand(network, oms)


def _on_hand(network: Network, oms: World) -> Facts:
    return {
        sku: {each.node: each.on_hand for each in oms.stock.balances_of(sku, consistent=True)}
        for sku in network.skus()
    }
