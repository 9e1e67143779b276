"""Channels with shares: what their orders may take, borrow, and give back."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from oms.aws.policy_store import PolicyStore
from oms.aws.reservation_store import ReservationStore
from oms.aws.stock_audit import audit
from oms.catalog.model import Item
from oms.inventory import reservations
from oms.inventory.baskets import Wanted
from oms.inventory.model import Movement, MovementKind
from oms.inventory.policy import SellingPolicy
from oms.inventory.position import ShareRule
from oms.inventory.reservations import Basket
from oms.inventory.shares import EVERYBODY
from oms.kernel.errors import Backordered, Conflict, StockContended
from oms.kernel.events import Cause
from oms.orders import sourcing
from oms.orders.model import Order, State
from oms.orders.needs import needs_of
from oms.orders.routing import Route
from oms.orders.store import AwaitedToken
from oms.orders.supervision import wake_for_stock
from oms.routing import engine
from oms.routing.engine import Decision
from oms.routing.policies import BuiltIn
from oms.routing.policy import SourcingPolicy
from oms.routing.request import NodeFacts, RoutingRequest
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, content, line

WEB = ShareRule("web", Decimal("0.6"))
APP = ShareRule("app", Decimal("0.4"))
BORROWING = replace(WEB, borrows_from=("app",))


def later(minutes: int = 5) -> Cause:
    return replace(CAUSE, at=CAUSE.at + timedelta(minutes=minutes))


def capture(oms: World, units: int, number: int = 1, channel: str = "web") -> Order:
    ordered = content(line("MUG", units), number=f"{channel}-{number}")
    return oms.capture(replace(ordered, channel=channel))


def reserve(oms: World, order: Order, route: Route = engine.route) -> Order:
    return sourcing.reserve(
        order.order_id, oms.orders, oms.stock, oms.catalog, BuiltIn(), later(), route=route
    )


def buy(oms: World, units: int, number: int = 1, channel: str = "web") -> Order:
    return reserve(oms, capture(oms, units, number, channel))


def give_back(oms: World, order: Order, minutes: int = 10) -> Order:
    return sourcing.unreserve(order.order_id, oms.orders, oms.stock, later(minutes))


def ship(oms: World, order: Order) -> None:
    needs = needs_of(order.progress.allocations)
    oms.stock.transact(oms.stock.ship(needs, order.order_id, later(20)))


def left(oms: World, sku: str = "MUG") -> dict[str, int]:
    return {share.channel: share.left for share in oms.stock.shares.shares(sku)}


def owed(oms: World) -> list[tuple[str, int]]:
    borrows = oms.stock.shares.borrows("MUG", 100, None).borrows
    return [(borrow.holder, borrow.open) for borrow in borrows]


@pytest.fixture
def shared(oms: World) -> Callable[..., World]:
    """Ten mugs, and these rules."""

    def made(*rules: ShareRule) -> World:
        oms.receive("MUG", 4, SP)
        oms.receive("MUG", 6, RJ)
        oms.stock.shares.put_rules("MUG", rules, 10, CAUSE)
        return oms

    return made


def test_an_order_cannot_take_the_share_of_another_channel(shared: Callable[..., World]) -> None:
    oms = shared(WEB, APP)
    with pytest.raises(Backordered):
        buy(oms, 7)
    assert left(oms) == {"web": 6, "app": 4, EVERYBODY: 0}
    assert buy(oms, 4, channel="app").state is State.SOURCED
    assert buy(oms, 6, 2).state is State.SOURCED
    assert left(oms) == {"web": 0, "app": 0, EVERYBODY: 0}


def test_a_channel_without_a_rule_has_what_is_everybodys(shared: Callable[..., World]) -> None:
    oms = shared(APP)
    with pytest.raises(Backordered):
        buy(oms, 7)
    assert buy(oms, 6, 2).state is State.SOURCED
    assert left(oms) == {"app": 4, EVERYBODY: 0}


def test_an_order_borrows_where_its_channel_may_and_gives_back(
    shared: Callable[..., World],
) -> None:
    oms = shared(BORROWING, APP)
    order = buy(oms, 8)
    assert left(oms) == {"web": 0, "app": 2, EVERYBODY: 0}
    assert owed(oms) == [(order.order_id, 2)]
    give_back(oms, order)
    assert left(oms) == {"web": 6, "app": 4, EVERYBODY: 0}
    assert owed(oms) == [(order.order_id, 0)]
    give_back(oms, order)
    assert left(oms) == {"web": 6, "app": 4, EVERYBODY: 0}


def test_what_was_borrowed_and_shipped_is_repaid_by_what_comes(
    shared: Callable[..., World],
) -> None:
    oms = shared(BORROWING, APP)
    order = buy(oms, 8)
    ship(oms, order)
    assert owed(oms) == [(order.order_id, 2)]
    oms.receive("MUG", 10)
    assert left(oms) == {"web": 6 - 2, "app": 2 + 4 + 2, EVERYBODY: 0}
    assert owed(oms) == [(order.order_id, 0)]


def test_whoever_was_overtaken_by_its_own_channel_plans_again(
    shared: Callable[..., World],
) -> None:
    oms = shared(WEB, APP)
    first, second = capture(oms, 4), capture(oms, 4, 2)

    def overtaken(
        policy: SourcingPolicy, request: RoutingRequest, candidates: Sequence[NodeFacts]
    ) -> Decision:
        plan = engine.route(policy, request, candidates)
        reserve(oms, second)
        return plan

    with pytest.raises(Backordered):
        reserve(oms, first, overtaken)
    assert left(oms) == {"web": 2, "app": 4, EVERYBODY: 0}
    assert oms.balance("MUG").reserved + oms.balance("MUG", RJ).reserved == 4


def test_what_is_held_back_from_a_channel_is_not_sold_to_it(oms: World) -> None:
    oms.receive("MUG", 10)
    policy = SellingPolicy(held_back={"web": 3})
    PolicyStore(oms.client, "inventory").put("MUG", policy, CAUSE)
    with pytest.raises(Backordered):
        buy(oms, 8)
    assert buy(oms, 8, 2, "app").state is State.SOURCED


def test_an_order_from_before_the_rules_gives_its_units_to_everybody(oms: World) -> None:
    oms.receive("MUG", 10)
    order = buy(oms, 4)
    oms.stock.shares.put_rules("MUG", [WEB, APP], 6, CAUSE)
    give_back(oms, order)
    assert sum(left(oms).values()) == 10
    assert left(oms)[EVERYBODY] == 4


def test_an_order_too_large_for_one_transaction_takes_and_gives_back_its_parts(
    oms: World,
) -> None:
    skus = [f"SKU-{number:03}" for number in range(50)]
    for sku in skus:
        oms.catalog.put_item(Item(sku, sku))
        oms.receive(sku, 4)
    for sku in skus[::10]:
        oms.stock.shares.put_rules(sku, [replace(BORROWING, share=Decimal("0.5")), APP], 4, CAUSE)
    order = oms.capture(content(*(line(sku, 3) for sku in skus)))
    assert reserve(oms, order).state is State.SOURCED
    assert [sum(left(oms, sku).values()) for sku in skus[::10]] == [1] * 5
    give_back(oms, order)
    assert [sum(left(oms, sku).values()) for sku in skus[::10]] == [4] * 5
    assert audit(oms.client, "inventory")[1] == []


def test_a_large_order_that_is_refused_half_way_leaves_every_part_as_it_was(oms: World) -> None:
    skus = [f"SKU-{number:03}" for number in range(50)]
    for sku in skus:
        oms.catalog.put_item(Item(sku, sku))
        oms.receive(sku, 4)
    for sku in skus[::10]:
        oms.stock.shares.put_rules(sku, [WEB, APP], 4, CAUSE)
    order = oms.capture(content(*(line(sku, 1) for sku in skus)))

    def too_late(
        policy: SourcingPolicy, request: RoutingRequest, candidates: Sequence[NodeFacts]
    ) -> Decision:
        plan = engine.route(policy, request, candidates)
        oms.move(skus[-1], -4, MovementKind.ADJUSTMENT)
        return plan

    with pytest.raises(StockContended):
        reserve(oms, order, too_late)
    assert [sum(left(oms, sku).values()) for sku in skus[::10]] == [4] * 5


# --- waiting -------------------------------------------------------------------------------------


def wait(oms: World, order: Order) -> None:
    with pytest.raises(Backordered):
        reserve(oms, order)
    oms.orders.put_token(order.order_id, AwaitedToken(order.order_id, "stock"))


def woken(oms: World) -> list[str]:
    oms.lifecycle.resumed.clear()
    orders, now = oms.orders, later(8).at
    wake_for_stock("MUG", orders, orders, oms.stock, oms.catalog, oms.lifecycle, now)
    return [token for token, _ in oms.lifecycle.resumed]


def test_who_waits_for_its_own_part_holds_up_no_other_channel(
    shared: Callable[..., World],
) -> None:
    oms = shared(WEB, APP)
    wait(oms, capture(oms, 5, channel="app"))
    assert buy(oms, 6).state is State.SOURCED


def test_who_waits_for_a_part_comes_before_others_of_its_channel(
    shared: Callable[..., World],
) -> None:
    oms = shared(WEB, APP)
    wait(oms, capture(oms, 5, channel="app"))
    with pytest.raises(Backordered):
        buy(oms, 1, 2, channel="app")


def test_what_comes_wakes_whose_channel_was_granted_enough(shared: Callable[..., World]) -> None:
    oms = shared(WEB, APP)
    web, app = capture(oms, 9), capture(oms, 5, channel="app")
    wait(oms, web)
    wait(oms, app)
    oms.receive("MUG", 3)
    assert left(oms) == {"web": 8, "app": 5, EVERYBODY: 0}
    assert woken(oms) == [app.order_id]
    assert reserve(oms, app).state is State.SOURCED
    assert woken(oms) == []


# --- reservations --------------------------------------------------------------------------------


def basket(oms: World, units: int, number: int = 1, minutes: int = 5) -> str:
    until = CAUSE.at + timedelta(minutes=minutes)
    asked = Basket(f"basket-{number}", "web", (Wanted("MUG", units),), until, "same")
    kept = ReservationStore(oms.client, "inventory", oms.stock)
    reservations.take(asked, kept, oms.stock, oms.catalog, later(minutes - 1))
    return asked.id


def test_a_basket_holds_the_part_of_its_channel_until_it_lets_go(
    shared: Callable[..., World],
) -> None:
    oms = shared(WEB, APP)
    basket(oms, 5)
    with pytest.raises(Conflict) as refused:
        basket(oms, 2, 2)
    assert refused.value.problem_code == "insufficient_stock"
    kept = ReservationStore(oms.client, "inventory", oms.stock)
    reservations.release("basket-1", kept, later(4))
    assert left(oms) == {"web": 6, "app": 4, EVERYBODY: 0}


def test_a_basket_that_has_expired_keeps_no_part_from_who_comes(
    shared: Callable[..., World],
) -> None:
    oms = shared(WEB, APP)
    basket(oms, 5)
    assert buy(oms, 6).state is State.SOURCED
    assert left(oms) == {"web": 0, "app": 4, EVERYBODY: 0}


def test_an_order_made_of_a_basket_gives_back_what_the_basket_took(
    shared: Callable[..., World],
) -> None:
    oms = shared(BORROWING, APP)
    basket_id = basket(oms, 8)
    kept = ReservationStore(oms.client, "inventory", oms.stock)
    held = reservations.read(basket_id, kept)
    oms.stock.transact(kept.conversion(held, "ord_1", later(4)))
    assert left(oms) == {"web": 0, "app": 2, EVERYBODY: 0}
    oms.stock.transact(oms.stock.shares.give_back({"MUG": 8}, "ord_1", later(6).at))
    assert left(oms) == {"web": 6, "app": 4, EVERYBODY: 0}
    assert owed(oms) == [("basket-1", 0)]


# --- movements -----------------------------------------------------------------------------------


def test_parts_follow_every_movement(shared: Callable[..., World]) -> None:
    oms = shared(replace(WEB, share=Decimal("0.5")), APP)
    assert left(oms) == {"web": 5, "app": 4, EVERYBODY: 1}
    oms.move("MUG", 2, MovementKind.DAMAGE)
    assert left(oms) == {"web": 4, "app": 4, EVERYBODY: 0}
    oms.move("MUG", 12, MovementKind.COUNT)
    assert left(oms) == {"web": 9, "app": 8, EVERYBODY: 1}
    oms.stock.set_thresholds("MUG", SP.id, 9, 0, later())
    assert sum(left(oms).values()) == 9
    oms.stock.set_thresholds("MUG", SP.id, 0, 0, later(6))
    assert sum(left(oms).values()) == 18


def test_what_is_transferred_stays_whose_it_is_but_for_what_is_lost(
    shared: Callable[..., World],
) -> None:
    oms = shared(WEB, APP)
    buy(oms, 3, channel="app")
    sent = Movement("t1", MovementKind.TRANSFER, "MUG", RJ.id, 4, to_node=SP.id)
    oms.stock.move(sent, later())
    assert left(oms) == {"web": 6, "app": 1, EVERYBODY: 0}
    arrived = Movement("a1", MovementKind.ARRIVAL, "MUG", SP.id, 2, transfer="t1")
    oms.stock.move(arrived, later())
    assert sum(left(oms).values()) == 7 - 2
