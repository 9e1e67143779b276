from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from oms.kernel.errors import NotFound
from oms.kernel.events import Envelope
from oms.kernel.money import Money
from oms.notifications.model import Kind, Way, choose_locale, notice_of
from oms.orders import events as happened
from oms.orders.model import Content, Fee, Order, PaymentRequest, RefundPart, Units

After = Callable[..., tuple[Envelope, Order]]
Told = tuple[Envelope, Order]


@pytest.mark.parametrize(
    ("locale", "country", "chosen"),
    [
        ("pt-BR", "BR", "pt-BR"),
        ("pt", "US", "pt-BR"),
        ("pt_PT", "PT", "pt-BR"),
        ("PT-br", "BR", "pt-BR"),
        ("en-US", "BR", "en"),
        ("es-MX", "MX", "en"),
        ("ptx", "BR", "en"),
        ("", "BR", "pt-BR"),
        ("", "US", "en"),
        ("", "", "en"),
    ],
)
def test_the_locale_chooses_the_language(locale: str, country: str, chosen: str) -> None:
    assert choose_locale(locale, country) == chosen


def test_capture_makes_a_confirmation_of_the_whole_order(after: After) -> None:
    notice = notice_of(*after())

    assert notice is not None
    assert notice.kind is Kind.CONFIRMATION
    assert notice.order_number == "W-1001"
    assert [line.quantity for line in notice.lines] == [2, 1250]


def test_the_totals_of_a_confirmation_add_up(after: After) -> None:
    notice = notice_of(*after())

    assert notice is not None
    totals = notice.totals
    whole = totals.subtotal - totals.discount + totals.shipping + totals.fees + totals.tax
    assert whole == totals.total == Money(131490, "BRL")


def test_jeopardy_makes_a_notice_of_the_line_and_its_day(endangered: Told) -> None:
    notice = notice_of(*endangered)

    assert notice is not None
    assert notice.kind is Kind.PROMISE_CHANGED
    assert (notice.promised, notice.expected) == (date(2026, 5, 8), date(2026, 5, 12))
    assert [line.name for line in notice.lines] == ["Camiseta <azul>"]


def test_a_promise_that_is_kept_after_all_is_told_too(after: After, endangered: Told) -> None:
    restored = happened.PromiseRestored("1", date(2026, 5, 8), date(2026, 5, 8))
    notice = notice_of(*after(restored, content=endangered[1].content))

    assert notice is not None
    assert notice.expected == notice.promised


def test_tax_is_shown_when_prices_do_not_include_it(after: After, content: Content) -> None:
    lines = tuple(replace(line, tax=Money(500, "BRL")) for line in content.lines)
    taxed = replace(content, lines=lines, prices_include_tax=False)

    notice = notice_of(*after(content=taxed))

    assert notice is not None
    assert notice.totals.tax == Money(1000, "BRL")


def test_fees_are_shown_and_taxed_with_the_rest(after: After, content: Content) -> None:
    fees = (Fee("wrap", "Gift wrap", Money(500, "BRL"), Money(50, "BRL")),)
    shipped = Money(100, "BRL")
    charged = replace(content, fees=fees, shipping_tax=shipped, prices_include_tax=False)

    notice = notice_of(*after(content=charged))

    assert notice is not None
    assert (notice.totals.fees.minor, notice.totals.tax.minor) == (500, 150)


def test_shipped_tells_of_its_own_parcel_only(shipped: Told) -> None:
    notice = notice_of(*shipped)

    assert notice is not None
    assert notice.kind is Kind.SHIPPED
    assert (notice.carrier, notice.tracking_number) == ("Correios", "BR123456789")
    assert [line.name for line in notice.lines] == ["Camiseta <azul>"]


def test_nobody_is_told_of_a_parcel_that_left_quietly(shipped: Told) -> None:
    event, order = shipped
    quietly = replace(event, data={**event.data, "quiet": True})
    assert notice_of(quietly, order) is None


def test_a_shipped_event_that_comes_late_still_tells_of_shipping(
    shipped: Told, delivered: Told
) -> None:
    event, _ = shipped
    _, order = delivered

    notice = notice_of(event, order)

    assert notice is not None
    assert notice.kind is Kind.SHIPPED


def test_refunded_tells_the_amount_of_this_refund(refunded: Told) -> None:
    notice = notice_of(*refunded)

    assert notice is not None
    assert notice.refunded == Money(12990, "BRL")
    assert notice.ways == (Way("card", Money(12990, "BRL")),)


def test_refunded_tells_of_store_credit(after: After, refunded: Told) -> None:
    event, order = refunded
    refund = replace(order.progress.refunds[0], to="store_credit")

    notice = notice_of(event, order.with_progress(refunds=(refund,)))

    assert notice is not None
    assert notice.ways == (Way("store_credit", Money(12990, "BRL")),)


def test_refunded_tells_what_a_person_gave_back(refunded: Told) -> None:
    event, order = refunded
    refund = replace(order.progress.refunds[0], to="by_hand")

    notice = notice_of(event, order.with_progress(refunds=(refund,)))

    assert notice is not None
    assert notice.ways == (Way("by_hand", Money(12990, "BRL")),)


def test_what_pays_for_another_order_is_not_told_as_a_refund(refunded: Told) -> None:
    event, order = refunded
    refund = replace(order.progress.refunds[0], to="exchange:ord_1")

    assert notice_of(event, order.with_progress(refunds=(refund,))) is None


def by_exchange(told: Told, also_by_card: int = 0) -> Told:
    """As if an exchange had paid the order, and a card the rest of it."""
    event, order = told
    asked = PaymentRequest("exchange", "exchange", Money(0, "BRL"))
    content = replace(order.content, exchange_of="ret_1", payments=(asked,))
    (card,) = order.payments.each
    exchange = replace(card, id="pay_exchange", method="exchange", provider="exchange")
    (refund,) = order.progress.refunds
    parts = [RefundPart("pay_exchange", refund.amount - also_by_card)]
    if also_by_card:
        parts.append(RefundPart(card.id, also_by_card))
    progress = replace(
        order.progress, payments=(exchange, card), refunds=(replace(refund, parts=tuple(parts)),)
    )
    return event, replace(order, content=content, progress=progress)


def test_what_goes_back_to_another_order_is_told_once_with_that_one(refunded: Told) -> None:
    notice = notice_of(*by_exchange(refunded, also_by_card=2990))

    assert notice is not None
    assert notice.refunded == Money(2990, "BRL")
    assert notice.ways == (Way("card", Money(2990, "BRL")),)
    assert notice_of(*by_exchange(refunded)) is None


def test_cancelled_promises_nothing_that_another_order_keeps(refunded: Told) -> None:
    event, order = by_exchange(refunded)
    cancelled = replace(event, type="order_cancelled", data={"reason": "changed_my_mind"})

    notice = notice_of(cancelled, order)

    assert notice is not None
    assert (notice.refund_due, notice.paid_by_exchange) == (None, True)


def test_cancelled_tells_what_will_be_paid_back(after: After, refunded: Told) -> None:
    paid_event, paid = refunded
    event = replace(paid_event, type="order_cancelled", data={"reason": "changed_my_mind"})

    notice, unpaid = notice_of(event, paid), notice_of(*after(happened.OrderCancelled("late")))

    assert notice is not None
    assert unpaid is not None
    assert notice.refund_due == Money(12990, "BRL")
    assert unpaid.refund_due is None


def test_the_last_units_are_told_with_the_order_that_is_cancelled(after: After) -> None:
    units = happened.UnitsCancelled((Units("1", 1),), 5990, "too_many")
    event, _ = after(units)
    _, cancelled = after(units, happened.CancelRequested("too_many"))

    assert notice_of(event, cancelled) is None


def test_other_events_make_no_notice(after: After) -> None:
    assert notice_of(*after(happened.CancelRequested("changed_my_mind"))) is None


def test_a_channel_that_fulfils_its_own_order_tells_its_customer(
    after: After, content: Content
) -> None:
    assert notice_of(*after(content=replace(content, fulfilled_by_channel=True))) is None


def test_an_event_of_a_fulfilment_that_is_not_there_is_refused(shipped: Told) -> None:
    event, order = shipped
    stranger = replace(event, data={"fulfillment_id": "ful_aaaaaaaaaaaaaaaaaaaaaaaaaa_9"})

    with pytest.raises(NotFound):
        notice_of(stranger, order)
