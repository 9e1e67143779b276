"""Which nodes of a row give what: the three strategies, within a rule's limits. Pure.

The work is bounded: sets of two and of three nodes are looked for among the first twelve that are
of use, at most C(12,2) + C(12,3) of them, before nodes are taken greedily, each time the one that
fills most of what is left. What breaks a limit is not taken; nothing here ever gives more than is
there, or more than is wanted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import combinations

from oms.routing.policy import Limits, Strategy
from oms.routing.rankers import Key, sum_of
from oms.routing.request import NodeFacts, Want

_SEARCHED_NODES = 12
_SEARCHED_SPLITS = (2, 3)
# How often nodes whose part would be too small are left out, and the rest is tried again.
_ROUNDS = 8
_FINEST = 6


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node of the row: what it may give, which lines it may not, and what it is ordered by."""

    facts: NodeFacts
    units: Mapping[str, int]
    key: Key
    excluded: frozenset[str] = frozenset()

    @property
    def node(self) -> str:
        return self.facts.node.id

    @property
    def place(self) -> tuple[Key, str]:
        return (self.key, self.node)

    def has(self, want: Want) -> int:
        return 0 if want.line_id in self.excluded else self.units.get(want.sku, 0)


@dataclass(frozen=True, slots=True)
class Part:
    """``units`` of a line that a candidate gives."""

    want: Want
    candidate: Candidate
    units: int


@dataclass(frozen=True, slots=True)
class Split:
    """``able``: of how many that could have given all of it this is the first; 0 when it is from
    several, or not all of it. ``says``: why it is this one, if there is more to say."""

    parts: tuple[Part, ...]
    able: int = 0
    says: str = ""

    @property
    def nodes(self) -> tuple[Candidate, ...]:
        found = {part.candidate.node: part.candidate for part in self.parts}
        return tuple(sorted(found.values(), key=lambda candidate: candidate.place))


@dataclass(frozen=True)
class Task:
    """What is wanted, by line id, and what may not be split: each of ``blocks`` is given whole by
    one node."""

    wants: tuple[Want, ...]
    limits: Limits
    currency: str

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.wants, key=lambda want: want.line_id))
        object.__setattr__(self, "wants", ordered)

    @cached_property
    def blocks(self) -> tuple[tuple[Want, ...], ...]:
        """The largest first."""
        groups: dict[str, list[Want]] = {}
        for want in self.wants:
            if want.group and self.limits.keep_together:
                groups.setdefault(f"group:{want.group}", []).append(want)
            elif self.limits.whole_lines:
                groups[f"line:{want.line_id}"] = [want]
        return tuple(tuple(block) for block in sorted(groups.values(), key=len, reverse=True))

    @cached_property
    def loose(self) -> tuple[Want, ...]:
        whole = {want.line_id for block in self.blocks for want in block}
        return tuple(want for want in self.wants if want.line_id not in whole)

    @cached_property
    def needs(self) -> Mapping[str, int]:
        return _needs(self.wants)

    @property
    def units(self) -> int:
        return sum(want.quantity for want in self.wants)

    @property
    def may_split(self) -> bool:
        return self.limits.max_nodes is None or self.limits.max_nodes > 1


def find(strategy: Strategy, task: Task, row: Sequence[Candidate]) -> Split | None:
    """All that is wanted, or nothing. ``row`` is in order."""
    whole = [candidate for candidate in row if _covers(candidate, task)]
    if strategy is Strategy.IN_ORDER:
        split = _in_order(task, row)
        return split if split and _is_all(split.parts, task) else None
    if whole:
        return Split(_place(task, whole[:1]), able=len(whole))
    if strategy is Strategy.SINGLE or not task.may_split:
        return None
    return _fewest(task, row)


def find_some(strategy: Strategy, task: Task, row: Sequence[Candidate]) -> Split | None:
    """As much of what is wanted as there is and as the limits allow; nothing when that is none, and
    nothing when what is left would be worth less than a part must be."""
    split = _find_some(strategy, task, row)
    return split if split and not _leaves_little(task, split.parts) else None


def _find_some(strategy: Strategy, task: Task, row: Sequence[Candidate]) -> Split | None:
    if strategy is Strategy.IN_ORDER:
        return _in_order(task, row)
    if strategy is Strategy.SINGLE:
        return _kept(task, _most(task, row, 1))
    there = what_is_there(task, row)
    if not there.wants:
        return None
    split = find(strategy, there, row)
    if split and not too_small(task, split.parts):
        return replace(split, able=0)
    return _kept(task, _most(task, row, task.limits.max_nodes))


def lacking(task: Task, row: Sequence[Candidate]) -> tuple[str, ...]:
    """Lines of which all candidates together have too little, or of a block that none can give."""
    there = {sku: sum(one.units.get(sku, 0) for one in row) for sku in task.needs}
    short = {sku for sku, units in task.needs.items() if there[sku] < units}
    stuck = {
        want.line_id
        for block in task.blocks
        if not any(gives_block(one, block, one.units) for one in row)
        for want in block
    }
    return tuple(want.line_id for want in task.wants if want.sku in short or want.line_id in stuck)


def _needs(wants: Sequence[Want]) -> dict[str, int]:
    needs: dict[str, int] = {}
    for want in wants:
        needs[want.sku] = needs.get(want.sku, 0) + want.quantity
    return needs


def _covers(candidate: Candidate, task: Task) -> bool:
    units = candidate.units
    if any(units.get(sku, 0) < wanted for sku, wanted in task.needs.items()):
        return False
    return not candidate.excluded or not any(
        want.line_id in candidate.excluded for want in task.wants
    )


def gives_block(candidate: Candidate, block: Sequence[Want], stock: Mapping[str, int]) -> bool:
    """Whether it can give all of a block from what it has in ``stock``."""
    if any(want.line_id in candidate.excluded for want in block):
        return False
    return all(stock.get(sku, 0) >= units for sku, units in _needs(block).items())


def _place(task: Task, chosen: Sequence[Candidate]) -> tuple[Part, ...]:
    """Blocks to the first that has all of one; then whole lines where a node can, units where it
    must, the first giving first."""
    stock = [dict(candidate.units) for candidate in chosen]
    parts: list[Part] = []
    for block in task.blocks:
        for candidate, left in zip(chosen, stock, strict=True):
            if gives_block(candidate, block, left):
                parts += _take(candidate, left, block)
                break
    for want in task.loose:
        wanted = want.quantity
        there = [
            0 if want.line_id in candidate.excluded else left.get(want.sku, 0)
            for candidate, left in zip(chosen, stock, strict=True)
        ]
        for index in sorted(range(len(chosen)), key=lambda index: there[index] < want.quantity):
            units = min(there[index], wanted)
            if units:
                stock[index][want.sku] -= units
                wanted -= units
                parts.append(Part(want, chosen[index], units))
    return tuple(parts)


def _take(candidate: Candidate, left: dict[str, int], wants: Sequence[Want]) -> Iterator[Part]:
    for want in wants:
        left[want.sku] -= want.quantity
        yield Part(want, candidate, want.quantity)


def _fewest(task: Task, row: Sequence[Candidate]) -> Split | None:
    """The smallest set that has everything; of equals the one that the rankers like best."""
    needs = task.needs
    useful = [
        one
        for one in row
        if any(sku in needs for sku in one.units) and not _can_only_give_little(one, task)
    ]
    for size in _SEARCHED_SPLITS:
        if task.limits.max_nodes is not None and size > task.limits.max_nodes:
            return None
        sets = [
            (sum_of([one.key for one in nodes]), tuple(one.node for one in nodes), nodes)
            for nodes in combinations(useful[:_SEARCHED_NODES], size)
            if _suffice(nodes, task)
        ]
        for _, _, nodes in sorted(sets, key=lambda found: found[:2]):
            parts = _place(task, nodes)
            if _is_all(parts, task) and not too_small(task, parts):
                return Split(parts)
    return _greedily(task, useful)


def _greedily(task: Task, useful: Sequence[Candidate]) -> Split | None:
    pool = list(useful)
    for _ in range(_ROUNDS):
        steps = _greedy_steps(task, pool, task.limits.max_nodes)
        if not _is_all(steps, task):
            return None
        parts = _place(task, Split(steps).nodes)
        if not _is_all(parts, task):
            parts = steps
        small = too_small(task, parts)
        if not small:
            return Split(parts)
        pool = [one for one in pool if one.node not in small]
    return None


def _most(task: Task, row: Sequence[Candidate], nodes: int | None) -> Split | None:
    """What at most so many nodes give, each time the one that fills most of what is left."""
    pool = [one for one in row if not _can_only_give_little(one, task)]
    steps: tuple[Part, ...] = ()
    for _ in range(_ROUNDS):
        steps = _greedy_steps(task, pool, nodes)
        small = too_small(task, steps)
        if not small:
            break
        pool = [one for one in pool if one.node not in small]
    return Split(steps) if steps else None


def _kept(task: Task, split: Split | None) -> Split | None:
    """Without the parts that are too small to be sent."""
    if split is None:
        return None
    small = too_small(task, split.parts)
    parts = tuple(part for part in split.parts if part.candidate.node not in small)
    return Split(parts) if parts else None


def _greedy_steps(task: Task, pool: Sequence[Candidate], nodes: int | None) -> tuple[Part, ...]:
    """What a node can give only falls as others give: its last known part bounds it, and most need
    not be looked at again."""
    left = {want.line_id: want.quantity for want in task.wants}
    parts: list[Part] = []
    heap = [(-_usable(one, task), index) for index, one in enumerate(pool)]
    heapify(heap)
    taken = 0
    while heap and (nodes is None or taken < nodes) and any(left.values()):
        _, index = heappop(heap)
        given = _gives(pool[index], task, left)
        filled = -sum(part.units for part in given)
        if not given:
            continue
        if heap and (filled, index) > heap[0]:
            heappush(heap, (filled, index))
            continue
        taken += 1
        parts += given
        for part in given:
            left[part.want.line_id] -= part.units
    return tuple(parts)


def _gives(candidate: Candidate, task: Task, left: Mapping[str, int]) -> list[Part]:
    """What it can give of what is left."""
    stock, parts = dict(candidate.units), list[Part]()
    for block in task.blocks:
        if left[block[0].line_id] and gives_block(candidate, block, stock):
            parts += _take(candidate, stock, block)
    for want in task.loose:
        if want.line_id in candidate.excluded:
            continue
        units = min(stock.get(want.sku, 0), left[want.line_id])
        if units:
            stock[want.sku] -= units
            parts.append(Part(want, candidate, units))
    return parts


def _in_order(task: Task, row: Sequence[Candidate]) -> Split | None:
    left = {want.line_id: want.quantity for want in task.wants}
    parts: list[Part] = []
    taken = 0
    for candidate in row:
        if not any(left.values()) or taken == task.limits.max_nodes:
            break
        given = _gives(candidate, task, left)
        if not given or too_small(task, given):
            continue
        taken += 1
        parts += given
        for part in given:
            left[part.want.line_id] -= part.units
    return Split(tuple(parts)) if parts else None


def what_is_there(task: Task, row: Sequence[Candidate]) -> Task:
    """The task, cut down to what all candidates together have."""
    there = {sku: sum(one.units.get(sku, 0) for one in row) for sku in task.needs}
    stuck = set(lacking(task, row)) - {want.line_id for want in task.loose}
    wants: list[Want] = []
    for want in task.wants:
        units = 0 if want.line_id in stuck else min(want.quantity, there[want.sku])
        there[want.sku] -= units
        if units:
            wants.append(replace(want, quantity=units, value=want.value * units // want.quantity))
    return Task(tuple(wants), task.limits, task.currency)


def _usable(candidate: Candidate, task: Task) -> int:
    """At least what it can give; exactly that where nothing must stay whole."""
    needs, total = task.needs, 0
    for sku, units in candidate.units.items():
        wanted = needs.get(sku, 0)
        total += units if units < wanted else wanted
    return total


def _suffice(nodes: Sequence[Candidate], task: Task) -> bool:
    return all(
        sum(node.units.get(sku, 0) for node in nodes) >= units for sku, units in task.needs.items()
    )


def _is_all(parts: Sequence[Part], task: Task) -> bool:
    return sum(part.units for part in parts) == task.units


def _can_only_give_little(candidate: Candidate, task: Task) -> bool:
    if not _has_minimum(task.limits):
        return False
    left = {want.line_id: want.quantity for want in task.wants}
    given = _gives(candidate, task, left)
    return bool(too_small(task, given)) or not given


def _has_minimum(limits: Limits) -> bool:
    return bool(limits.min_lines or limits.min_units or limits.min_value)


def too_small(task: Task, parts: Sequence[Part]) -> set[str]:
    """The nodes whose part is below a minimum; one that gives all of it need not reach any."""
    if not _has_minimum(task.limits):
        return set()
    by_node: dict[str, list[Part]] = {}
    for part in parts:
        by_node.setdefault(part.candidate.node, []).append(part)
    return {
        node
        for node, given in by_node.items()
        if not _is_all(given, task) and _is_below(given, task)
    }


def _is_below(parts: Sequence[Part], task: Task) -> bool:
    limits = task.limits
    if len({part.want.line_id for part in parts}) < limits.min_lines:
        return True
    units = sum(part.units * 10 ** (_FINEST - part.want.scale) for part in parts)
    if units < limits.min_units * 10**_FINEST:
        return True
    if limits.min_value is None or limits.min_value.currency != task.currency:
        return False
    return _value(parts) < limits.min_value.minor


def _leaves_little(task: Task, parts: Sequence[Part]) -> bool:
    """Whether there is a rest that would be a parcel of too little value some day."""
    least = task.limits.min_value
    if least is None or least.currency != task.currency:
        return False
    rest = sum(want.value for want in task.wants) - _value(parts)
    return 0 < rest < least.minor


def _value(parts: Sequence[Part]) -> int:
    return sum(part.want.value * part.units // part.want.quantity for part in parts)
