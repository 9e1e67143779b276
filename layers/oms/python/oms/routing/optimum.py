"""How far a plan can be from the cheapest, and the search that closes the gap. Pure.

Every SKU is given a price. A node then earns the prices of what it ships, less what that costs it;
whatever the prices, no plan costs less than all prices together, less what the nodes that may ship
can earn (Lagrangian relaxation of what is wanted). Prices are moved where they ask too little or
too much (subgradient steps). What a node would add to the bound rules it out, or it has to be in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from oms.routing.node_sets import NodeSets, Search, improved, starts

_STEPS = 40
_PATIENCE = 4

# Nodes that are tried in the place of others, of those that the bound leaves.
_TRIED = 48
_LEFT_OUT = 12

# Sets of more nodes are not searched for: whoever needs so many is content with a good plan.
_LARGEST = 100

# Offers that the steps of the bound look at, in all.
_BOUND_WORK = 1_000_000
_TOLERANCE = 1e-6


@dataclass(slots=True)
class _Bound:
    """``burdens``: what each of ``nodes`` costs less what it earns, least first."""

    least: float
    nodes: list[int]
    burdens: list[float]


def prove(search: Search) -> bool:
    """Find what is cheaper, or know that nothing is; whether that was possible within the bound."""
    sets = search.sets
    found = search.best if search.best is not None else _any_cover(search)
    if found is None:
        return False
    improved(found, search)
    bound = _bound(search)
    if bound.least > search.worth + _TOLERANCE:
        return not sets.gave_up
    _look_elsewhere(search, bound.nodes[:_TRIED])
    done = _Branches(search, bound).all_examined()
    return done and not sets.gave_up


def _look_elsewhere(search: Search, among: Sequence[int]) -> None:
    """Plans without one of the nodes of the best, each in turn, improved in their own right."""
    sets = search.sets
    assert search.best is not None
    for node in list(sets.members(search.best))[:_LEFT_OUT]:
        if search.examined > search.most // 2 or search.spent:
            return
        for start in starts(sets, 1 << node):
            improved(start, search, among)


def _any_cover(search: Search) -> int | None:
    _cover(search, 0, 0)
    return search.best


def _cover(search: Search, chosen: int, barred: int) -> bool:
    """Find any set that can ship everything: of whatever is missing, one of those that have it must
    be in. ``barred`` were tried in vain. True when one was found."""
    sets = search.sets
    search.examined += 1
    if search.spent or chosen.bit_count() > _LARGEST:
        return False
    short = sets.short_of(chosen)
    missing = [sku for sku, units in enumerate(short) if units]
    if chosen and not missing:
        search.examine(chosen)
    if search.best is not None:
        return True
    room = sets.max_nodes - chosen.bit_count()
    out = chosen | barred
    able = {
        sku: [offer for offer in sets.offers[sku] if not out >> offer.node & 1] for sku in missing
    }
    for sku, offers in able.items():
        most = sorted((offer.units for offer in offers), reverse=True)[:room]
        if sum(most) < short[sku]:
            return False
    if room == 0:
        return False
    scarce = min(missing, key=lambda sku: (len(able[sku]), sku), default=None)
    nodes = (
        [node for node in range(len(sets.nodes)) if not out >> node & 1]
        if scarce is None
        else [offer.node for offer in able[scarce]]
    )
    gains = {
        node: sum(
            min(offer.units, short[sku]) / sets.wanted[sku]
            for sku, offer in sets.shelves[node].items()
        )
        for node in nodes
    }
    for node in sorted(nodes, key=lambda node: (-gains[node], node)):
        if _cover(search, chosen | 1 << node, barred):
            return True
        barred |= 1 << node
    return False


@dataclass(frozen=True, slots=True)
class _Row:
    """A node: ``shelf`` has of each SKU what all of it costs, and which share of the want it is."""

    node: int
    fixed: float
    shelf: tuple[tuple[int, float, float], ...]
    limit: int | None

    def earning(self, prices: Sequence[float]) -> list[tuple[float, int, float]]:
        """The SKUs that it earns something with, the most first where it takes on few."""
        earning = [
            (gain, sku, share)
            for sku, whole, share in self.shelf
            if (gain := whole - share * prices[sku]) < 0
        ]
        return earning if self.limit is None else sorted(earning)[: self.limit]


def _rows(sets: NodeSets) -> list[_Row]:
    return [
        _Row(
            node,
            float(sets.fixed[node]),
            tuple((sku, float(o.whole), o.units / sets.wanted[sku]) for sku, o in shelf.items()),
            sets.lines[node] if sets.limited >> node & 1 else None,
        )
        for node, shelf in enumerate(sets.shelves)
    ]


def _bound(search: Search) -> _Bound:
    """The best of some steps. Nodes that no better plan can have in it are left out on the way."""
    sets = search.sets
    rows, prices = _rows(sets), _first_prices(search)
    best = _Bound(-inf, [], [])
    scale, waited = 1.0, 0
    size = sum(len(row.shelf) for row in rows)
    for _ in range(max(1, min(_STEPS, _BOUND_WORK // size))):
        earnings = [row.earning(prices) for row in rows]
        burdens = sorted(
            (row.fixed + sum(gain for gain, _, _ in earning), index)
            for index, (row, earning) in enumerate(zip(rows, earnings, strict=True))
        )
        into = _into(burdens, sets.max_nodes)
        least = sum(prices) + sum(burden for burden, _ in into)
        over = [1.0] * len(prices)
        for _, index in into:
            for _, sku, share in earnings[index]:
                over[sku] -= share
        if least > best.least:
            best = _Bound(
                least, [rows[i].node for _, i in burdens], [burden for burden, _ in burdens]
            )
            waited = 0
            search.examine(sum(1 << rows[index].node for _, index in into))
            kept = _kept(burdens, into, least, sets.max_nodes, search.worth)
            rows = [rows[index] for index in kept]
        else:
            waited += 1
        if waited == _PATIENCE:
            scale, waited = scale / 2, 0
        length = sum(each * each for each in over)
        if length < _TOLERANCE or best.least > search.worth + _TOLERANCE or not rows:
            break
        stride = scale * (1.05 * search.cost - least) / length
        prices = [price + stride * each for price, each in zip(prices, over, strict=True)]
    return best


def _into(burdens: Sequence[tuple[float, int]], most: int) -> Sequence[tuple[float, int]]:
    """The nodes that the bound takes in: those that earn more than they cost, one at the least."""
    earning = sum(1 for burden, _ in burdens[:most] if burden < 0)
    return burdens[: max(1, earning)]


def _kept(
    burdens: Sequence[tuple[float, int]],
    into: Sequence[tuple[float, int]],
    least: float,
    most: int,
    worth: float,
) -> list[int]:
    """Without those that would lift the bound above what is worth it: each would come in addition,
    or in the place of the last one where no more may come."""
    last = into[-1][0]
    in_its_place = last if len(into) == most or last >= 0 else 0.0
    among = len(into)
    return sorted(
        index
        for place, (burden, index) in enumerate(burdens)
        if place < among or least - in_its_place + burden <= worth + _TOLERANCE
    )


def _first_prices(search: Search) -> list[float]:
    """Of each SKU what it costs in the best plan, with its part of what the nodes cost."""
    sets = search.sets
    assert search.best is not None
    alone = [sets.served_alone(sku, search.best) for sku in range(len(sets.skus))]
    fixed = search.cost - sum(alone)
    return [cost + fixed / len(alone) for cost in alone]


class _Branches:
    """Every set of the nodes that are left, the most promising first; whatever the bound or the
    cheapest way to complete a set puts above what is worth it is not looked into."""

    def __init__(self, search: Search, bound: _Bound) -> None:
        self.search = search
        sets = search.sets
        offset = sum(b for b, _ in _into([(b, 0) for b in bound.burdens], sets.max_nodes))
        self.prices = bound.least - offset
        kept = _kept(
            [(burden, index) for index, burden in enumerate(bound.burdens)],
            _into([(burden, 0) for burden in bound.burdens], sets.max_nodes),
            bound.least,
            sets.max_nodes,
            search.worth,
        )
        self.nodes = [bound.nodes[index] for index in kept]
        self.burdens = [bound.burdens[index] for index in kept]
        self.rates = self._rates()
        self.largest = [
            sorted(((place, units) for place, units, _, _ in rates), key=lambda one: -one[1])
            for rates in self.rates
        ]
        self.earned = [0.0]
        for burden in self.burdens:
            self.earned.append(self.earned[-1] + min(0.0, burden))

    def all_examined(self) -> bool:
        """False when the search had to end before."""
        return self._look(0, (), 0, self.prices, 0, self.search.sets.wanted)

    def _look(
        self,
        at: int,
        places: tuple[int, ...],
        chosen: int,
        sum_of_burdens: float,
        fixed: int,
        short: Sequence[int],
    ) -> bool:
        """``places`` of the nodes that are ``chosen``, which are still ``short`` of so much; those
        from ``at`` on may be."""
        search, sets = self.search, self.search.sets
        room = sets.max_nodes - len(places)
        lacking = [sku for sku, units in enumerate(short) if units]
        if room == 0 or not all(self._suffice(sku, short[sku], at, room) for sku in lacking):
            return True
        for index in range(at, len(self.nodes)):
            limit = search.worth + _TOLERANCE
            # Nodes come with the least burden first: without this one the bound only rises.
            earned = self.earned[min(index + room, len(self.nodes))] - self.earned[index]
            least = sum_of_burdens + earned
            if not places and earned == 0.0:
                least = sum_of_burdens + self.burdens[index]
            if least > limit:
                return True
            node, burden = self.nodes[index], self.burdens[index]
            shelf = sets.shelves[node]
            if room == 1 and not all(
                sku in shelf and shelf[sku].units >= short[sku] for sku in lacking
            ):
                continue
            if search.spent or len(places) == _LARGEST:
                return False
            search.examined += 1
            if fixed + self._completed(places, index) > limit:
                return True
            with_it = sum_of_burdens + burden
            after = self.earned[min(index + room, len(self.nodes))] - self.earned[index + 1]
            if with_it + after > limit:
                # The bound of every later node is no less, unless this one is not worth having.
                if burden >= 0:
                    return True
                continue
            left = tuple(
                max(0, units - shelf[sku].units) if units and sku in shelf else units
                for sku, units in enumerate(short)
            )
            if not any(left):
                search.examine(chosen | 1 << node)
            if not self._look(
                index + 1,
                (*places, index),
                chosen | 1 << node,
                with_it,
                fixed + sets.fixed[node],
                left,
            ):
                return False
        return True

    def _suffice(self, sku: int, units: int, at: int, room: int) -> bool:
        """Whether as many nodes as there is room for can have so much, of those from ``at`` on."""
        for place, there in self.largest[sku]:
            if place >= at:
                units -= there
                room -= 1
                if units <= 0:
                    return True
                if room == 0:
                    return False
        return False

    def _rates(self) -> list[list[tuple[int, int, int, float]]]:
        """By SKU the place of each node that has it, the units, what all of them cost, and one of
        them: with its part of the line cost. The cheapest unit first."""
        rates: list[list[tuple[int, int, int, float]]] = [[] for _ in self.search.sets.skus]
        for place, node in enumerate(self.nodes):
            for sku, offer in self.search.sets.shelves[node].items():
                whole = offer.whole
                rates[sku].append((place, offer.units, whole, whole / offer.units))
        for each in rates:
            each.sort(key=lambda rate: (rate[3], rate[0]))
        return rates

    def _completed(self, places: tuple[int, ...], at: int) -> float:
        """What the SKUs cost at the least from the nodes at ``places`` and all from ``at`` on."""
        total = 0.0
        for left, rates in zip(self.search.sets.wanted, self.rates, strict=True):
            for place, units, whole, rate in rates:
                if place >= at or place in places:
                    if units >= left:
                        total += rate * left
                        break
                    left -= units
                    total += whole
            else:
                return inf
        return total
