from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import ValidationError

from oms.catalog.delivery import CarrierService
from oms.catalog.model import Channel, Item, Node
from oms.kernel.errors import Conflict, Invalid, MalformedRequest, TooLarge
from oms.kernel.events import Cause, Envelope
from oms.kernel.money import Money
from oms.kernel.writes import Write
from oms.orders.capture import CaptureResult, capture
from oms.orders.contract import CaptureOrder
from oms.orders.events import Event, OrderCaptured
from oms.orders.evolve import begin
from oms.orders.model import Content, Method, Order, State
from oms.orders.store import Captured
from tests.samples import CAUSE

# Of ``document()``, as it was taken before members came later.
FINGERPRINT = "5bcbb41d6446139655ab291c715ba0787366897c1dba28b3c563782f3060adf3"


class Shop:
    """A catalogue that sells two things through one channel."""

    def items(self, skus: Set[str]) -> Mapping[str, Item]:
        sold = (
            Item("MUG", "Mug"),
            Item("HAM", "Ham, sliced", scale=3),
            Item("OLD", "Old", 0, False),
        )
        return {item.sku: item for item in sold if item.sku in skus}

    def nodes(self, among_them: Set[str] = frozenset()) -> tuple[Node, ...]:
        return (
            Node("store", "Store", "store", "BR", pickup="any"),
            Node("counter", "Counter", "store", "BR", pickup="local"),
            Node("dc", "Warehouse", "warehouse", "BR"),
            Node("closed", "Closed", "store", "BR", pickup="any", active=False),
        )

    def channel(self, channel_id: str) -> Channel | None:
        return Channel("web", "Web", ("BRL", "JPY")) if channel_id == "web" else None

    def carrier_services(self) -> tuple[CarrierService, ...]:
        return ()


@dataclass
class InMemory:
    stored: dict[str, tuple[Order, str]] = field(default_factory=dict)

    def add(
        self,
        content: Content,
        fingerprint: str,
        cause: Cause,
        *,
        then: Sequence[Event] = (),
        also: Sequence[Write] = (),
    ) -> Captured:
        order_id = content.order_id
        created = order_id not in self.stored
        self.stored.setdefault(order_id, (begin(OrderCaptured(content)), fingerprint))
        order, known = self.stored[order_id]
        return Captured(order, created, known)

    def load(self, order_id: str) -> Order:
        return self.stored[order_id][0]

    def commit(
        self, order: Order, events: Sequence[Event], cause: Cause, also: Sequence[Write] = ()
    ) -> Order:
        raise AssertionError("capturing commits nothing")

    def appending(self, order: Order, events: Sequence[Event], cause: Cause) -> Write:
        raise AssertionError("nothing here commits two orders at once")

    def once(self, name: str) -> Write:
        raise AssertionError("nothing here is written once by name")

    def unchanged(self, order: Order) -> Write:
        raise AssertionError("nothing here is written beside an order")

    def history(self, order_id: str) -> list[Envelope]:
        raise AssertionError("capturing reads no history")


def document(**changes: Any) -> dict[str, Any]:
    return {
        "channel": "web",
        "channel_order_id": "1001",
        "currency": "BRL",
        "customer": {"name": "Ana", "tax_id": "529.982.247-25"},
        "shipping_address": {
            "name": "Ana",
            "line1": "Av. Paulista 1000",
            "city": "São Paulo",
            "postal_code": "01310-100",
            "country": "BR",
        },
        "lines": [{"sku": "MUG", "quantity": 2, "unit_price": "39.90"}],
        "shipping": "10.00",
        "total": "89.80",
        "payment": {"method": "card", "token": "4242424242424242"},
        **changes,
    }


def taken(orders: InMemory | None = None, key: str = "", **changes: Any) -> CaptureResult:
    request = CaptureOrder.model_validate(document(**changes))
    return capture(request, orders or InMemory(), Shop(), CAUSE, idempotency_key=key)


def line(**changes: Any) -> list[dict[str, Any]]:
    return [{"sku": "MUG", "quantity": 2, "unit_price": "39.90", **changes}]


def test_an_order_is_captured_as_it_was_sent() -> None:
    order = taken().order
    assert order.state is State.CAPTURED
    assert order.content.total == Money(8980, "BRL")
    assert order.content.customer.tax_id == "52998224725"
    assert (order.content.lines[0].line_id, order.content.lines[0].name) == ("MUG", "Mug")
    assert order.content.captured_at == CAUSE.at


def test_what_is_sold_by_weight_is_counted_in_its_scale() -> None:
    order = taken(
        lines=[{"sku": "HAM", "quantity": "1.250", "unit_price": "19.99"}],
        shipping="0",
        total="24.99",
    ).order
    assert order.content.lines[0].quantity == 1250


def test_tax_is_added_unless_the_prices_include_it() -> None:
    assert taken(lines=line(tax="5.00"), total="94.80").created
    assert taken(lines=line(tax="5.00"), prices_include_tax=True).created


def test_the_same_order_again_is_the_same_order() -> None:
    orders = InMemory()
    assert taken(orders).created
    again = taken(orders)
    assert not again.created
    assert len(orders.stored) == 1


def test_the_same_key_with_another_content_is_refused() -> None:
    orders = InMemory()
    first = taken(orders)
    with pytest.raises(Conflict) as refused:
        taken(orders, customer={"name": "Bia"})
    assert refused.value.problem_code == "content_differs"
    assert refused.value.context["order_id"] == first.order.order_id


def test_an_idempotency_key_serves_where_the_channel_has_no_number() -> None:
    orders = InMemory()
    assert taken(orders, key="k1", channel_order_id=None).created
    assert not taken(orders, key="k1", channel_order_id=None).created
    assert taken(orders, key="k2", channel_order_id=None).created
    assert taken(orders, key="", channel_order_id="k1").created


def test_an_order_without_any_key_is_refused() -> None:
    with pytest.raises(MalformedRequest) as refused:
        taken(channel_order_id=None)
    assert refused.value.problem_code == "missing_natural_key"


def test_an_order_carries_the_priority_it_was_sent_with() -> None:
    assert taken().order.content.priority == 5
    assert taken(priority=9).order.content.priority == 9


def test_a_member_that_came_later_does_not_make_another_order_of_an_old_one() -> None:
    """The fingerprint is that of the first order's document, made when there was none of them."""
    orders = InMemory()
    stored = taken(orders).order
    assert orders.stored[stored.order_id][1] == FINGERPRINT
    assert not taken(orders).created
    for changes in (
        {"priority": 6},
        {"tags": ["gift"]},
        {"sold_at": "store"},
        {"customer": {**document()["customer"], "customer_class": "gold"}},
        {"lines": line(method="pickup", pickup_node="store")},
    ):
        with pytest.raises(Conflict):
            taken(orders, **changes)


def test_a_line_says_how_it_reaches_the_customer() -> None:
    lines = [
        {"sku": "MUG", "quantity": 1, "unit_price": "39.90", "method": "ship_to_store"},
        {"sku": "MUG", "line_id": "own", "quantity": 1, "unit_price": "39.90", "method": "pickup"},
    ]
    placed = [{**one, "pickup_node": "store"} for one in lines]
    customer = {**document()["customer"], "customer_class": "gold"}
    content = taken(lines=placed, sold_at="counter", tags=["gift"], customer=customer).order.content
    assert [(one.method, one.pickup_node) for one in content.lines] == [
        (Method.SHIP_TO_STORE, "store"),
        (Method.PICKUP, "store"),
    ]
    assert (content.sold_at, content.tags) == ("counter", ("gift",))
    assert content.customer.customer_class == "gold"


def test_what_is_collected_may_be_paid_where_it_is_collected() -> None:
    payment = {"method": "in_store", "provider": "store"}

    content = taken(lines=line(method="pickup", pickup_node="store"), payment=payment).order.content

    assert (content.payments[0].method, content.payments[0].provider) == ("in_store", "store")


def test_too_many_lines_are_refused_with_the_limit() -> None:
    many = [
        {"sku": "MUG", "line_id": f"l{n}", "quantity": 1, "unit_price": "1"} for n in range(501)
    ]
    with pytest.raises(TooLarge) as refused:
        taken(lines=many)
    assert refused.value.context == {"limit": "lines", "maximum": 500, "actual": 501}


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"channel": "fax"}, "channel", "unknown_channel"),
        ({"sold_at": "mars"}, "sold_at", "unknown_node"),
        (
            {"lines": line(method="pickup", pickup_node="mars")},
            "lines.0.pickup_node",
            "unknown_node",
        ),
        (
            {"lines": line(method="pickup", pickup_node="closed")},
            "lines.0.pickup_node",
            "unknown_node",
        ),
        (
            {"lines": line(method="pickup", pickup_node="dc")},
            "lines.0.pickup_node",
            "no_pickup_at_node",
        ),
        (
            {"lines": line(method="ship_to_store", pickup_node="counter")},
            "lines.0.pickup_node",
            "nothing_brought_to_node",
        ),
        ({"lines": line(method="pickup")}, "lines.0.pickup_node", "pickup_node_needed"),
        ({"lines": line(pickup_node="store")}, "lines.0.pickup_node", "pickup_node_not_allowed"),
        ({"currency": "USD"}, "currency", "wrong_currency"),
        ({"lines": line(sku="NOPE")}, "lines.0.sku", "unknown_sku"),
        ({"lines": line(sku="OLD")}, "lines.0.sku", "unknown_sku"),
        ({"lines": line(quantity=0)}, "lines.0.quantity", "quantity_not_positive"),
        ({"lines": line(quantity=-1)}, "lines.0.quantity", "quantity_not_positive"),
        ({"lines": line(quantity="1.5")}, "lines.0.quantity", "too_many_decimals"),
        ({"lines": line(unit_price="39.901")}, "lines.0.unit_price", "too_many_decimals"),
        ({"lines": line(discount="80.00")}, "lines.0.discount", "discount_above_price"),
        ({"currency": "JPY"}, "lines.0.unit_price", "too_many_decimals"),
        ({"total": "89.81"}, "total", "total_mismatch"),
        ({"lines": line() + line()}, "lines.1", "line_twice"),
        ({"customer": {"name": "A", "tax_id": "52998224724"}}, "customer.tax_id", "invalid_tax_id"),
        ({"placed_at": "2027-01-01T00:00:00Z"}, "placed_at", "in_the_future"),
        ({"payment": {"token": "4111111111111111"}}, "payment.token", "card_number_refused"),
        ({"payment": {"method": "in_store"}}, "payment.token", "paid_in_store"),
        ({"payment": {"provider": "store"}}, "payment.token", "paid_in_store"),
        (
            {"payment": {"method": "in_store", "provider": "store"}},
            "payment.method",
            "in_store_needs_pickup",
        ),
        (
            {"payment": {"provider": "channel", "method": "channel", "collected": "99.00"}},
            "payment.collected",
            "collected_above_total",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_path(
    changes: dict[str, Any], path: str, code: str
) -> None:
    orders = InMemory()
    with pytest.raises(Invalid) as refused:
        taken(orders, **changes)
    assert (path, code) in [(fault.path, fault.code) for fault in refused.value.faults]
    assert orders.stored == {}


def test_a_cep_has_eight_digits() -> None:
    address = {**document()["shipping_address"], "postal_code": "1310"}
    with pytest.raises(Invalid) as refused:
        taken(shipping_address=address)
    assert refused.value.faults[0].path == "shipping_address.postal_code"


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        taken(currency="USD", lines=line(sku="NOPE") + line(quantity=0))
    assert [fault.path for fault in refused.value.faults] == [
        "currency",
        "lines.0.sku",
        "lines.1.quantity",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "red"},
        {"lines": line(size="L")},
        {"lines": []},
        {"lines": line(unit_price=39.9)},
        {"lines": line(unit_price="-1")},
        {"total": "1e3"},
        {"placed_at": "2026-05-01T00:00:00"},
        {"customer": {"name": ""}},
        {"customer": {"name": "A", "email": "nobody"}},
    ],
)
def test_what_is_not_of_the_contract_is_refused_at_the_edge(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CaptureOrder.model_validate(document(**changes))
