"""What shipments are taken for sums to what is due, in whatever order they leave, to the cent."""

from dataclasses import replace
from random import Random

from hypothesis import given as fed
from hypothesis import settings
from hypothesis import strategies as st

from oms.kernel.money import Money
from oms.orders import decisions, paying, taking, work
from oms.orders import events as happened
from oms.orders.evolve import begin, evolve_all
from oms.orders.model import Allocation, CaptureOn, Order, PaymentRequest
from tests.samples import content, line, money

LINES = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 9_999), st.integers(0, 500)),
    min_size=1,
    max_size=5,
)


def released(lines: list[tuple[int, int, int]], discount: int, shipping: int, first: int) -> Order:
    """Each line from a node of its own; two cards, of which the first bears ``first`` at most."""
    sold = tuple(
        replace(line(f"SKU{number}", units, price), tax=money(tax))
        for number, (units, price, tax) in enumerate(lines)
    )
    before = sum(one.net.minor + one.tax.minor for one in sold)
    off = min(discount, before)
    total = before + shipping - off
    bears = min(first, total - 1) if total > 1 else 0
    ways = [None] if bears < 1 else [money(bears), None]
    asked = tuple(
        PaymentRequest("card", "simulator", money(0), "4242424242424242", amount=amount)
        for amount in ways
    )
    of = replace(
        content(*sold),
        shipping=money(shipping),
        discount=money(off),
        total=money(total),
        payments=asked,
        capture_on=CaptureOn.SHIPMENT,
    )
    order = begin(happened.OrderCaptured(of))
    allocations = tuple(
        Allocation(one.line_id, one.sku, f"node-{number}", one.quantity)
        for number, one in enumerate(sold)
    )
    order = evolve_all(order, (happened.OrderSourced(allocations, "rule", "why"),))
    for one in order.payments.each:
        if one.amount.minor:
            held = paying.authorize_payment(order, one.amount.minor, one.id, one.id, one.id)
            order = evolve_all(order, held)
    return evolve_all(order, decisions.release(order)) if order.payments.authorized else order


def shipped(order: Order, part: str) -> Order:
    steps = (
        happened.FulfillmentAccepted(part),
        happened.FulfillmentPicked(part),
        happened.FulfillmentPacked(part),
    )
    order = evolve_all(order, steps)
    left = decisions.ship(order, part, "Correios", part)
    return evolve_all(order, taking.with_captures(order, left))


def made(order: Order) -> Order:
    for asked in paying.open_captures(order):
        order = evolve_all(order, paying.capture_made(order, asked))
    return order


def cancelled(order: Order, part: str) -> Order:
    """All of a part that has not left is wanted no more."""
    found = order.fulfillment(part)
    assert found is not None
    units = found.units
    order = evolve_all(order, (happened.FulfillmentReduced(part, work.as_units(units)),))
    return evolve_all(order, work.cancel_open(order, units, "not wanted"))


@settings(max_examples=80, deadline=None)
@fed(
    lines=LINES,
    discount=st.integers(0, 5_000),
    shipping=st.integers(0, 2_000),
    first=st.integers(0, 20_000),
    order_of=st.randoms(use_true_random=False),
    lazily=st.booleans(),
    without=st.integers(0, 4),
)
def test_shipments_sum_to_what_is_due_and_take_no_more_than_is_held(
    lines: list[tuple[int, int, int]],
    discount: int,
    shipping: int,
    first: int,
    order_of: Random,
    lazily: bool,
    without: int,
) -> None:
    order = released(lines, discount, shipping, first)
    parts = [part.id for part in order.progress.fulfillments]
    order_of.shuffle(parts)
    dropped = set(parts[1:][:without]) if len(parts) > 1 else set()
    for part in parts:
        if part in dropped:
            order = cancelled(order, part)
            continue
        order = shipped(order, part)
        order = order if lazily else made(order)
        for one in order.payments.each:
            taken = one.captured + one.capture_pending
            assert Money.zero("BRL") <= taken <= one.authorized
    order = made(order)

    assert order.payments.captured - order.payments.refund_pending == order.due
    assert paying.amount_to_capture(order) == 0
    assert order.payments.capture_pending == Money.zero("BRL")
