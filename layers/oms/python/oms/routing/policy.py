"""Sourcing policies: rules as data, that a business person can edit. Pure.

A policy is tried rule by rule. A rule whose ``orders`` do not fit is passed over. Of the nodes that
pass its filters the rankers make a row; the strategy takes from that row, within the limits; and
when units are left, ``otherwise`` says what becomes of them.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from oms.kernel.money import Money


class Strategy(StrEnum):
    """How nodes are taken from the row.

    ``whole_first``: the first that has everything, else the fewest nodes that have it together.
    ``in_order``: each gives what it has until nothing is left. ``single``: one node or none.
    """

    WHOLE_FIRST = "whole_first"
    IN_ORDER = "in_order"
    SINGLE = "single"


class RankBy(StrEnum):
    """What a ranker looks at."""

    DISTANCE = "distance"
    COST = "cost"
    LOAD = "load"
    CAPACITY_LEFT = "capacity_left"
    STOCK_DEPTH = "stock_depth"
    WEEKS_OF_SUPPLY = "weeks_of_supply"
    PRIORITY = "priority"
    MARKDOWN_AGE = "markdown_age"
    REJECT_RATE = "reject_rate"


class Step(StrEnum):
    """What becomes of units that a rule has no node for. ``drop_ship`` and ``make`` take what they
    can, and the step after them has the rest."""

    NEXT = "next"
    WAIT = "backorder"
    EXCEPTION = "exception"
    DROP_SHIP = "drop_ship"
    MAKE = "make"


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders a rule is for; what is empty holds for all. An order needs one of ``tags`` and
    none of ``without_tags``. Its value, in the currency of the bounds, is at least ``value_from``
    and below ``value_to``; an order in another currency does not fit."""

    channels: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    without_tags: tuple[str, ...] = ()
    customer_classes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    value_from: Money | None = None
    value_to: Money | None = None


@dataclass(frozen=True, slots=True)
class NodeFilter:
    """Which nodes a rule may use; what is empty or zero lets every node pass.

    ``stock_depth``: whole units that a node must have of a SKU to give any of it;
    ``safety_stock``: whole units that it keeps of each. ``capacity_left``: so much more work it
    must be able to take today. ``open_now``: it works today and its cut-off is still to come.
    """

    kinds: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    without_groups: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    without_nodes: tuple[str, ...] = ()
    within_km: float | None = None
    stock_depth: int = 0
    safety_stock: int = 0
    capacity_left: int = 0
    open_now: bool = False
    switched_on: bool = False


@dataclass(frozen=True, slots=True)
class Ranker:
    """``descending`` ranks the largest first."""

    by: RankBy
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """``max_nodes``: over how many nodes it may be split. Each node of a split gives at least
    ``min_lines`` lines, ``min_units`` whole units and ``min_value`` of goods; one that gives all of
    it need not. With ``whole_lines`` no line is split, and with ``keep_together`` no group is."""

    max_nodes: int | None = None
    min_lines: int = 0
    min_units: int = 0
    min_value: Money | None = None
    whole_lines: bool = False
    keep_together: bool = False


@dataclass(frozen=True, slots=True)
class Objective:
    """Instead of a row and a strategy: the plan that costs least. ``late_per_day`` is what a day
    that a line is late costs, ``markdown_credit`` what a whole unit of stock that is marked down is
    worth getting rid of."""

    late_per_day: Money | None = None
    markdown_credit: Money | None = None


@dataclass(frozen=True, slots=True)
class Otherwise:
    """``steps`` are taken in turn while units are left. ``rule``: the one that ``next`` goes to,
    when it is not simply the one after this."""

    steps: tuple[Step, ...] = (Step.NEXT,)
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """With ``partial`` it gives what it can and leaves the rest, else it gives all or nothing."""

    id: str
    orders: OrderFilter = OrderFilter()
    nodes: NodeFilter = NodeFilter()
    rankers: tuple[Ranker, ...] = (Ranker(RankBy.DISTANCE),)
    limits: Limits = Limits()
    strategy: Strategy = Strategy.WHOLE_FIRST
    objective: Objective | None = None
    partial: bool = False
    otherwise: Otherwise = Otherwise()


@dataclass(frozen=True, slots=True)
class SourcingPolicy:
    """``version`` counts what was put, from 1; 0 is the built-in policy. Without ``channels`` it is
    for all of them; it holds from ``effective_from``, or from when it was put. One that is not
    ``active`` is for none. ``merge_orders``: open orders of one customer to one address may leave
    a node as one shipment."""

    id: str
    rules: tuple[Rule, ...]
    version: int = 0
    name: str = ""
    channels: tuple[str, ...] = ()
    effective_from: datetime | None = None
    active: bool = True
    put_at: datetime | None = None
    merge_orders: bool = False

    @property
    def since(self) -> datetime | None:
        """Known of all that were put."""
        return self.effective_from or self.put_at


NEAREST = "nearest_whole_else_fewest_nodes"

# What holds where nobody has put a policy: the nearest node that has all of it, else the fewest
# nodes that have it together, the nearest of these; else the order waits.
BUILT_IN = SourcingPolicy(
    id="built_in",
    rules=(Rule(id=NEAREST, otherwise=Otherwise((Step.WAIT,))),),
)
