"""What it costs to ship an order from a set of nodes, and good sets to begin with. Pure.

Nodes and SKUs are numbers here (in the order of their ids), a set of nodes is the bits of an
integer. ``objective`` says what is minimised.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import gcd, inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oms.routing.objective import Problem, Supplier

# Work is bounded by the sets of nodes that are examined; one takes about 10 µs for a line.
MOST_EXAMINED = 6000

# Nodes that are tried in greedy choices and swaps, and how many of them are the cheapest for a SKU.
_SHORTLIST = 24
_CHEAPEST_FOR_EACH = 4
_ROUNDS = 12

# Offers that are looked at, in all: large sets take longer than small ones.
_MOST_WORK = 1_000_000

# After so many nodes a greedy cover takes the others as they stand.
_PICKS = 32

# Above what any plan costs.
_SHORT = 1e18

# Of one SKU: nodes whose subsets are searched, and how far.
_SEARCHED_OFFERS = 40
_TAKING_STEPS = 2000

# Steps of the search for who ships what within one set, where nodes take on few lines only.
_DIVISION_STEPS = 1000
_WHOLE_SEARCH = 6


@dataclass(frozen=True, slots=True)
class Offer:
    """What a node offers of a SKU: at most ``units``, for ``line`` and ``unit`` each."""

    node: int
    units: int
    line: int
    unit: int

    @property
    def whole(self) -> int:
        """The cost of all of it."""
        return self.line + self.unit * self.units


def _by_unit(offer: Offer) -> tuple[int, int, int]:
    return offer.unit, offer.line, offer.node


@dataclass(slots=True)
class NodeSets:
    """``offers`` by SKU, ``shelves`` the same by node and SKU. ``has``: who has any of a SKU;
    ``limited``: who cannot take on all that it has. ``step``: what costs differ by at the least.
    ``gave_up``: a division was not searched to its end. ``work``: offers that were looked at."""

    nodes: Sequence[str]
    skus: Sequence[str]
    wanted: Sequence[int]
    fixed: Sequence[int]
    lines: Sequence[int | None]
    offers: Sequence[Sequence[Offer]]
    shelves: Sequence[Mapping[int, Offer]]
    has: Sequence[int]
    max_nodes: int
    step: int
    whole_lines: bool
    limited: int
    gave_up: bool = False
    work: int = 0
    _served: list[dict[int, float]] = field(default_factory=list)

    @classmethod
    def of(cls, problem: "Problem") -> "NodeSets | None":
        """None when all nodes together have too little."""
        wanted: dict[str, int] = {}
        for want in problem.wants:
            wanted[want.sku] = wanted.get(want.sku, 0) + want.quantity
        skus = sorted(wanted)
        numbered = list(enumerate(skus))
        useful: list[Supplier] = []
        shelves: list[dict[int, Offer]] = []
        for supplier in sorted(problem.suppliers, key=lambda supplier: supplier.node):
            if supplier.lines is not None and supplier.lines < 1:
                continue
            number, shelf = len(useful), dict[int, Offer]()
            for sku, name in numbered:
                units = min(supplier.units.get(name, 0), wanted[name])
                if units > 0 and (units == wanted[name] or not problem.whole_lines):
                    unit = supplier.unit_costs.get(name, 0)
                    shelf[sku] = Offer(number, units, supplier.line_cost, unit)
            if shelf:
                useful.append(supplier)
                shelves.append(shelf)
        offers: list[list[Offer]] = [[] for _ in skus]
        for shelf in shelves:
            for sku, offer in shelf.items():
                offers[sku].append(offer)
        for sku, name in numbered:
            if sum(offer.units for offer in offers[sku]) < wanted[name]:
                return None
        costs = [supplier.fixed for supplier in useful]
        costs += [cost for shelf in shelves for o in shelf.values() for cost in (o.line, o.unit)]
        limited = sum(
            1 << number
            for number, supplier in enumerate(useful)
            if supplier.lines is not None and supplier.lines < len(shelves[number])
        )
        return cls(
            nodes=[supplier.node for supplier in useful],
            skus=skus,
            wanted=[wanted[sku] for sku in skus],
            fixed=[supplier.fixed for supplier in useful],
            lines=[supplier.lines for supplier in useful],
            offers=offers,
            shelves=shelves,
            has=[sum(1 << offer.node for offer in each) for each in offers],
            max_nodes=min(problem.max_nodes or len(useful), len(useful)),
            step=reduce(gcd, costs, 0) or 1,
            whole_lines=problem.whole_lines,
            limited=limited,
            _served=[{} for _ in skus],
        )

    def members(self, chosen: int) -> Iterator[int]:
        while chosen:
            lowest = chosen & -chosen
            yield lowest.bit_length() - 1
            chosen ^= lowest

    def cost(self, chosen: int, below: float) -> float:
        """Of shipping everything from these nodes; ``inf`` when they cannot, or are too many. What
        is not ``below`` may be too low: it is not worth dividing the work then."""
        if chosen.bit_count() > self.max_nodes:
            return inf
        fixed = sum(self.fixed[node] for node in self.members(chosen))
        least = fixed + self.served(chosen)
        if chosen & self.limited and least < below:
            return fixed + self._divided(chosen)[0]
        return least

    def served(self, chosen: int) -> float:
        """What the SKUs cost from these nodes, each for itself: without what the nodes cost, and
        as if each took on any number of lines."""
        total = 0.0
        for sku, known in enumerate(self._served):
            able = chosen & self.has[sku]
            cost = known.get(able)
            if cost is None:
                cost = known[able] = self._cheapest(sku, able)[0]
            if cost == inf:
                return inf
            total += cost
        return total

    def served_alone(self, sku: int, chosen: int) -> float:
        """What one SKU costs from these nodes, as if each took on any number of lines."""
        return self._cheapest(sku, chosen & self.has[sku])[0]

    def split(self, chosen: int) -> dict[str, dict[str, int]]:
        """Units by SKU and node."""
        taken: Sequence[Mapping[int, int]] = (
            self._divided(chosen)[1]
            if chosen & self.limited
            else [self._cheapest(sku, chosen)[1] for sku in range(len(self.skus))]
        )
        return {
            self.skus[sku]: {self.nodes[node]: units for node, units in by_node.items() if units}
            for sku, by_node in enumerate(taken)
        }

    def short_of(self, chosen: int) -> list[int]:
        """Units of each SKU that these nodes do not have; none of those they cannot ship whole."""
        return [
            max(0, wanted - sum(offer.units for offer in self._offers(sku, chosen)))
            for sku, wanted in enumerate(self.wanted)
        ]

    def shortage(self, chosen: int) -> float:
        """The parts of what is wanted that these nodes do not have, added up."""
        short = self.short_of(chosen)
        return sum(units / wanted for units, wanted in zip(short, self.wanted, strict=True))

    def _offers(self, sku: int, chosen: int) -> list[Offer]:
        """Of these nodes, the cheapest unit first."""
        shelves = self.shelves
        found = [shelves[node][sku] for node in self.members(chosen & self.has[sku])]
        found.sort(key=_by_unit)
        return found

    def _cheapest(self, sku: int, chosen: int) -> tuple[float, dict[int, int]]:
        """Of each subset the cheapest unit first; what cannot be less is left out. So it is exact,
        unless there are too many subsets: then nodes give by what a unit costs them with its part
        of the line cost."""
        offers, wanted = self._offers(sku, chosen), self.wanted[sku]
        self.work += len(offers)
        best: tuple[float, dict[int, int]] = (inf, {})
        for offer in offers:
            if offer.units == wanted and offer.whole < best[0]:
                best = (offer.whole, {offer.node: offer.units})
        if self.whole_lines or len(offers) < 2 or sum(offer.units for offer in offers) < wanted:
            return best
        best = min(best, _by_rate(offers, wanted), key=lambda found: found[0])
        if len(offers) > _SEARCHED_OFFERS:
            self.gave_up = True
            return best
        least, steps = [inf], 0
        for offer in reversed(offers):
            least.append(min(least[-1], offer.whole / offer.units))
        least.reverse()

        def take(index: int, left: int, cost: int, taken: dict[int, int]) -> None:
            nonlocal best, steps
            if left == 0:
                if cost < best[0]:
                    best = (cost, taken)
                return
            steps += 1
            if steps > _TAKING_STEPS or cost + left * least[index] >= best[0]:
                return
            offer = offers[index]
            units = min(offer.units, left)
            with_it = taken | {offer.node: units}
            take(index + 1, left - units, cost + offer.line + units * offer.unit, with_it)
            take(index + 1, left, cost, taken)

        take(0, wanted, 0, {})
        self.work += steps
        self.gave_up = self.gave_up or steps > _TAKING_STEPS
        return best

    def _divided(self, chosen: int) -> tuple[float, list[dict[int, int]]]:
        """The same where some of the nodes take on few lines only."""
        alone = [self._cheapest(sku, chosen) for sku in range(len(self.skus))]
        if any(cost == inf for cost, _ in alone) or self._is_bearable(taken for _, taken in alone):
            return sum(cost for cost, _ in alone), [taken for _, taken in alone]
        options = [sorted(self._options(sku, chosen), key=_by_cost) for sku in range(len(alone))]
        order = sorted(range(len(alone)), key=lambda sku: (len(options[sku]), sku))
        least = [0.0]
        for sku in reversed(order):
            least.append(least[-1] + alone[sku][0])
        least.reverse()
        left = {node: self.lines[node] for node in self.members(chosen)}
        best: tuple[float, list[dict[int, int]]] = (inf, [])
        picked: list[dict[int, int]] = [{} for _ in alone]
        steps = 0

        def pick(at: int, cost: float) -> None:
            nonlocal best, steps
            steps += 1
            if at == len(order):
                best = (cost, [dict(each) for each in picked])
                return
            for added, taken in options[order[at]]:
                if cost + added + least[at + 1] >= best[0]:
                    return
                if steps > _DIVISION_STEPS:
                    self.gave_up = True
                    return
                if any(left[node] == 0 for node in taken):
                    continue
                for node in taken:
                    if (now := left[node]) is not None:
                        left[node] = now - 1
                picked[order[at]] = taken
                pick(at + 1, cost + added)
                for node in taken:
                    if (now := left[node]) is not None:
                        left[node] = now + 1

        pick(0, 0.0)
        self.work += steps
        return best

    def _is_bearable(self, taken: Iterator[dict[int, int]]) -> bool:
        lines: dict[int, int] = {}
        for each in taken:
            for node, units in each.items():
                lines[node] = lines.get(node, 0) + (units > 0)
        limits = ((self.lines[node], count) for node, count in lines.items())
        return all(limit is None or count <= limit for limit, count in limits)

    def _options(self, sku: int, chosen: int) -> Iterator[tuple[int, dict[int, int]]]:
        """Every way to ship a SKU: each subset of the nodes with enough, cheapest unit first."""
        offers = self._offers(sku, chosen)
        largest = len(offers)
        if len(offers) > _WHOLE_SEARCH:
            # Without splits only sets of one are of use, and these are all looked at.
            self.gave_up = self.gave_up or not self.whole_lines
            largest = 2
        for subset in range(1, 1 << len(offers)) if largest == len(offers) else _small(len(offers)):
            left, cost, taken = self.wanted[sku], 0, dict[int, int]()
            for index, offer in enumerate(offers):
                if subset >> index & 1:
                    units = min(offer.units, left)
                    left -= units
                    cost += offer.line + units * offer.unit
                    taken[offer.node] = units
            if left == 0 and all(taken.values()):
                yield cost, taken


def _by_rate(offers: Sequence[Offer], wanted: int) -> tuple[int, dict[int, int]]:
    """Of offers that suffice."""
    left, cost, taken = wanted, 0, dict[int, int]()
    for offer in sorted(offers, key=lambda offer: (offer.whole / offer.units, offer.node)):
        units = min(offer.units, left)
        if units == 0:
            break
        left -= units
        cost += offer.line + units * offer.unit
        taken[offer.node] = units
    return cost, taken


def _small(count: int) -> Iterator[int]:
    """The sets of one or two."""
    for one in range(count):
        yield 1 << one
        for other in range(one):
            yield 1 << one | 1 << other


def _by_cost(option: tuple[int, dict[int, int]]) -> tuple[int, list[int]]:
    return option[0], sorted(option[1])


@dataclass(slots=True)
class Search:
    """The best set so far. Sets are examined once; ``spent`` when as many were as may be."""

    sets: NodeSets
    most: int
    best: int | None = None
    cost: int = 0
    examined: int = 0
    known: dict[int, float] = field(default_factory=dict)

    @property
    def spent(self) -> bool:
        return self.examined >= self.most or self.sets.work >= _MOST_WORK

    @property
    def worth(self) -> float:
        """What a better plan costs at most."""
        return inf if self.best is None else self.cost - self.sets.step

    def examine(self, chosen: int) -> float:
        """What it costs; of a set that is short of something how short it is, above any cost."""
        cost = self.known.get(chosen)
        if cost is None:
            self.examined += 1
            cost = self.sets.cost(chosen, inf if self.best is None else self.cost)
            if cost == inf:
                cost = _SHORT * (1 + self.sets.shortage(chosen))
            elif self.best is None or self._key(chosen, cost) < self._best_key():
                self.best, self.cost = chosen, int(cost)
            self.known[chosen] = cost
        return cost

    def _best_key(self) -> tuple[float, int, list[int]]:
        assert self.best is not None
        return self._key(self.best, self.cost)

    def _key(self, chosen: int, cost: float) -> tuple[float, int, list[int]]:
        return cost, chosen.bit_count(), list(self.sets.members(chosen))


# --- sets to begin with -------------------------------------------------------------------------


def starts(sets: NodeSets, without: int = 0) -> Iterator[int]:
    """The cheapest node that has everything; covers that add the node with the cheapest share of
    what is missing, or the one with most of it. None of the nodes ``without`` is in them."""
    everything = [
        (sets.fixed[node] + sum(offer.whole for offer in shelf.values()), node)
        for node, shelf in enumerate(sets.shelves)
        if len(shelf) == len(sets.skus)
        and all(offer.units == sets.wanted[sku] for sku, offer in shelf.items())
        and not (sets.limited | without) >> node & 1
    ]
    if everything:
        yield 1 << min(everything)[1]
    for by_share in (True, False):
        yield _cover(sets, without, by_share=by_share)


def _cover(sets: NodeSets, without: int, *, by_share: bool) -> int:
    """With as many nodes as may be it may still be short of something."""
    short = list(sets.wanted)
    chosen = 0
    ranked: list[int] = []
    while any(short) and chosen.bit_count() < sets.max_nodes:
        if not ranked:
            out = chosen | without
            ranked = [node for _, node in sorted(_keys(sets, short, out, by_share=by_share))]
            if not ranked:
                break
            if chosen.bit_count() < _PICKS:
                del ranked[1:]
        node = ranked.pop(0)
        given = _given(sets, node, short)
        for sku, units in given:
            short[sku] -= units
        if given:
            chosen |= 1 << node
    return chosen


def _keys(
    sets: NodeSets, short: Sequence[int], out: int, *, by_share: bool
) -> Iterator[tuple[tuple[float, float], int]]:
    """What nodes are taken by: the least first."""
    for node, shelf in enumerate(sets.shelves):
        if out >> node & 1:
            continue
        sets.work += len(shelf)
        given = _given(sets, node, short)
        if given:
            share = sum(units / sets.wanted[sku] for sku, units in given)
            cost = sets.fixed[node] + sum(shelf[sku].whole for sku, _ in given)
            yield ((cost / share, -share) if by_share else (-share, cost)), node


def _given(sets: NodeSets, node: int, short: Sequence[int]) -> list[tuple[int, int]]:
    """Units by SKU of what is missing that the node can give; where it takes on few lines those
    of which it has the largest part."""
    given = [
        (sku, min(offer.units, short[sku]))
        for sku, offer in sets.shelves[node].items()
        if short[sku]
    ]
    limit = sets.lines[node]
    if limit is None or limit >= len(given):
        return given
    return sorted(given, key=lambda one: (-one[1] / sets.wanted[one[0]], one[0]))[:limit]


def shortlist(sets: NodeSets) -> list[int]:
    """Nodes worth trying: for each SKU those that ship it cheapest, and those with the cheapest
    share of everything."""
    found: dict[int, None] = {}
    for sku, offers in enumerate(sets.offers):
        wanted = sets.wanted[sku]
        keyed = sorted(((sets.fixed[o.node] + o.whole) * wanted / o.units, o.node) for o in offers)
        found.update(dict.fromkeys(node for _, node in keyed[:_CHEAPEST_FOR_EACH]))
    shares = []
    for node, shelf in enumerate(sets.shelves):
        gain = sum(offer.units / sets.wanted[sku] for sku, offer in shelf.items())
        cost = sets.fixed[node] + sum(offer.whole for offer in shelf.values())
        shares.append((cost / gain, node))
    shares.sort()
    found.update(dict.fromkeys(node for _, node in shares[:_SHORTLIST]))
    return list(found)[: 2 * _SHORTLIST]


def improved(start: int, search: Search, among: Sequence[int] | None = None) -> int:
    """The best of dropping, adding or swapping one node, again and again until none is better."""
    tried = shortlist(search.sets) if among is None else among
    chosen, cost = start, search.examine(start)
    for _ in range(_ROUNDS):
        best, least = chosen, cost
        for other in _neighbours(chosen, tried, search.sets):
            if search.spent:
                return best
            found = search.examine(other)
            if found < least:
                best, least = other, found
        if best == chosen:
            return chosen
        chosen, cost = best, least
    return chosen


def _neighbours(chosen: int, tried: Sequence[int], sets: NodeSets) -> Iterator[int]:
    members = list(sets.members(chosen))
    others = [node for node in tried if not chosen >> node & 1]
    if len(members) > 1:
        for out in members:
            yield chosen ^ 1 << out
    if len(members) < sets.max_nodes:
        for into in others:
            yield chosen | 1 << into
    for out in members:
        for into in others:
            yield chosen ^ 1 << out | 1 << into
