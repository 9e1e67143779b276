"""The JSON of sourcing policies."""

from typing import Annotated, Literal

from pydantic import Field

from oms.catalog.delivery_contract import CostDocument, cost_document, money_of
from oms.kernel.clock import rfc3339
from oms.kernel.errors import Faults
from oms.orders.contract import Country, Document, Identifier, Moment, Text
from oms.orders.model import Method
from oms.routing.policy import (
    Limits,
    NodeFilter,
    Objective,
    OrderFilter,
    Otherwise,
    RankBy,
    Ranker,
    Rule,
    SourcingPolicy,
    Step,
    Strategy,
)

Names = Annotated[tuple[Identifier, ...], Field(max_length=200)]
Words = Annotated[tuple[Text, ...], Field(max_length=200)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class OrderFilterDocument(Document):
    """Which orders a rule is for; a member that is left out holds for all. The value is that of the
    whole order: at least ``value_from``, below ``value_to``."""

    channels: Names = ()
    countries: Annotated[tuple[Country, ...], Field(max_length=200)] = ()
    regions: Words = ()
    tags: Words = Field(default=(), description="It has one of them")
    without_tags: Words = Field(default=(), description="It has none of them")
    customer_classes: Words = ()
    methods: tuple[Method, ...] = ()
    value_from: CostDocument | None = None
    value_to: CostDocument | None = None


class NodeFilterDocument(Document):
    """Which nodes a rule may use; a member that is left out lets every node pass."""

    kinds: tuple[Literal["warehouse", "store", "supplier"], ...] = ()
    groups: Names = Field(default=(), description="It is in one of them")
    without_groups: Names = Field(default=(), description="It is in none of them")
    nodes: Names = ()
    without_nodes: Names = ()
    within_km: Annotated[float, Field(gt=0, le=40_000)] | None = None
    stock_depth: Count = Field(
        default=0, description="Whole units that it must have of a SKU to give any of it"
    )
    safety_stock: Count = Field(default=0, description="Whole units that it keeps of each SKU")
    capacity_left: Count = Field(
        default=0, description="Fulfilments that it must be able to take today"
    )
    open_now: bool = Field(
        default=False, description="It works today, and its cut-off is still to come"
    )
    switched_on: bool = False


class RankerDocument(Document):
    """``asc`` ranks the smallest first. A ranker that knows nothing of any node, or the same of
    all, decides nothing; the last word has the node's id."""

    by: RankBy
    order: Literal["asc", "desc"] = "asc"


class LimitsDocument(Document):
    """Each node of a split gives at least so much; one that gives all of it need not."""

    max_nodes: Annotated[int, Field(ge=1, le=1000)] | None = None
    min_lines: Count = 0
    min_units: Count = 0
    min_value: CostDocument | None = None
    whole_lines: bool = Field(default=False, description="No line is split")
    keep_together: bool = Field(
        default=False, description="Lines of items of one keep_together group are not split"
    )


class ObjectiveDocument(Document):
    """The plan that costs least: carriage, handling, ``late_per_day`` for each day after the
    promised one, less ``markdown_credit`` for each whole unit that is marked down."""

    late_per_day: CostDocument | None = None
    markdown_credit: CostDocument | None = None


class RuleDocument(Document):
    """``otherwise``: what becomes of units that it has no node for, step by step. ``drop_ship`` and
    ``make`` take what they can, ``next`` goes on to the rule after it or to ``next_rule``,
    ``backorder`` and ``exception`` have what is left wait for stock or for a person."""

    id: Identifier
    orders: OrderFilterDocument = Field(default_factory=OrderFilterDocument)
    nodes: NodeFilterDocument = Field(default_factory=NodeFilterDocument)
    rankers: Annotated[tuple[RankerDocument, ...], Field(max_length=20)] = Field(
        default_factory=lambda: (RankerDocument(by=RankBy.DISTANCE),),
        description="By distance, when they are left out",
    )
    limits: LimitsDocument = Field(default_factory=LimitsDocument)
    strategy: Strategy = Field(
        default=Strategy.WHOLE_FIRST,
        description="The first node that has all of it, else the fewest; each node in order what it"
        " has; or a single node",
    )
    objective: ObjectiveDocument | None = Field(
        default=None, description="Instead of rankers and a strategy"
    )
    partial: bool = Field(
        default=False, description="It gives what it can; otherwise all that is left or nothing"
    )
    otherwise: Annotated[tuple[Step, ...], Field(max_length=5)] = (Step.NEXT,)
    next_rule: Annotated[str, Field(max_length=128)] = ""


class SourcingPolicyDocument(Document):
    """Rules that decide which node ships, hands over or makes each line, tried in order. A policy
    that names an order's channel comes before one that names none; without any, the nearest node
    that has all of it ships it, else the fewest nodes."""

    name: Text = ""
    active: bool = True
    merge_orders: bool = Field(
        default=False,
        description="Open orders of one customer to one address may leave a node as one shipment",
    )
    channels: Annotated[tuple[Identifier, ...], Field(max_length=50)] = ()
    effective_from: Moment | None = Field(
        default=None, description="It holds from then on; at once when it is left out"
    )
    rules: Annotated[tuple[RuleDocument, ...], Field(max_length=50)]


class SourcingPolicyView(SourcingPolicyDocument):
    """``effective_version`` is the version that orders are routed by now, null when none is yet."""

    id: Identifier
    version: int
    put_at: str
    effective_version: int | None = None


class SourcingPolicyList(Document):
    sourcing_policies: list[SourcingPolicyView]


class SourcingPolicyVersions(Document):
    """Newest first."""

    versions: list[SourcingPolicyView]
    next_cursor: str | None = None


def policy_of(policy_id: str, document: SourcingPolicyDocument, faults: Faults) -> SourcingPolicy:
    """Amounts that cannot be read are faults."""
    return SourcingPolicy(
        id=policy_id,
        rules=tuple(
            _rule(f"rules.{index}", rule, faults) for index, rule in enumerate(document.rules)
        ),
        name=document.name,
        channels=document.channels,
        effective_from=document.effective_from,
        active=document.active,
        merge_orders=document.merge_orders,
    )


def policy_view(policy: SourcingPolicy, effective_version: int | None) -> SourcingPolicyView:
    return SourcingPolicyView(
        id=policy.id,
        version=policy.version,
        name=policy.name,
        active=policy.active,
        merge_orders=policy.merge_orders,
        channels=policy.channels,
        effective_from=policy.effective_from,
        rules=tuple(_rule_document(rule) for rule in policy.rules),
        put_at=rfc3339(policy.put_at) if policy.put_at else "",
        effective_version=effective_version,
    )


def _rule(path: str, document: RuleDocument, faults: Faults) -> Rule:
    orders, limits = document.orders, document.limits
    return Rule(
        id=document.id,
        orders=OrderFilter(
            channels=orders.channels,
            countries=orders.countries,
            regions=orders.regions,
            tags=orders.tags,
            without_tags=orders.without_tags,
            customer_classes=orders.customer_classes,
            methods=tuple(str(method) for method in orders.methods),
            value_from=money_of(f"{path}.orders.value_from", orders.value_from, faults),
            value_to=money_of(f"{path}.orders.value_to", orders.value_to, faults),
        ),
        nodes=NodeFilter(**document.nodes.model_dump()),
        rankers=tuple(Ranker(one.by, one.order == "desc") for one in document.rankers),
        limits=Limits(
            max_nodes=limits.max_nodes,
            min_lines=limits.min_lines,
            min_units=limits.min_units,
            min_value=money_of(f"{path}.limits.min_value", limits.min_value, faults),
            whole_lines=limits.whole_lines,
            keep_together=limits.keep_together,
        ),
        strategy=document.strategy,
        objective=_objective(f"{path}.objective", document.objective, faults),
        partial=document.partial,
        otherwise=Otherwise(document.otherwise, document.next_rule),
    )


def _objective(path: str, document: ObjectiveDocument | None, faults: Faults) -> Objective | None:
    if document is None:
        return None
    return Objective(
        money_of(f"{path}.late_per_day", document.late_per_day, faults),
        money_of(f"{path}.markdown_credit", document.markdown_credit, faults),
    )


def _objective_document(objective: Objective | None) -> ObjectiveDocument | None:
    if objective is None:
        return None
    return ObjectiveDocument(
        late_per_day=cost_document(objective.late_per_day),
        markdown_credit=cost_document(objective.markdown_credit),
    )


def _rule_document(rule: Rule) -> RuleDocument:
    orders, nodes, limits = rule.orders, rule.nodes, rule.limits
    return RuleDocument(
        id=rule.id,
        orders=OrderFilterDocument(
            channels=orders.channels,
            countries=orders.countries,
            regions=orders.regions,
            tags=orders.tags,
            without_tags=orders.without_tags,
            customer_classes=orders.customer_classes,
            methods=tuple(Method(method) for method in orders.methods),
            value_from=cost_document(orders.value_from),
            value_to=cost_document(orders.value_to),
        ),
        nodes=NodeFilterDocument.model_validate(
            {name: getattr(nodes, name) for name in NodeFilterDocument.model_fields}
        ),
        rankers=tuple(
            RankerDocument(by=ranker.by, order="desc" if ranker.descending else "asc")
            for ranker in rule.rankers
        ),
        limits=LimitsDocument(
            max_nodes=limits.max_nodes,
            min_lines=limits.min_lines,
            min_units=limits.min_units,
            min_value=cost_document(limits.min_value),
            whole_lines=limits.whole_lines,
            keep_together=limits.keep_together,
        ),
        strategy=rule.strategy,
        objective=_objective_document(rule.objective),
        partial=rule.partial,
        otherwise=rule.otherwise.steps,
        next_rule=rule.otherwise.rule,
    )
