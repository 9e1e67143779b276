"""The JSON of handing over at a store's counter."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from oms.fulfillment.counter_change import Changed
from oms.fulfillment.pickup import HandedOver, HandOver
from oms.kernel.errors import Fault, Invalid
from oms.kernel.money import Money
from oms.orders.contract import (
    Amount,
    Document,
    FulfillmentView,
    Identifier,
    Moment,
    Quantity,
    Text,
    View,
    fulfillment_view,
)
from oms.orders.counter import TillPayment, due_when_handed_over
from oms.orders.model import Fulfillment, FulfillmentState, Order
from oms.orders.units_contract import units_of_lines

MOST_LINES = 45
MOST_CHANGES = 10

Key = Annotated[str, StringConstraints(pattern=r"^[\w.:\-]{1,64}$")]


class ReadyDocument(Document):
    """Until when it is kept; without a time as long as the node keeps what is ready."""

    until: Moment | None = None


class CounterLine(Document):
    """Units of a line of the order."""

    line_id: Identifier
    quantity: Quantity


class TillPaymentDocument(Document):
    """What was paid at the till. ``reference`` is the till's receipt; each counts once."""

    amount: Amount
    reference: Key
    tender: Literal["cash", "card", "pix"]


class HandOverDocument(Document):
    """``code`` is the one that the customer was told. Without ``lines`` all that is ready is handed
    over; with them those units, under a ``hand_over_id`` of their own so that they are handed over
    once. The rest stays ready, or with ``decline_rest`` goes back into stock and is cancelled."""

    code: Annotated[str, StringConstraints(pattern=r"^\d{6}$"), Field(examples=["042137"])]
    lines: Annotated[list[CounterLine], Field(max_length=MOST_LINES)] | None = None
    hand_over_id: Key | None = None
    decline_rest: bool = False
    payment: TillPaymentDocument | None = None


class AddedLine(Document):
    """``unit_price`` is for one whole unit, ``tax`` for the line, in the order's currency."""

    sku: Identifier
    quantity: Quantity
    unit_price: Amount
    tax: Amount = "0"
    name: Text = ""


class CounterChangeDocument(Document):
    """What the customer takes in addition, from the store's stock and at once, and what it does not
    want. ``change_id`` names the change: the same again changes nothing."""

    change_id: Key
    add: list[AddedLine] = Field(default_factory=list, max_length=MOST_CHANGES)
    remove: list[CounterLine] = Field(default_factory=list, max_length=MOST_CHANGES)
    payment: TillPaymentDocument | None = None


class HandedOverView(View):
    """``handed_over`` is what the customer has, null when it took nothing; ``rest`` what is left of
    the fulfilment, null when all was handed over; ``due`` what is to be paid for the rest."""

    handed_over: FulfillmentView | None
    rest: FulfillmentView | None
    due: str


class CounterChangeView(View):
    """``added`` are the ids of the lines that were sold; ``refund`` is what is given back now;
    ``due`` what is to be paid when the rest is handed over."""

    fulfillment: FulfillmentView
    added: list[str]
    refund: str
    due: str


def hand_over_of(document: HandOverDocument, order: Order) -> HandOver:
    """Raises ``Invalid`` with every fault."""
    units = None
    if document.lines is not None:
        if not document.lines and not document.decline_rest:
            raise _invalid("lines", "nothing_asked", "nothing is handed over, and nothing declined")
        if not document.hand_over_id:
            raise _invalid("hand_over_id", "hand_over_id_needed", "a part has an id of its own")
        units = units_of_lines(document.lines, order)
    return HandOver(
        document.code,
        units,
        document.hand_over_id or "",
        document.decline_rest,
        till_payment(document.payment, order.content.currency),
    )


def till_payment(
    document: TillPaymentDocument | None, currency: str, path: str = "payment.amount"
) -> TillPayment | None:
    """Raises ``Invalid`` with the fault of an amount."""
    if document is None:
        return None
    try:
        amount = Money.parse(document.amount, currency)
    except Invalid as fault:
        raise _invalid(path, fault.problem_code, fault.detail) from None
    return TillPayment(amount.minor, document.reference, document.tender)


def handed_over_view(done: HandedOver, fulfillment_id: str) -> HandedOverView:
    order = done.order
    rest = order.fulfillment(fulfillment_id)
    assert rest is not None
    return HandedOverView(
        handed_over=_view(order, order.fulfillment(done.handed_over)),
        rest=_view(order, rest) if done.handed_over != fulfillment_id else None,
        due=_due(order, rest),
    )


def counter_change_view(changed: Changed, fulfillment_id: str) -> CounterChangeView:
    order = changed.order
    found = order.fulfillment(fulfillment_id)
    assert found is not None
    return CounterChangeView(
        fulfillment=fulfillment_view(order, found),
        added=[*changed.added],
        refund=str(changed.refund),
        due=_due(order, found),
    )


def _view(order: Order, found: Fulfillment | None) -> FulfillmentView | None:
    return fulfillment_view(order, found) if found else None


def _due(order: Order, found: Fulfillment) -> str:
    if found.state is not FulfillmentState.READY:
        return str(Money.zero(order.content.currency))
    return str(due_when_handed_over(order, found.id))


def _invalid(path: str, code: str, message: str) -> Invalid:
    return Invalid(message, code=code, faults=(Fault(path, code, message),))
