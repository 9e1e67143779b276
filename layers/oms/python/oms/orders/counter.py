"""What happens at a store's counter: goods against money, and changes of the order.

Decisions, as in ``decisions``. Money is taken at the till: for an order whose payment was deferred
what is handed over is due, for any other what is due beyond what is paid or held.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from oms.kernel.errors import Conflict, Invalid
from oms.kernel.money import Money
from oms.orders import events as happened
from oms.orders import work
from oms.orders.decisions import NOTHING, Events, find_fulfillment, is_promised, may_step
from oms.orders.evolve import evolve_all
from oms.orders.model import Fulfillment, FulfillmentLine, FulfillmentState, Line, Method, Order
from oms.orders.parts import amount_of
from oms.pricing.amounts import Charged, total_of

CHANGED = "changed_at_the_counter"


@dataclass(frozen=True, slots=True)
class TillPayment:
    """``amount`` in minor units; ``reference`` is the till's receipt; ``tender`` is ``cash``,
    ``card`` or ``pix``."""

    amount: int
    reference: str
    tender: str


@dataclass(frozen=True, slots=True)
class Change:
    """What the customer takes in addition (``added``, of which stock is booked of the ``tracked``
    SKUs), and what it does not want (``removed``, units by line id)."""

    added: tuple[Line, ...]
    tracked: Set[str]
    removed: Mapping[str, int]


def due_at_till(order: Order) -> Money:
    """What is to be paid at the counter as things stand; what lies ready is not handed over yet."""
    if order.cancel_requested:
        return Money.zero(order.content.currency)
    owed = order.due - order.payments.covered
    if order.payments.is_deferred:
        owed -= _worth_of_the_rest(order)
    return max(owed, Money.zero(order.content.currency))


def due_when_handed_over(order: Order, fulfillment: str) -> Money:
    """What is to be paid when all of a fulfilment is handed over; nothing unless it is ready."""
    found = find_fulfillment(order, fulfillment)
    if found.state is not FulfillmentState.READY or order.cancel_requested:
        return Money.zero(order.content.currency)
    return due_at_till(evolve_all(order, work.hand_over(order, fulfillment, {})))


def hand_over(
    order: Order, fulfillment: str, units: Mapping[str, int], payment: TillPayment | None
) -> Events:
    """``units`` (by line id; all when empty) against the ``payment``. Raises as ``collect``, and
    ``Invalid`` (``quantities_do_not_add_up``)."""
    handed = work.hand_over(order, fulfillment, units)
    if not handed:
        return NOTHING
    return (*handed, *collect(evolve_all(order, handed), payment))


def collect(order: Order, payment: TillPayment | None) -> Events:
    """Raises ``Invalid``: ``payment_due``, ``wrong_amount``, ``nothing_due``, ``receipt_used``."""
    due = due_at_till(order)
    if payment is None:
        if due:
            raise Invalid(f"{due} is to be paid", code="payment_due", context=_shown(due))
        return NOTHING
    if not due:
        raise Invalid("nothing is to be paid", code="nothing_due", context=_shown(due))
    if payment.amount != due.minor:
        raise Invalid(f"{due} is to be paid", code="wrong_amount", context=_shown(due))
    key = f"till:{payment.reference}"
    if order.payments.knows(key):
        raise Invalid("this receipt was used for another payment", code="receipt_used")
    return (
        happened.PaymentCollected(
            _paid_in_person(order), payment.amount, payment.reference, key, payment.tender
        ),
    )


def _paid_in_person(order: Order) -> str:
    """The payment that was left to this moment, else the order's first."""
    payments = order.payments.each
    return next((one for one in payments if one.is_deferred), payments[0]).id


def change(order: Order, fulfillment: str, asked: Change, payment: TillPayment | None) -> Events:
    """What is added is handed over at once, what is removed goes back into stock; the difference is
    paid, or refunded. Raises as ``collect``, ``Invalid`` (``quantities_do_not_add_up``) and
    ``Conflict`` unless the fulfilment is ready."""
    found = find_fulfillment(order, fulfillment)
    if not may_step(order, found, "hand_over"):
        raise Conflict(
            f"the fulfilment is {found.state}",
            code="illegal_transition",
            context={"state": found.state, "allowed": []},
        )
    sold = _sold(order, found, asked) if asked.added else NOTHING
    removed = _removed(evolve_all(order, sold), fulfillment, asked.removed)
    after = evolve_all(order, (*sold, *removed))
    settled = work.balance(after, CHANGED)
    paid = collect(evolve_all(after, settled), payment)
    return (*sold, *removed, *settled, *paid)


def _sold(order: Order, found: Fulfillment, asked: Change) -> Events:
    node = found.hand_over_at
    lines = tuple(
        FulfillmentLine(line.line_id, line.quantity, tracked=line.sku in asked.tracked)
        for line in asked.added
    )
    part = Fulfillment(
        work.next_id(order),
        node,
        lines,
        state=FulfillmentState.READY,
        method=Method.PICKUP,
        hand_over_at=node,
    )
    return (
        happened.LinesAdded(asked.added, _amount(order, asked.added)),
        happened.UnitsRouted((part,), rule="counter", reason=f"sold at the counter of {node}"),
        happened.FulfillmentHandedOver(part.id, is_promised(order)),
    )


def _removed(order: Order, fulfillment: str, units: Mapping[str, int]) -> Events:
    if not units:
        return NOTHING
    back = work.put_back(order, fulfillment, units, declined=True)
    return (*back, work.units_cancelled(evolve_all(order, back), units, CHANGED))


def _amount(order: Order, lines: tuple[Line, ...]) -> int:
    nothing = Money.zero(order.content.currency)
    charges = [Charged(line.net, line.tax, line.discount) for line in lines]
    return total_of(charges, nothing, included=order.content.prices_include_tax).minor


def _worth_of_the_rest(order: Order) -> Money:
    """What comes to be due with the units that nobody has handed over yet."""
    rest = {
        line.line_id: line.quantity - counts.delivered - counts.cancelled - counts.returned
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    }
    return Money(amount_of(order, rest), order.content.currency)


def _shown(due: Money) -> dict[str, object]:
    return {"due": str(due), "currency": due.currency}
