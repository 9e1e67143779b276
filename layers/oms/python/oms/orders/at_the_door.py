"""Cash on delivery: a parcel against money, at the customer's door.

Decisions, as in ``decisions``. What the driver took is reported with the delivery and recorded in
the same commit. A person or a driver's app that reports is held to the amount, as a till is; what a
carrier tells afterwards is a fact, and recorded whatever it comes to: what is missing is still owed
then, what is over is given back.
"""

from collections.abc import Sequence

from oms.kernel.errors import Invalid
from oms.kernel.money import Money
from oms.orders import decisions
from oms.orders import events as happened
from oms.orders.counter import TillPayment, collect, due_at_till
from oms.orders.decisions import NOTHING, Events, find_fulfillment
from oms.orders.evolve import evolve_all
from oms.orders.model import FulfillmentState, Order
from oms.orders.repaying import repay_overpaid
from oms.payments.in_person import Collected
from oms.payments.model import CASH_ON_DELIVERY


def is_paid_at_the_door(order: Order) -> bool:
    return any(payment.method == CASH_ON_DELIVERY for payment in order.payments.each)


def due_on_delivery(order: Order, fulfillment: str) -> Money:
    """What the driver is to take for a fulfilment that is on its way."""
    found = find_fulfillment(order, fulfillment)
    if found.state is not FulfillmentState.SHIPPED or not is_paid_at_the_door(order):
        return Money.zero(order.content.currency)
    return due_at_till(evolve_all(order, decisions.deliver(order, fulfillment)))


def deliver(order: Order, fulfillment: str, collected: TillPayment | None) -> Events:
    """The parcel has arrived, against the money. Raises ``Invalid``: ``payment_due``,
    ``wrong_amount``, ``nothing_due``, ``receipt_used``."""
    arrived = decisions.deliver(order, fulfillment)
    if not arrived:
        return NOTHING
    after = evolve_all(order, arrived)
    if is_paid_at_the_door(order):
        return (*arrived, *collect(after, collected))
    if collected is not None:
        raise Invalid("the order is not paid at the door", code="nothing_due")
    return arrived


def deliver_as_told(order: Order, fulfillment: str, told: Sequence[Collected]) -> Events:
    """As a carrier tells it: never refused. What was told before counts once."""
    arrived = decisions.deliver(order, fulfillment)
    after = evolve_all(order, arrived)
    taken: Events = NOTHING
    for one in told:
        taken = (*taken, *_taken(evolve_all(after, taken), one))
    if not taken:
        return arrived
    paid = (*arrived, *taken)
    return (*paid, *repay_overpaid(evolve_all(order, paid), "paid_beyond_what_is_due"))


def _taken(order: Order, told: Collected) -> Events:
    key = f"till:{told.reference}"
    if order.payments.knows(key):
        return NOTHING
    own = [one for one in order.payments.each if one.method == CASH_ON_DELIVERY]
    payment = own[0] if own else order.payments.each[0]
    return (
        happened.PaymentCollected(payment.id, told.amount.minor, told.reference, key, told.tender),
    )
