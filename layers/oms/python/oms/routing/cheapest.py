"""The objective among the rules: what is wanted and who may give it, as a problem of costs. Pure.

Money is reckoned in thousandths of a minor unit here, so that a gram at a rate for the kilogram is
whole. Kilograms begun are counted in proportion, and a parcel with half a kilogram more, which is
what rounding up adds on average; ``oms.routing.costs`` counts them as carriers do.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from oms.kernel.money import Money
from oms.routing.costs import Penalties, best_rate, handling_of, weight
from oms.routing.evidence import listed
from oms.routing.objective import Demand, Plan, Problem, Supplier, optimise
from oms.routing.policy import Objective
from oms.routing.request import RoutingRequest, Want
from oms.routing.splits import Candidate, Part, Split, Task, gives_block, too_small

_FINE = 1000
_ROUNDS = 8
_BLOCK = "block:"


@dataclass(frozen=True, slots=True)
class _Prices:
    """What a candidate costs, in thousandths: a parcel, a SKU in it, a gram of it."""

    parcel: int
    line: int
    gram: int


def cheapest(
    objective: Objective, request: RoutingRequest, task: Task, row: Sequence[Candidate]
) -> Split | None:
    """All that is wanted at the least cost, or nothing. A part that is too small for the task's
    limits is not sent: whoever would give it is left out, and the rest is tried again."""
    penalties = _penalties(objective, request)
    pool = {candidate.node: candidate for candidate in _reachable(row)}
    prices = {node: _prices(one, request, task, penalties) for node, one in pool.items()}
    for _ in range(_ROUNDS):
        problem, blocks = _problem(task, list(pool.values()), prices, request, penalties)
        plan = optimise(problem)
        if plan is None:
            break
        parts = tuple(_parts(plan, task, blocks, pool))
        small = too_small(task, parts)
        if not small:
            return Split(parts, says=_says(plan, parts, request.currency))
        pool = {node: one for node, one in pool.items() if node not in small}
    if task.limits.max_nodes == 1:
        return None
    whole = replace(task.limits, max_nodes=1)
    return cheapest(objective, request, replace(task, limits=whole), row)


def _penalties(objective: Objective, request: RoutingRequest) -> Penalties:
    return Penalties(
        request.promised_by,
        _minor(objective.late_per_day, request.currency),
        _minor(objective.markdown_credit, request.currency),
    )


def _minor(amount: Money | None, currency: str) -> int:
    return amount.minor if amount and amount.currency == currency else 0


def _reachable(row: Sequence[Candidate]) -> Sequence[Candidate]:
    """A node that no carrier goes from is not taken, unless carriers go from none."""
    reached = [candidate for candidate in row if candidate.facts.rates]
    return reached or row


def _prices(
    candidate: Candidate, request: RoutingRequest, task: Task, penalties: Penalties
) -> _Prices:
    """By the service that is the cheapest for all that it could give."""
    node = candidate.facts.node
    grams = sum(
        weight(min(candidate.has(want), want.quantity), want.weight_grams, want.scale)
        for want in task.wants
    )
    parcel = handling_of(node, request.currency, lines=0)
    line = handling_of(node, request.currency, lines=1) - parcel
    rate = best_rate(candidate.facts.rates, grams, penalties)
    if rate is None:
        return _Prices(parcel * _FINE, line * _FINE, 0)
    late = rate.late(penalties.promised_by) * penalties.late_per_day
    begun = rate.per_kg * _FINE // 2 if grams else 0
    return _Prices((parcel + rate.base + late) * _FINE + begun, line * _FINE, rate.per_kg)


def _problem(
    task: Task,
    pool: Sequence[Candidate],
    prices: Mapping[str, _Prices],
    request: RoutingRequest,
    penalties: Penalties,
) -> tuple[Problem, Mapping[str, Sequence[Want]]]:
    """A block of lines is a single thing, of which a node has one or none."""
    blocks = {f"{_BLOCK}{index}": block for index, block in enumerate(_disjoint(task.blocks))}
    wants = [
        *(Demand(name, name, 1) for name in blocks),
        *(Demand(want.line_id, want.sku, want.quantity) for want in task.loose),
    ]
    credit, today = penalties.credit, request.now.date()
    suppliers = []
    for one in pool:
        price = prices[one.node]
        units: dict[str, int] = {}
        costs: dict[str, int] = {}
        left = dict(one.units)
        for name, block in blocks.items():
            if gives_block(one, block, left):
                units[name] = 1
                costs[name] = (len({want.sku for want in block}) - 1) * price.line
                for want in block:
                    left[want.sku] -= want.quantity
                    costs[name] += want.quantity * _unit_cost(one, want, price, credit, today)
        for want in task.loose:
            costs[want.sku] = _unit_cost(one, want, price, credit, today)
            units[want.sku] = max(0, left.get(want.sku, 0))
        for want in task.loose:
            if want.line_id in one.excluded:
                units[want.sku] = 0
        suppliers.append(Supplier(one.node, units, price.parcel, price.line, costs))
    return Problem(tuple(wants), tuple(suppliers), task.limits.max_nodes), blocks


def _disjoint(blocks: Sequence[Sequence[Want]]) -> list[list[Want]]:
    """Blocks with a SKU in common are one, because they take from the same stock."""
    found: list[list[Want]] = []
    for block in blocks:
        skus = {want.sku for want in block}
        common = [one for one in found if skus & {want.sku for want in one}]
        found = [one for one in found if one not in common]
        found.append([*(want for one in common for want in one), *block])
    return found


def _unit_cost(candidate: Candidate, want: Want, price: _Prices, credit: int, today: date) -> int:
    """Of one unit of the want's scale, rounded up."""
    since = candidate.facts.markdown_since.get(want.sku)
    marked_down = since is not None and since <= today
    whole = want.weight_grams * price.gram - (credit * _FINE if marked_down else 0)
    scale: int = 10**want.scale
    return -(-whole // scale)


def _parts(
    plan: Plan,
    task: Task,
    blocks: Mapping[str, Sequence[Want]],
    pool: Mapping[str, Candidate],
) -> Iterator[Part]:
    wants = {want.line_id: want for want in task.wants}
    for one in plan.allocations:
        candidate = pool[one.node]
        if one.line_id in blocks:
            yield from (Part(want, candidate, want.quantity) for want in blocks[one.line_id])
        else:
            yield Part(wants[one.line_id], candidate, one.quantity)


def _says(plan: Plan, parts: Sequence[Part], currency: str) -> str:
    nodes = listed(sorted({part.candidate.node for part in parts}), " and ")
    costs = "costs" if " and " not in nodes else "together cost"
    found = "least" if plan.exact else "least of what was tried"
    amount = Money(-(-plan.cost // _FINE), currency)
    return f"{nodes} {costs} {found}, about {amount} {currency}"
