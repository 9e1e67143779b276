"""What a refund comes to, what it is refused for, and that it never gives back too much."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given as holds_for
from hypothesis import strategies as st

from oms.kernel.errors import Conflict, Invalid, NotFound, OmsError
from oms.kernel.money import Money
from oms.orders import cancelling, parts
from oms.orders import events as happened
from oms.orders.contract import MAX_LINES
from oms.orders.evolve import begin, evolve_all
from oms.orders.model import STORE_CREDIT, Counts, Order
from oms.orders.parts import amounts_of
from oms.orders.refundable import share_of, shipping_left, units_left
from oms.orders.refunding import decide, decide_retry
from oms.orders.repaying import left_to_repay
from oms.orders.suggesting import Asked, AskedLine, suggest
from oms.pricing.amounts import OrderAmounts
from tests.samples import money
from tests.unit.orders.refund_samples import (
    arrived,
    delivered,
    held,
    ordered,
    orders,
    paid,
    priced,
    taken,
)

# 100 in thirds, with 20 of tax within, and 7 off the order, of which 5 are of this line.
MUG = priced("MUG", 3, 40, discount=20, tax=20)
TEE = priced("TEE", 2, 20, tax=6)


def an_order(**changes: object) -> Order:
    return ordered([MUG, TEE], shipping=10, discount=7, **changes)  # type: ignore[arg-type]


def line(line_id: str, quantity: int | None = None, unshipped: bool | None = None) -> AskedLine:
    return AskedLine(line_id, None if quantity is None else Decimal(quantity), unshipped)


def after(order: Order, asked: Asked, key: str = "k") -> Order:
    return evolve_all(order, decide(order, asked, f"{key}:digest").events)


def refused(order: Order, asked: Asked) -> OmsError:
    with pytest.raises(OmsError) as error:
        suggest(order, asked)
    return error.value


def test_a_refund_of_the_largest_order_is_reckoned_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reckoned: list[Order] = []

    def counted(order: Order) -> OrderAmounts:
        reckoned.append(order)
        return amounts_of(order)

    monkeypatch.setattr(parts, "amounts_of", counted)
    many = [priced(f"MUG-{number}", 3, 40, discount=20, tax=6) for number in range(MAX_LINES)]
    found = suggest(paid(ordered(many, shipping=10, discount=7)), Asked())
    assert (len(found.lines), len(reckoned)) == (MAX_LINES, 2)


# --- what it comes to -----------------------------------------------------------------------


def test_units_come_to_their_share_of_the_line_less_discounts_with_tax() -> None:
    found = suggest(paid(an_order()), Asked((line("MUG", 1),))).lines[0].share

    assert (found.amount, found.net + found.tax) == (32, 32)  # 95 in thirds: 32, 31, 32
    assert found.discount == 8  # 40 less 32


def test_all_that_is_left_of_the_order_is_refunded_when_nothing_is_named() -> None:
    order = delivered(paid(an_order()))
    first = after(order, Asked((line("MUG", 2),), shipping=money(4)))

    found = suggest(first, Asked())

    assert {one.share.line_id: one.share.units for one in found.lines} == {"MUG": 1, "TEE": 2}
    assert found.shipping == 6
    assert found.amount == found.refundable == order.content.total.minor - 67


def test_units_that_have_not_left_are_cancelled_and_their_stock_is_free() -> None:
    order = paid(an_order())

    decided = decide(order, Asked((line("MUG", 2),)), "k:d")

    assert sum(one.quantity for one in decided.allocations) == 2
    assert evolve_all(order, decided.events).progress.counts[0].cancelled == 2
    assert [type(event) for event in decided.events] == [
        happened.ReservationReduced,
        happened.UnitsCancelled,
        happened.RefundRequested,
    ]


def test_units_that_still_go_to_the_customer_are_not_cancelled() -> None:
    order = after(paid(an_order()), Asked((line("MUG", 2),), cancel=False))

    assert order.progress.counts[0].cancelled == 0
    assert units_left(order, "MUG") == 1
    assert order.due == order.payments.kept - order.payments.refund_pending


def test_what_was_not_taken_for_cancelled_units_is_simply_not_taken() -> None:
    order = taken(held(ordered([priced("MUG", 2, 50)])), [60])

    found = suggest(order, Asked((line("MUG", 1),)))

    assert (found.unpaid, found.amount) == (40, 10)
    assert after(order, Asked((line("MUG", 1),))).due == money(50)


def test_shipping_that_was_not_taken_yet_is_settled_once() -> None:
    order = taken(held(ordered([priced("MUG", 2, 50)], shipping=30)), [10])

    order = after(order, Asked(shipping=True, cancel=False))

    refund = order.progress.refunds[0]
    assert (refund.amount, refund.granted, refund.shipping) == (10, 30, 30)
    assert (order.due, shipping_left(order)) == (money(100), money(0))


def test_what_was_not_taken_for_cancelled_units_takes_nothing_from_the_rest() -> None:
    order = taken(held(ordered([priced("MUG", 2, 50)], shipping=30)), [80])

    refund = after(order, Asked((line("MUG", 1),), shipping=True)).progress.refunds[0]

    assert (refund.amount, refund.lines[0].amount, refund.shipping) == (30, 0, 30)


def test_an_amount_that_is_less_is_spread_over_what_is_named() -> None:
    order = after(
        delivered(paid(an_order())), Asked((line("TEE"),), shipping=True, amount=money(24))
    )
    refund = order.progress.refunds[0]

    assert refund.amount == 24
    assert (refund.lines[0].amount, refund.shipping, refund.goodwill) == (19, 5, 0)
    assert shipping_left(order) == money(5)


def test_an_amount_that_is_more_counts_as_goodwill() -> None:
    order = after(delivered(paid(an_order())), Asked((line("TEE", 1),), amount=money(30)))

    assert (order.progress.refunds[0].lines[0].amount, order.progress.refunds[0].goodwill) == (
        19,
        11,
    )


def test_what_is_kept_of_cancelled_units_on_purpose_stays_due() -> None:
    order = after(paid(an_order()), Asked((line("TEE"),), amount=money(20)))

    assert order.progress.granted == -18
    assert order.due == money(order.content.total.minor - 20)


def test_goodwill_is_added_to_what_is_named() -> None:
    found = suggest(delivered(paid(an_order())), Asked((line("TEE"),), goodwill=money(3)))

    assert (found.amount, found.goodwill) == (41, 3)


def test_an_order_of_which_nothing_is_left_goes_down() -> None:
    events = decide(paid(an_order()), Asked(), "k:d").events

    assert isinstance(events[-1], happened.CancelRequested)
    assert sum(e.amount for e in events if isinstance(e, happened.RefundRequested)) == 143


def test_it_goes_back_to_the_payments_that_are_named_first_and_spills_over() -> None:
    order = paid(an_order(payments=[("gift_card", 50), ("card", 40), ("pix", None)]))
    one, two, three = (payment.id for payment in order.payments.each)

    assert suggest(order, Asked(amount=money(60))).parts == ((two, 40), (three, 20))
    assert suggest(order, Asked(amount=money(60), payments=(one,))).parts == ((one, 50), (two, 10))


def test_what_is_sold_by_weight_is_refunded_by_weight() -> None:
    cheese = replace(priced("CHEESE", 1250, 3990, tax=100), scale=3)
    order = paid(ordered([cheese]))

    half = suggest(order, Asked((AskedLine("CHEESE", Decimal("0.625")),)))

    assert (half.amount, half.lines[0].share.units) == (2494, 625)
    rest = suggest(after(order, Asked((AskedLine("CHEESE", Decimal("0.625")),))), Asked())
    assert rest.amount == order.content.total.minor - 2494


def test_a_bundle_is_refunded_with_all_its_parts() -> None:
    parts = [
        replace(priced("SET/MUG", 4, 10), bundle="SET", bundles=2),
        replace(priced("SET/TEE", 2, 30), bundle="SET", bundles=2),
    ]

    found = suggest(paid(ordered(parts)), Asked((line("SET", 1),)))

    assert {one.share.line_id: one.share.units for one in found.lines} == {
        "SET/MUG": 2,
        "SET/TEE": 1,
    }
    assert found.amount == 50


# --- what is refused ------------------------------------------------------------------------


def test_more_than_was_captured_and_is_not_refunded_is_refused_with_what_is_left() -> None:
    order = delivered(paid(an_order()))
    error = refused(order, Asked(amount=money(144)))

    assert (error.problem_code, error.context["refundable"]) == ("refund_above_captured", "1.43")
    assert refused(order, Asked(goodwill=money(144))).problem_code == "refund_above_captured"


def test_what_is_held_but_not_taken_is_not_refunded() -> None:
    error = refused(held(an_order()), Asked((line("MUG", 1),)))

    assert (error.problem_code, error.context["refundable"]) == ("refund_above_captured", "0.00")


def test_more_units_than_are_left_are_refused_with_how_many_are() -> None:
    order = after(delivered(paid(an_order())), Asked((line("MUG", 1),)))
    error = refused(order, Asked((line("MUG", 3),)))

    assert (error.problem_code, error.context["available"]) == ("line_above_available", "2")


def test_units_that_have_left_are_not_refunded_as_units_that_have_not() -> None:
    gone = delivered(paid(an_order()))

    assert refused(gone, Asked((line("MUG", 1, True),))).problem_code == "line_above_available"
    here = paid(an_order())
    assert refused(here, Asked((line("MUG", 1, False),))).problem_code == "line_above_available"


def test_units_that_have_left_and_units_that_have_not_are_named_apart() -> None:
    order = paid(an_order())
    order = order.with_progress(
        counts=(Counts(reserved=2, delivered=1), order.progress.counts[1]),
        allocations=(
            replace(order.progress.allocations[0], quantity=2),
            *order.progress.allocations[1:],
        ),
    )

    both = suggest(order, Asked((line("MUG", 1, True), line("MUG", 1, False)))).lines[0]
    assert (both.share.units, both.cancelled and both.cancelled.units) == (2, 1)
    assert suggest(order, Asked((line("MUG", None, True),))).cancelled == {"MUG": 2}
    gone = suggest(order, Asked((line("MUG", None, False),)))
    assert (gone.lines[0].share.units, gone.cancelled) == (1, {})
    twice = refused(order, Asked((line("MUG", 1, True), line("MUG", 1, True))))
    assert twice.problem_code == "line_twice"
    above = refused(order, Asked((line("MUG", 3), line("MUG", 1, False))))
    assert above.problem_code == "line_above_available"


def test_shipping_is_refunded_once() -> None:
    order = delivered(paid(an_order()))
    assert refused(order, Asked(shipping=money(11))).context["available"] == "0.10"

    order = after(order, Asked(shipping=True))
    error = refused(order, Asked(shipping=True))
    assert (error.problem_code, error.context["available"]) == ("shipping_above_available", "0.00")
    free = delivered(paid(ordered([MUG])))
    assert refused(free, Asked(shipping=True)).problem_code == "shipping_above_available"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Asked((line("CAP", 1),)), "unknown_line"),
        (Asked((line("MUG", 1), line("MUG", 1))), "line_twice"),
        (Asked((line("MUG", 0),)), "quantity_not_positive"),
        (Asked((AskedLine("MUG", Decimal("0.5")),)), "too_many_decimals"),
        (Asked(fees=("wrap",)), "unknown_fee"),
        (Asked(amount=money(0)), "amount_not_positive"),
        (Asked(amount=Money(1, "EUR")), "wrong_currency"),
        (Asked(goodwill=Money(1, "EUR")), "wrong_currency"),
        (Asked(shipping=Money(1, "EUR")), "wrong_currency"),
        (Asked(amount=money(1), payments=("pay_x",)), "unknown_payment"),
    ],
)
def test_what_breaks_a_rule_is_refused(asked: Asked, code: str) -> None:
    error = refused(delivered(paid(an_order())), asked)

    assert isinstance(error, Invalid)
    assert error.problem_code == code


def test_an_order_that_is_being_cancelled_gives_all_back_anyway() -> None:
    order = evolve_all(paid(an_order()), (happened.CancelRequested("why"),))

    assert refused(order, Asked()).problem_code == "cancelling"


def test_what_was_refunded_with_all_of_it_is_nothing_to_refund() -> None:
    order = after(delivered(paid(an_order())), Asked(goodwill=money(100)))
    order = after(order, Asked((line("MUG"),)), "k2")

    assert left_to_repay(order) == 0
    assert refused(order, Asked((line("TEE"),))).problem_code == "refund_above_captured"


# --- once -----------------------------------------------------------------------------------


def test_the_same_again_by_its_key_changes_nothing() -> None:
    order = delivered(paid(an_order()))
    order = evolve_all(order, decide(order, Asked(amount=money(5)), "k:one").events)

    assert decide(order, Asked(amount=money(5)), "k:one").events == ()
    with pytest.raises(Conflict) as differs:
        decide(order, Asked(amount=money(6)), "k:two")
    assert differs.value.problem_code == "content_differs"


# --- what failed ----------------------------------------------------------------------------


def failed(order: Order) -> Order:
    """The first part of its last refund did not arrive."""
    refund = order.progress.refunds[-1]
    part = refund.parts[0]
    name = f"{refund.id}:{part.payment_id}:{part.attempt}:failed"
    told = happened.RefundFailed(refund.id, part.payment_id, part.amount, "declined", name)
    return evolve_all(order, (told,))


def test_what_failed_is_still_owed_and_nobody_elses() -> None:
    order = failed(after(delivered(paid(an_order())), Asked(amount=money(100))))

    assert order.payments.refundable == money(143)
    assert left_to_repay(order) == 43
    assert refused(order, Asked(amount=money(44))).problem_code == "refund_above_captured"


def test_what_failed_is_given_back_again_by_the_same_payment() -> None:
    order = failed(after(delivered(paid(an_order())), Asked(amount=money(100))))
    refund = order.progress.refunds[0]

    order = evolve_all(order, decide_retry(order, refund.id))

    assert order.refund_state(refund.id) == "requested"
    assert order.progress.refunds[0].parts[0].attempt == 2
    assert order.payments.refundable == money(43)
    assert decide_retry(order, refund.id) == ()
    order = arrived(order)
    assert (order.refund_state(refund.id), order.payments.refunded) == ("refunded", money(100))


def test_what_failed_goes_another_way() -> None:
    order = delivered(paid(an_order(payments=[("card", 100), ("pix", None)])))
    order = failed(after(order, Asked(amount=money(30))))
    refund, other = order.progress.refunds[0], order.payments.each[1].id

    again = decide_retry(order, refund.id, STORE_CREDIT, (other,))

    assert isinstance(again[0], happened.RefundRetried)
    assert again[0].to == STORE_CREDIT
    assert [(part.payment_id, part.amount) for part in again[0].parts] == [(other, 30)]


def test_what_did_not_fail_is_not_given_back_again() -> None:
    order = arrived(after(delivered(paid(an_order())), Asked(amount=money(30))))

    with pytest.raises(Conflict) as error:
        decide_retry(order, order.progress.refunds[0].id)
    assert error.value.problem_code == "refund_not_failed"
    with pytest.raises(NotFound) as unknown:
        decide_retry(order, "rfd_x")
    assert unknown.value.problem_code == "unknown_refund"


# --- what always holds ----------------------------------------------------------------------


def check(order: Order) -> None:
    for payment in order.payments.each:
        assert 0 <= payment.refunded.minor + payment.refund_pending.minor <= payment.captured.minor
    given_back = sum(refund.amount for refund in order.progress.refunds)
    assert 0 <= given_back <= order.payments.captured.minor
    for refund in order.progress.refunds:
        named = sum(one.amount for one in refund.lines) + refund.shipping + refund.goodwill
        assert sum(part.amount for part in refund.parts) == refund.amount
        if refund.key:
            assert named == refund.amount
    if not order.cancel_requested:
        assert order.due.minor == order.payments.captured.minor - given_back


@st.composite
def steps(draw: st.DrawFn, order: Order) -> Asked:
    lines = tuple(
        line(one.line_id, draw(st.integers(1, left)))
        for one in order.content.lines
        if (left := units_left(order, one.line_id)) and draw(st.booleans())
    )
    left = left_to_repay(order)
    amount = draw(st.none() | st.integers(1, left)) if left else None
    return Asked(
        lines,
        shipping=bool(shipping_left(order)) and draw(st.booleans()),
        amount=None if amount is None else Money(amount, order.content.currency),
        payments=tuple(
            draw(st.lists(st.sampled_from([one.id for one in order.payments.each]), unique=True))
        ),
        cancel=draw(st.booleans()),
    )


@holds_for(order=orders(), data=st.data())
def test_never_more_than_was_paid_goes_back_whatever_is_asked_for(
    order: Order, data: st.DataObject
) -> None:
    if data.draw(st.booleans()):
        order = delivered(order)
    for number in range(data.draw(st.integers(1, 5))):
        if order.cancel_requested:
            break
        try:
            order = after(order, data.draw(steps(order)), str(number))
        except Conflict:
            continue
        check(order)
        if data.draw(st.booleans()):
            order = arrived(order)
            check(order)


@holds_for(order=orders(), data=st.data())
def test_what_was_not_taken_is_neither_given_back_nor_taken_later(
    order: Order, data: st.DataObject
) -> None:
    amounts = [data.draw(st.integers(0, one.amount.minor)) for one in order.payments.each]
    order = taken(held(begin(happened.OrderCaptured(order.content))), amounts)
    for number in range(data.draw(st.integers(1, 4))):
        try:
            order = after(order, data.draw(steps(order)), str(number))
        except Conflict:
            continue
        if order.cancel_requested:
            break
        kept = order.payments.kept.minor - order.payments.refund_pending.minor
        # What is still to be taken is held.
        assert kept <= order.due.minor <= kept + order.payments.capturable.minor


@holds_for(order=orders(), data=st.data())
def test_the_parts_of_lines_sum_to_them_in_whatever_order_they_are_cancelled_and_refunded(
    order: Order, data: st.DataObject
) -> None:
    whole, taxes = amounts_of(order), 0
    dealt_with, number = 0, 0
    while lefts := [one.line_id for one in order.content.lines if units_left(order, one.line_id)]:
        number += 1
        line_id = data.draw(st.sampled_from(lefts))
        units = data.draw(st.integers(1, units_left(order, line_id)))
        events = cancelling.cancel_units(order, {line_id: units}, "why").events
        share = share_of(order, line_id, units)
        assert share.net + share.tax == share.amount
        if share.amount and data.draw(st.booleans()):
            asked = Asked((line(line_id, units),), cancel=data.draw(st.booleans()))
            events = decide(order, asked, f"{number}:digest").events
        order = evolve_all(order, events)
        taxes += share.tax
        dealt_with += sum(worth(event) for event in events)
        if order.cancel_requested:
            order = order.with_progress(cancel_reason="")
    assert dealt_with == sum(one.gross.minor for one in whole.lines)
    assert taxes == sum(one.tax.minor for one in whole.lines)


def worth(event: happened.Event) -> int:
    """Of the units that are dealt with in it."""
    match event:
        case happened.UnitsCancelled():
            return event.amount
        case happened.RefundRequested():
            return sum(one.amount for one in event.lines if not one.cancelled)
    return 0
