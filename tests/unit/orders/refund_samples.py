"""Orders that were paid, in any currency, with discounts, taxes, and several payments."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from oms.kernel.money import Money
from oms.orders import events as happened
from oms.orders.evolve import begin, evolve_all
from oms.orders.model import Line, Order, PaymentRequest
from tests.samples import allocated, content, given

METHODS = ("card", "pix", "gift_card", "store_credit")


def priced(
    line_id: str,
    quantity: int,
    price: int,
    currency: str = "BRL",
    *,
    discount: int = 0,
    tax: int = 0,
) -> Line:
    return Line(
        line_id,
        line_id,
        f"The {line_id}",
        quantity,
        Money(price, currency),
        Money(discount, currency),
        Money(tax, currency),
    )


def ordered(
    lines: Sequence[Line],
    *,
    payments: Sequence[tuple[str, int | None]] = (("card", None),),
    shipping: int = 0,
    discount: int = 0,
    included: bool = True,
) -> Order:
    """``payments`` by method; one may be without its amount."""
    currency = lines[0].unit_price.currency
    whole = sum(line.net.minor + (0 if included else line.tax.minor) for line in lines)
    made = replace(
        content(*lines),
        currency=currency,
        shipping=Money(shipping, currency),
        discount=Money(discount, currency),
        total=Money(whole + shipping - discount, currency),
        prices_include_tax=included,
        payments=tuple(
            PaymentRequest(
                method,
                "simulator",
                Money(0, currency),
                amount=None if amount is None else Money(amount, currency),
            )
            for method, amount in payments
        ),
    )
    return begin(happened.OrderCaptured(made))


def held(order: Order) -> Order:
    """Its stock reserved, and all of its money."""
    order = given(order, happened.OrderSourced(allocated(order), "rule", "why"))
    for payment in order.payments.each:
        if payment.amount:
            order = given(
                order,
                happened.PaymentAuthorized(
                    payment.id, payment.amount.minor, f"{payment.id}:a", f"{payment.id}:authorized"
                ),
            )
    return order


def taken(order: Order, amounts: Sequence[int] = ()) -> Order:
    """Its money captured: all of it, or ``amounts`` by payment."""
    for number, payment in enumerate(order.payments.each):
        amount = amounts[number] if amounts else payment.amount.minor
        if amount:
            order = given(
                order,
                happened.PaymentCaptured(payment.id, amount, f"{payment.id}:c", f"{payment.id}:c"),
            )
    return order


def paid(order: Order) -> Order:
    return taken(held(order))


def delivered(order: Order) -> Order:
    """All of it with the customer, as a channel that fulfilled it says."""
    counts = tuple(
        replace(counts, reserved=0, delivered=counts.reserved) for counts in order.progress.counts
    )
    return order.with_progress(counts=counts, allocations=())


def arrived(order: Order) -> Order:
    """Every refund that was asked for is with the customer."""
    for refund in order.progress.refunds:
        for part in refund.parts:
            if part.state == "requested":
                name = f"{refund.id}:{part.payment_id}:{part.attempt}"
                order = evolve_all(
                    order,
                    (
                        happened.PaymentRefunded(
                            refund.id, part.payment_id, part.amount, name, name
                        ),
                    ),
                )
    return order


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Paid for by up to three payments; nothing of it has left."""
    currency = draw(st.sampled_from(("BRL", "JPY", "KWD")))
    included = draw(st.booleans())
    lines = []
    for number in range(draw(st.integers(1, 4))):
        quantity, price = draw(st.integers(1, 7)), draw(st.integers(0, 5000))
        discount = draw(st.integers(0, quantity * price))
        tax = draw(st.integers(0, quantity * price - discount))
        lines.append(priced(f"L{number}", quantity, price, currency, discount=discount, tax=tax))
    whole = sum(line.net.minor + (0 if included else line.tax.minor) for line in lines)
    shipping = draw(st.integers(0, 2000))
    discount = draw(st.integers(0, whole + shipping))
    rest, payments = whole + shipping - discount, list[tuple[str, int | None]]()
    for _ in range(draw(st.integers(0, 2))):
        if rest > 1:
            amount = draw(st.integers(1, rest - 1))
            payments.append((draw(st.sampled_from(METHODS)), amount))
            rest -= amount
    payments.append((draw(st.sampled_from(METHODS)), None))
    made = ordered(
        lines, payments=payments, shipping=shipping, discount=discount, included=included
    )
    return paid(made)
