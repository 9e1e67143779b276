from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from oms.kernel.encoding import from_json, to_plain
from oms.kernel.events import Envelope
from oms.orders import events as happened
from oms.orders.events import TYPE_BY_CLASS, Event
from oms.orders.evolve import begin, evolve_all
from oms.orders.model import (
    Address,
    CommittedPromise,
    Content,
    Fulfillment,
    FulfillmentLine,
    Method,
    Order,
    PromisedPart,
    RefundPart,
    Units,
)
from oms.returns import events as returned
from oms.returns.model import Receipt, Return, ReturnLine, ReturnUnits

ORDER_ID = "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa"
FIRST, SECOND = "ful_aaaaaaaaaaaaaaaaaaaaaaaaaa_1", "ful_aaaaaaaaaaaaaaaaaaaaaaaaaa_2"
PAYMENT, REFUND = "pay_aaaaaaaaaaaaaaaaaaaaaaaaaa_1", "rfd_aaaaaaaaaaaaaaaaaaaaaaaaaa_1"

RELEASED = happened.OrderReleased(
    (
        Fulfillment(FIRST, "sp-1", (FulfillmentLine("1", 2),)),
        Fulfillment(SECOND, "rj-1", (FulfillmentLine("2", 1250),)),
    )
)
RETURN = "ret_aaaaaaaaaaaaaaaaaaaaaaaaaa_1"
ASKED = Return(
    RETURN, (ReturnLine("1", 2, "too_small", "for Maria"),), datetime(2026, 5, 3, tzinfo=UTC)
)
REQUESTED = returned.ReturnRequested(RETURN, ASKED)
APPROVED = returned.ReturnApproved(RETURN)
RECEIVED = returned.ReturnReceived(
    RETURN,
    Receipt(
        "r-1",
        "sp-1",
        datetime(2026, 5, 4, tzinfo=UTC),
        (ReturnUnits("1", 1),),
        (ReturnUnits("2", 250),),
    ),
)
COLLECTED = happened.OrderReleased(
    (
        Fulfillment(
            FIRST, "rj-1", (FulfillmentLine("1", 2),), method=Method.PICKUP, hand_over_at="rj-1"
        ),
    )
)
READY = happened.FulfillmentReady(FIRST, datetime(2026, 5, 9, 21, 30, tzinfo=UTC))
SHIPPED = happened.FulfillmentShipped(FIRST, "Correios", "BR123456789")
DELIVERED = happened.FulfillmentDelivered(FIRST)
JEOPARDY = happened.PromiseInJeopardy("1", date(2026, 5, 8), "medium", "slip", date(2026, 5, 12), 4)
CANCELLED = happened.OrderCancelled("changed_my_mind")
REFUNDED = happened.PaymentRefunded(REFUND, PAYMENT, 12990, "re_1", "refund-1")

Captured = Callable[..., Order]
After = Callable[..., tuple[Envelope, Order]]


@pytest.fixture(scope="session")
def content() -> Content:
    text = Path(__file__).with_name("captured_order.json").read_text(encoding="utf-8")
    return from_json(text, Content)


@pytest.fixture
def after(content: Content) -> After:
    """The last of the given events in its envelope, and the order after all of them."""

    def build(*events: Event, content: Content = content) -> tuple[Envelope, Order]:
        captured = happened.OrderCaptured(content)
        order = replace(evolve_all(begin(captured), events), version=len(events) + 1)
        last = events[-1] if events else captured
        return envelope(last, order), order

    return build


def envelope(event: Event, order: Order) -> Envelope:
    return Envelope(
        id=f"{order.order_id}:{order.version}:1",
        type=TYPE_BY_CLASS[type(event)],
        subject=order.order_id,
        version=order.version,
        at=datetime(2026, 5, 2, 9, 30, tzinfo=UTC),
        by="test",
        reason="",
        correlation_id="c-1",
        data=to_plain(event),
    )


@pytest.fixture
def shipped(after: After) -> tuple[Envelope, Order]:
    return after(RELEASED, SHIPPED)


@pytest.fixture
def delivered(after: After) -> tuple[Envelope, Order]:
    return after(RELEASED, SHIPPED, DELIVERED)


@pytest.fixture
def taken_back(after: After) -> tuple[Envelope, Order]:
    return after(happened.ReservationTakenBack(("TEE",), "an order of priority 9 needs TEE"))


@pytest.fixture
def cancelled(after: After) -> tuple[Envelope, Order]:
    return after(CANCELLED)


@pytest.fixture
def units_cancelled(after: After) -> tuple[Envelope, Order]:
    return after(happened.UnitsCancelled((Units("1", 1),), 5990, "too_many"))


@pytest.fixture
def address_changed(after: After) -> tuple[Envelope, Order]:
    return after(happened.AddressChanged(Address("Maria", "Rua Nova 1", "Campinas", "BR")))


@pytest.fixture
def ready(after: After) -> tuple[Envelope, Order]:
    return after(COLLECTED, READY)


@pytest.fixture
def uncollected(after: After) -> tuple[Envelope, Order]:
    return after(COLLECTED, READY, happened.FulfillmentUncollected(FIRST))


@pytest.fixture
def endangered(after: After, content: Content) -> tuple[Envelope, Order]:
    ships = datetime(2026, 5, 6, 20, tzinfo=UTC)
    day = date(2026, 5, 8)
    parts = tuple(
        PromisedPart(line.line_id, "sp-1", line.quantity, "on_hand", ships, day)
        for line in content.lines
    )
    promised = replace(content, promise=CommittedPromise("prm_1", "opt_1", parts))
    return after(JEOPARDY, content=promised)


@pytest.fixture
def refunded(after: After) -> tuple[Envelope, Order]:
    authorized = happened.PaymentAuthorized(PAYMENT, 131490, "ch_1", "a-1")
    taken = happened.PaymentCaptured(PAYMENT, 131490, "ch_1", "c-1")
    asked = happened.RefundRequested(REFUND, 12990, "goodwill", (RefundPart(PAYMENT, 12990),))
    return after(authorized, taken, asked, REFUNDED, happened.RefundCompleted(REFUND, 12990))


@pytest.fixture
def return_approved(after: After) -> tuple[Envelope, Order]:
    return after(RELEASED, SHIPPED, DELIVERED, REQUESTED, APPROVED)


@pytest.fixture
def return_rejected(after: After) -> tuple[Envelope, Order]:
    rejected = returned.ReturnRejected(RETURN, "outside_window")
    return after(RELEASED, SHIPPED, DELIVERED, REQUESTED, rejected)


@pytest.fixture
def return_received(after: After) -> tuple[Envelope, Order]:
    return after(RELEASED, SHIPPED, DELIVERED, REQUESTED, APPROVED, RECEIVED)
