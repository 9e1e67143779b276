"""Rankers: what makes one node better than another. Pure.

A ranker gives each node a value, or abstains. Nodes are ordered by the first ranker, those that it
ties by the second, and so on; whoever a ranker knows nothing of comes after those it knows. The
last word has the node's id, so that the order never depends on that of the input. A ranker that
gives no value to any node, or the same to all, decides nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction

from oms.routing.policy import RankBy, Ranker
from oms.routing.request import NodeFacts, Want

Value = float | Fraction | None
Key = tuple[tuple[bool, float | Fraction], ...]


def values_of(
    rankers: Sequence[Ranker], facts: NodeFacts, wants: Sequence[Want], today: date
) -> tuple[Value, ...]:
    return tuple(_VALUES[ranker.by](facts, wants, today) for ranker in rankers)


def key_of(rankers: Sequence[Ranker], values: Sequence[Value]) -> Key:
    """What nodes are ordered by; the node's id comes after it."""
    return tuple(
        (True, 0) if value is None else (False, -value if ranker.descending else value)
        for ranker, value in zip(rankers, values, strict=True)
    )


def sum_of(keys: Sequence[Key]) -> Key:
    """The key of several nodes together: of each ranker how many it says nothing of, and the sum of
    what it says."""
    return tuple(
        (sum(unknown for unknown, _ in column) > 0, sum(value for _, value in column))
        for column in zip(*keys, strict=True)
    )


def ranks(keys: Sequence[Key]) -> list[tuple[int | None, ...]]:
    """The rank that each ranker gives each node: 1 is the best, those it ties share one."""
    columns: list[list[int | None]] = []
    for column in zip(*keys, strict=True):
        order = {
            value: rank
            for rank, value in enumerate(sorted({value for none, value in column if not none}), 1)
        }
        columns.append([None if none else order[value] for none, value in column])
    return list(zip(*columns, strict=True)) if columns else [() for _ in keys]


def _distance(facts: NodeFacts, _: Sequence[Want], __: date) -> Value:
    return facts.distance.kilometres


def _cost(facts: NodeFacts, _: Sequence[Want], __: date) -> Value:
    return facts.parcel_cost


def _load(facts: NodeFacts, _: Sequence[Want], __: date) -> Value:
    return facts.load


def _capacity_left(facts: NodeFacts, _: Sequence[Want], __: date) -> Value:
    return float("inf") if facts.capacity_left is None else facts.capacity_left


def _priority(facts: NodeFacts, _: Sequence[Want], __: date) -> Value:
    return facts.node.priority


def _stock_depth(facts: NodeFacts, wants: Sequence[Want], _: date) -> Value:
    """Units of all that is wanted, in the finest scale among them."""
    scales = {want.sku: want.scale for want in wants}
    finest = max(scales.values(), default=0)
    units: int = sum(
        facts.units.get(sku, 0) * 10 ** (finest - scale) for sku, scale in scales.items()
    )
    return units


def _weeks_of_supply(facts: NodeFacts, wants: Sequence[Want], _: date) -> Value:
    """For how long what is there lasts, of what lasts the shortest."""
    weeks = [
        facts.units[want.sku] / weekly
        for want in wants
        if want.sku in facts.units and (weekly := facts.weekly.get(want.sku, 0)) > 0
    ]
    return min(weeks, default=None)


def _markdown_age(facts: NodeFacts, wants: Sequence[Want], today: date) -> Value:
    """Days since the first of it was marked down."""
    skus = (want.sku for want in wants if facts.units.get(want.sku, 0) > 0)
    since = (facts.markdown_since[sku] for sku in skus if sku in facts.markdown_since)
    return max(((today - day).days for day in since), default=None)


def _reject_rate(facts: NodeFacts, wants: Sequence[Want], _: date) -> Value:
    """Of the units it was asked for, the part that it rejected."""
    skus = {want.sku for want in wants}
    rejected = _total(facts.rejected, skus)
    asked = rejected + _total(facts.sold, skus)
    return Fraction(rejected, asked) if asked else None


def _total(by_sku: Mapping[str, int], skus: Iterable[str]) -> int:
    return sum(by_sku.get(sku, 0) for sku in skus)


_VALUES: Mapping[RankBy, Callable[[NodeFacts, Sequence[Want], date], Value]] = {
    RankBy.DISTANCE: _distance,
    RankBy.COST: _cost,
    RankBy.LOAD: _load,
    RankBy.CAPACITY_LEFT: _capacity_left,
    RankBy.STOCK_DEPTH: _stock_depth,
    RankBy.WEEKS_OF_SUPPLY: _weeks_of_supply,
    RankBy.PRIORITY: _priority,
    RankBy.MARKDOWN_AGE: _markdown_age,
    RankBy.REJECT_RATE: _reject_rate,
}
