"""What the engine is told of nodes comes from where it is kept: calendars, loads, rates."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from oms.aws.sourcing_policy_store import SourcingPolicyStore
from oms.catalog.delivery import Band, CarrierService, NodeCalendar
from oms.catalog.model import Node
from oms.kernel.errors import Backordered
from oms.kernel.money import Money
from oms.orders import sourcing
from oms.orders.model import Order
from oms.routing.policy import NodeFilter, Otherwise, RankBy, Ranker, Rule, SourcingPolicy, Step
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, content, line

WAIT = Otherwise((Step.WAIT,))
# A Monday; 12:00 in UTC is 09:00 in São Paulo.
MORNING = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
OFFICE = NodeCalendar("America/Sao_Paulo", cut_off=time(14, 0))


@pytest.fixture
def stocked(oms: World) -> World:
    for node in (SP, RJ):
        oms.receive("MUG", 9, node)
    return oms


def put(oms: World, rule: Rule) -> None:
    store = SourcingPolicyStore(oms.client, "catalog")
    policy = SourcingPolicy("web", (rule,), version=len(store.of("web")))
    store.put(policy, CAUSE)


def ordered(oms: World, number: int = 1, at: datetime = MORNING) -> Order:
    order = oms.capture(content(line("MUG", 1), number=str(number)))
    policies = SourcingPolicyStore(oms.client, "catalog")
    cause = replace(CAUSE, at=at + timedelta(seconds=number))
    return sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, policies, cause)


def node_of(order: Order) -> str:
    return order.progress.allocations[0].node


def ranked(*rankers: Ranker) -> Rule:
    return Rule("ranked", rankers=rankers, otherwise=WAIT)


@pytest.mark.parametrize(
    ("at", "calendar", "is_open"),
    [
        (MORNING, OFFICE, True),
        (MORNING.replace(hour=16, minute=59), OFFICE, True),
        (MORNING.replace(hour=17, minute=1), OFFICE, False),
        (MORNING + timedelta(days=6), OFFICE, False),
        (MORNING, replace(OFFICE, closed=(MORNING.date(),)), False),
        (MORNING, replace(OFFICE, handling_hours=6), False),
        (MORNING, None, True),
    ],
)
def test_a_node_is_open_until_its_cut_off_on_the_days_it_works(
    stocked: World, at: datetime, calendar: NodeCalendar | None, is_open: bool
) -> None:
    stocked.catalog.put_node(replace(SP, calendar=calendar))
    put(stocked, Rule("open", nodes=NodeFilter(open_now=True), otherwise=WAIT))
    assert node_of(ordered(stocked, at=at)) == ("sp-dc" if is_open else "rj-store")


def test_work_goes_to_who_has_less_of_it(stocked: World) -> None:
    for node in (SP, RJ):
        stocked.catalog.put_node(replace(node, capacity_per_day=50))
    put(stocked, ranked(Ranker(RankBy.LOAD), Ranker(RankBy.DISTANCE)))
    nodes = [node_of(ordered(stocked, number)) for number in range(1, 5)]
    assert nodes == ["sp-dc", "rj-store", "sp-dc", "rj-store"]


def test_a_node_that_has_too_little_capacity_left_is_passed_over(stocked: World) -> None:
    stocked.catalog.put_node(replace(SP, capacity_per_day=3))
    put(stocked, Rule("roomy", nodes=NodeFilter(capacity_left=2), otherwise=WAIT))
    nodes = [node_of(ordered(stocked, number)) for number in range(1, 4)]
    assert nodes == ["sp-dc", "sp-dc", "rj-store"]


def test_the_cheaper_node_goes_first_whatever_the_distance(stocked: World) -> None:
    stocked.catalog.put_node(replace(SP, handling_cost=Money(2000, "BRL")))
    bands = (Band(50, 1, 500), Band(1000, 2, 900))
    service = CarrierService("road", "Road", "carrier", ("BR",), bands, "BRL")
    stocked.catalog.put_carrier_service(service)
    put(stocked, ranked(Ranker(RankBy.COST)))
    assert node_of(ordered(stocked)) == "rj-store"
    stocked.catalog.put_node(replace(SP, handling_cost=Money(399, "BRL")))
    assert node_of(ordered(stocked, 2)) == "sp-dc"


def test_the_nodes_own_priority_and_groups_count(stocked: World) -> None:
    stocked.catalog.put_node(replace(RJ, priority=1, groups=("flagship",)))
    put(stocked, ranked(Ranker(RankBy.PRIORITY)))
    assert node_of(ordered(stocked)) == "rj-store"
    put(stocked, Rule("not", nodes=NodeFilter(without_groups=("flagship",)), otherwise=WAIT))
    assert node_of(ordered(stocked, 2)) == "sp-dc"


def test_a_supplier_that_holds_stock_of_ours_is_a_node_like_any_other(stocked: World) -> None:
    depot = Node("depot", "Depot", "supplier", "BR", latitude=-23.5, longitude=-46.6)
    stocked.catalog.put_node(depot)
    stocked.receive("MUG", 1, depot)
    put(stocked, Rule("suppliers", nodes=NodeFilter(kinds=("supplier",)), otherwise=WAIT))
    assert node_of(ordered(stocked)) == "depot"
    with pytest.raises(Backordered):
        ordered(stocked, 2)
