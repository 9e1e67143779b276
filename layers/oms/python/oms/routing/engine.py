"""The rule engine: a policy, what is wanted, and the nodes; a decision, and why. Pure.

::

    for each rule, from the first:
        the order fits the rule's order filter, else the next rule
        nodes that pass its filters, in the order of its rankers
        the strategy (or the objective) gives all that is wanted, or with ``partial`` what it can
        what is left goes through ``otherwise``

The same input gives the same answer in whatever order nodes and lines come. Units are conserved:
what is allocated and what is left add up to what is wanted, line by line.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from oms.orders.model import Allocation, Method
from oms.routing.evidence import NAMED_CANDIDATES, Evidence, RankedNode, TriedRule, listed
from oms.routing.filters import REJECTED, keeps_node_out, keeps_order_out, offered
from oms.routing.making import make
from oms.routing.policy import RankBy, Ranker, Rule, SourcingPolicy, Step, Strategy
from oms.routing.rankers import key_of, ranks, values_of
from oms.routing.request import NodeFacts, RoutingRequest, Want
from oms.routing.splits import (
    Candidate,
    Split,
    Task,
    find,
    find_some,
    lacking,
    too_small,
    what_is_there,
)

_NOT_CHOSEN = "not_chosen"


@dataclass(frozen=True, slots=True)
class Decision:
    """``left``: units by line that got no node; ``otherwise`` is what becomes of them, ``wait`` or
    ``exception``, and ``lacking`` are the lines that stand in the way. ``rest_goes_ahead``: the
    rules let what has a node go without them. ``rule`` names every rule that gave something, else
    the last one."""

    allocations: tuple[Allocation, ...]
    left: Mapping[str, int]
    lacking: tuple[str, ...]
    otherwise: Step
    rule: str
    reason: str
    evidence: Evidence
    rest_goes_ahead: bool = False

    @property
    def partial(self) -> bool:
        """Whether a part is to go ahead of the rest."""
        return bool(self.allocations and self.left) and self.rest_goes_ahead


@dataclass(frozen=True, slots=True)
class _Row:
    """The nodes that a rule may take, in order, and what keeps the others out."""

    candidates: tuple[Candidate, ...]
    excluded: Mapping[str, str]


@dataclass(slots=True)
class _State:
    """What has been given so far. ``stuck``: lines of which the last rule's nodes have too
    little."""

    wants: tuple[Want, ...]
    stuck: tuple[str, ...] = ()
    taken: dict[str, dict[str, int]] = field(default_factory=dict)
    allocations: list[Allocation] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)

    def copy(self) -> "_State":
        taken = {node: dict(units) for node, units in self.taken.items()}
        return replace(
            self,
            taken=taken,
            allocations=list(self.allocations),
            reasons=list(self.reasons),
            fired=list(self.fired),
        )

    def give(self, rule: str, allocations: Sequence[Allocation], reason: str) -> None:
        if not allocations:
            return
        self.allocations += allocations
        self.reasons.append(reason)
        if rule not in self.fired:
            self.fired.append(rule)
        given: dict[str, int] = {}
        for one in allocations:
            if not one.component:
                given[one.line_id] = given.get(one.line_id, 0) + one.quantity
            at = self.taken.setdefault(one.node, {})
            at[one.sku] = at.get(one.sku, 0) + one.quantity
        self.wants = tuple(
            less
            for want in self.wants
            if (less := _less(want, given.get(want.line_id, 0))).quantity
        )


def route(
    policy: SourcingPolicy, request: RoutingRequest, candidates: Sequence[NodeFacts]
) -> Decision:
    """Total: whatever comes in, there is a decision."""
    state, tried = _State(request.wants), list[TriedRule]()
    by_id = {rule.id: index for index, rule in enumerate(policy.rules)}
    row, rule, why, index, step = _Row((), {}), Rule(""), "", 0, Step.NEXT
    visited: set[int] = set()
    while state.wants and index < len(policy.rules) and index not in visited:
        visited.add(index)
        rule = policy.rules[index]
        index += 1
        if kept_out := keeps_order_out(rule.orders, request):
            tried.append(TriedRule(rule.id, f"the order does not fit {kept_out}"))
            continue
        row, why = _apply(rule, request, candidates, state)
        if not state.wants:
            break
        step = _after(rule)
        if step is not Step.NEXT:
            break
        tried.append(TriedRule(rule.id, why))
        index = by_id.get(rule.otherwise.rule, index)
    fired = ", ".join(state.fired) or rule.id
    short = _lacking(state, candidates, request) if state.wants else ()
    reasons = [listed(state.reasons, "; ")] if state.reasons else []
    reasons += [_why_left(state, short, why)] if state.wants else []
    return Decision(
        allocations=tuple(state.allocations),
        left={want.line_id: want.quantity for want in state.wants},
        lacking=short,
        otherwise=Step.WAIT if step is Step.NEXT else step,
        rule=fired,
        reason="; ".join(reasons) or "nothing is wanted",
        evidence=_evidence(policy, fired, tried, rule, row, state.allocations),
        rest_goes_ahead=bool(state.allocations) or rule.partial,
    )


def _after(rule: Rule) -> Step:
    """What becomes of what even drop-shipping and making leave."""
    last = (step for step in rule.otherwise.steps if step not in (Step.DROP_SHIP, Step.MAKE))
    return next(last, Step.WAIT)


def _apply(
    rule: Rule, request: RoutingRequest, candidates: Sequence[NodeFacts], state: _State
) -> tuple[_Row, str]:
    """Give what the rule gives. A rule that is not partial gives all that is left, or nothing."""
    before = state.copy()
    row, why = _from_nodes(rule, request, candidates, state)
    for step in rule.otherwise.steps:
        if not state.wants or step not in (Step.DROP_SHIP, Step.MAKE):
            break
        _from_elsewhere(step, rule, request, candidates, row, state)
        if state.wants and not rule.partial:
            row, why = _from_nodes(rule, request, candidates, state)
    if state.wants and not rule.partial:
        state.wants, state.taken = before.wants, before.taken
        state.allocations, state.reasons, state.fired = (
            before.allocations,
            before.reasons,
            before.fired,
        )
    return row, why


def _from_nodes(
    rule: Rule, request: RoutingRequest, candidates: Sequence[NodeFacts], state: _State
) -> tuple[_Row, str]:
    """The row, and why it did not give everything."""
    row = _row(rule, request, candidates, state)
    task = Task(state.wants, rule.limits, request.currency)
    split = _split(rule, request, task, row.candidates)
    if split is not None:
        why = _why(rule, request, split, task.units)
        state.give(rule.id, _allocations(request, split), why)
    if not state.wants:
        return row, ""
    state.stuck = lacking(task, row.candidates)
    return row, _why_not(task, state.stuck)


def _split(
    rule: Rule, request: RoutingRequest, task: Task, row: Sequence[Candidate]
) -> Split | None:
    if rule.objective is not None:
        from oms.routing.cheapest import cheapest  # few policies reckon costs

        there = what_is_there(task, row) if rule.partial else task
        least = cheapest(rule.objective, request, there, row) if there.wants else None
        # Of all there is a part may be all, and still be too small a part of what is wanted.
        if least and not too_small(task, least.parts):
            return least
    find_all = find(rule.strategy, task, row)
    if find_all or not rule.partial:
        return find_all
    return find_some(rule.strategy, task, row)


def _row(
    rule: Rule, request: RoutingRequest, candidates: Sequence[NodeFacts], state: _State
) -> _Row:
    wants, today = state.wants, request.now.date()
    lines = {want.line_id for want in wants}
    said_no: dict[str, set[str]] = {}
    for line_id, nodes in request.excluded.items():
        for node in nodes:
            said_no.setdefault(node, set()).add(line_id)
    found: list[Candidate] = []
    excluded: dict[str, str] = dict(request.passed_over)
    for facts in candidates:
        node = facts.node.id
        if kept_out := keeps_node_out(rule.nodes, facts):
            excluded[node] = kept_out
            continue
        no = said_no.get(node, set())
        may = tuple(want for want in wants if want.line_id not in no) if no else wants
        units = offered(rule.nodes, facts, may, state.taken.get(node, {}))
        if isinstance(units, str):
            excluded[node] = REJECTED if no >= lines else units
            continue
        key = key_of(rule.rankers, values_of(rule.rankers, facts, wants, today))
        found.append(Candidate(facts, units, key, frozenset(no)))
    found.sort(key=lambda candidate: candidate.place)
    return _Row(tuple(found), excluded)


def _allocations(request: RoutingRequest, split: Split) -> tuple[Allocation, ...]:
    """In the order of the lines as they came."""
    order = {want.line_id: index for index, want in enumerate(request.wants)}
    parts = sorted(split.parts, key=lambda part: order[part.want.line_id])
    return tuple(
        Allocation(part.want.line_id, part.want.sku, part.candidate.node, part.units)
        for part in parts
    )


# --- otherwise ------------------------------------------------------------------------------


def _from_elsewhere(
    step: Step,
    rule: Rule,
    request: RoutingRequest,
    candidates: Sequence[NodeFacts],
    row: _Row,
    state: _State,
) -> None:
    """Drop-ship or make what stands in the way; of a rule that is partial all that is left. What
    goes together comes from one supplier, or one maker."""
    task = Task(state.wants, rule.limits, request.currency)
    short = set(lacking(task, row.candidates))
    for block in (*task.blocks, *((want,) for want in task.loose)):
        if short and not rule.partial and not short.intersection(one.line_id for one in block):
            continue
        allocations = (
            _drop_shipped(block, request)
            if step is Step.DROP_SHIP
            else _made(block, request, candidates, state)
        )
        if allocations:
            how = "drop-ships" if step is Step.DROP_SHIP else "makes"
            skus = listed(dict.fromkeys(want.sku for want in block))
            state.give(rule.id, allocations, f"{allocations[0].node} {how} {skus}")


def _drop_shipped(block: Sequence[Want], request: RoutingRequest) -> tuple[Allocation, ...]:
    """From the first supplier that has none of it excluded."""
    may = [
        {
            node
            for node in request.suppliers.get(want.sku, ())
            if node not in request.excluded.get(want.line_id, frozenset())
        }
        for want in block
    ]
    for node in request.suppliers.get(block[0].sku, ()):
        if all(node in nodes for nodes in may):
            return tuple(
                Allocation(
                    want.line_id, want.sku, node, want.quantity, tracked=False, drop_ship=True
                )
                for want in block
            )
    return ()


def _made(
    block: Sequence[Want],
    request: RoutingRequest,
    candidates: Sequence[NodeFacts],
    state: _State,
) -> tuple[Allocation, ...]:
    tried, found = state.copy(), list[Allocation]()
    for want in block:
        makers = {maker.node for maker in request.makers.get(want.sku, ())}
        there = {one.node.id: _left_at(one, tried) for one in candidates if one.node.id in makers}
        made = make(want, request, there, tried.allocations).allocations
        if not made:
            return ()
        tried.give("", made, "")
        found += made
    return tuple(found) if len({one.node for one in found}) == 1 else ()


def _left_at(facts: NodeFacts, state: _State) -> dict[str, int]:
    taken = state.taken.get(facts.node.id, {})
    return {sku: units - taken.get(sku, 0) for sku, units in facts.units.items()}


# --- why ------------------------------------------------------------------------------------


def _lacking(
    state: _State, candidates: Sequence[NodeFacts], request: RoutingRequest
) -> tuple[str, ...]:
    """Lines of which there is too little anywhere; else those of which the last rule's nodes have
    too little; else, when it is a limit that keeps them from going, all that are left."""
    needs: dict[str, int] = {}
    for want in state.wants:
        needs[want.sku] = needs.get(want.sku, 0) + want.quantity
    short = {
        sku
        for sku, units in needs.items()
        if sum(one.units.get(sku, 0) for one in candidates)
        - sum(taken.get(sku, 0) for taken in state.taken.values())
        < units
    }
    found = {want.line_id for want in state.wants if want.sku in short}
    left = {want.line_id for want in state.wants}
    found = found or left & set(state.stuck) or left
    return tuple(want.line_id for want in request.wants if want.line_id in found)


def _why_left(state: _State, short: Sequence[str], why: str) -> str:
    skus = {want.sku for want in state.wants if want.line_id in short}
    return why or f"no rule is for {listed(sorted(skus))}"


def _why_not(task: Task, stuck: Sequence[str]) -> str:
    short = set(stuck)
    skus = sorted({want.sku for want in task.wants if want.line_id in short})
    if skus:
        return f"no set of nodes has enough of {listed(skus)}"
    return "no set of nodes has all of it within the limits"


def _why(rule: Rule, request: RoutingRequest, split: Split, wanted: int) -> str:
    nodes = split.nodes
    names = listed([f"{one.node} ({one.facts.distance})" for one in nodes], " and ")
    if sum(part.units for part in split.parts) < wanted:
        return f"{names} can ship a part of it"
    if split.says:
        return split.says
    if request.method is Method.PICKUP:
        return f"{nodes[0].node} has all of it, where it is collected"
    if rule.strategy is Strategy.IN_ORDER:
        return f"{names} give it in their order by {_names(rule.rankers)}"
    if len(nodes) > 1:
        return f"no node has all of it; {names} are the fewest that do"
    first, able = nodes[0], split.able
    if rule.rankers[:1] == (Ranker(RankBy.DISTANCE),):
        away = first.facts.distance
        return f"{first.node} is the nearest of {able} that can ship all of it ({away})"
    by = _names(rule.rankers)
    return f"{first.node} is the first of {able} that can ship all of it, by {by}"


def _names(rankers: Iterable[Ranker]) -> str:
    return ", ".join(ranker.by for ranker in rankers) or "id"


def _evidence(
    policy: SourcingPolicy,
    fired: str,
    tried: Sequence[TriedRule],
    rule: Rule,
    row: _Row,
    allocations: Sequence[Allocation],
) -> Evidence:
    chosen = {one.node for one in allocations}
    ranked = ranks([candidate.key for candidate in row.candidates])
    nodes = [
        RankedNode(candidate.node, rank)
        for candidate, rank in zip(row.candidates, ranked, strict=True)
    ]
    # Whoever was chosen is named, however far down the row it stands.
    named = sorted(nodes, key=lambda node: node.node not in chosen)[:NAMED_CANDIDATES]
    names = {node.node for node in named}
    others: dict[str, int] = {}
    if len(nodes) > len(named):
        others[_NOT_CHOSEN] = len(nodes) - len(named)
    for kept_out in row.excluded.values():
        others[kept_out] = others.get(kept_out, 0) + 1
    return Evidence(
        policy=policy.id,
        version=policy.version,
        rule=fired,
        tried=tuple(tried),
        rankers=tuple(_name(ranker) for ranker in rule.rankers),
        candidates=tuple(node for node in nodes if node.node in names),
        others=tuple(sorted(others.items())),
    )


def _name(ranker: Ranker) -> str:
    return f"{ranker.by} descending" if ranker.descending else str(ranker.by)


def _less(want: Want, units: int) -> Want:
    """What is left of it when ``units`` have been given."""
    if not units:
        return want
    left = want.quantity - units
    return replace(want, quantity=left, value=want.value * left // want.quantity)
