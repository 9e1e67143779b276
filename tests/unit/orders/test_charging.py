"""Fees, shipping tax and rates of tax, as channels send them: an order's total is exact."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.catalog.model import Channel
from oms.kernel.errors import Invalid
from oms.kernel.money import Money, total
from oms.orders.capture import capture
from oms.orders.contract import CaptureOrder, order_view
from oms.orders.events import OrderCaptured
from oms.orders.evolve import begin
from oms.orders.model import Content, Counts, Fee, Order
from oms.orders.parts import amount_of, amounts_of, captured_total, units_amounts
from oms.orders.refundable import fees_left, shipping_charged
from oms.pricing.amounts import LineAmounts
from tests.samples import CAUSE, captured, line, money
from tests.unit.orders.test_capture import InMemory, Shop, document


class Abroad(Shop):
    """Sells in currencies of no, two and three decimals."""

    def channel(self, channel_id: str) -> Channel | None:
        return Channel("web", "Web", ("BRL", "JPY", "KWD"))


def taken(**changes: Any) -> Order:
    request = CaptureOrder.model_validate(document(**changes))
    return capture(request, InMemory(), Abroad(), CAUSE).order


def refused(**changes: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as told:
        taken(**changes)
    return {fault.path: fault.code for fault in told.value.faults}


def mugs(**changes: Any) -> list[dict[str, Any]]:
    """79.80 of mugs."""
    return [{"sku": "MUG", "quantity": 2, "unit_price": "39.90", **changes}]


WRAP = {"fee_id": "wrap", "name": "Gift wrap", "amount": "5.00", "tax": "0.50"}
DOOR = {"fee_id": "cod", "amount": "3.00"}


def test_fees_and_shipping_tax_are_part_of_the_total() -> None:
    order = taken(shipping_tax="1.00", fees=[WRAP, DOOR], total="99.30")
    view = order_view(order)
    assert view.shipping_tax == "1.00"
    assert [(fee.fee_id, fee.name, fee.amount, fee.tax) for fee in view.fees] == [
        ("wrap", "Gift wrap", "5.00", "0.50"),
        ("cod", "", "3.00", "0.00"),
    ]
    amounts = amounts_of(order)
    assert amounts.gross == order.content.total
    assert amounts.shipping == LineAmounts(money(1100), money(1000), money(100), money(0))
    assert [fee.gross.minor for fee in amounts.fees] == [550, 300]


def test_prices_that_include_tax_include_that_of_fees_and_shipping() -> None:
    order = taken(prices_include_tax=True, shipping_tax="1.00", fees=[WRAP], total="94.80")
    amounts = amounts_of(order)
    assert amounts.gross == order.content.total
    assert amounts.shipping == LineAmounts(money(1000), money(900), money(100), money(0))
    assert amounts.fees == (LineAmounts(money(500), money(450), money(50), money(0)),)


def test_an_order_without_them_shows_none() -> None:
    view = order_view(taken())
    assert (view.shipping_tax, view.fees, view.lines[0].tax_rate) == ("0.00", [], "")


@pytest.mark.parametrize(
    ("changes", "tax", "due"),
    [
        ({"lines": mugs(tax_rate="0.23")}, 1835, "108.15"),
        ({"lines": mugs(tax_rate="0.23"), "prices_include_tax": True}, 1492, "89.80"),
        ({"lines": mugs(tax_rate="0.23", discount="9.80")}, 1610, "96.10"),
        ({"lines": mugs(tax_rate="0.23"), "discount": "9.80"}, 1610, "96.10"),
        ({"lines": mugs(tax_rate="0")}, 0, "89.80"),
        ({"lines": mugs(tax_rate="0.23"), "discount": "89.80"}, 0, "0.00"),
    ],
)
def test_the_tax_of_a_line_that_states_its_rate_is_worked_out(
    changes: dict[str, Any], tax: int, due: str
) -> None:
    order = taken(**changes, total=due)
    assert order.content.lines[0].tax.minor == tax
    assert order.content.lines[0].tax_rate == changes["lines"][0]["tax_rate"]
    assert amounts_of(order).gross == order.content.total


@pytest.mark.parametrize("tax", ["18.34", "18.35", "18.36"])
def test_a_tax_that_is_stated_with_its_rate_counts_as_it_was_rounded(tax: str) -> None:
    order = taken(lines=mugs(tax_rate="0.23", tax=tax), total=f"{Decimal('89.80') + Decimal(tax)}")
    assert str(order.content.lines[0].tax) == tax


def test_a_tax_that_was_rounded_for_each_of_many_units_agrees_with_its_rate() -> None:
    many = [{"sku": "MUG", "quantity": 10, "unit_price": "0.31", "tax_rate": "0.20", "tax": "0.60"}]
    order = taken(lines=many, total="13.70")
    assert order.content.lines[0].tax == money(60)


@pytest.mark.parametrize("tax", ["18.33", "18.37", "0", "79.80"])
def test_a_tax_that_disagrees_with_its_rate_is_refused(tax: str) -> None:
    changes = {"lines": mugs(tax_rate="0.23", tax=tax)}
    total = Decimal("89.80") + Decimal(tax)
    assert refused(**changes, total=f"{total}") == {"lines.0.tax": "tax_mismatch"}


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"fees": [WRAP, WRAP]}, "fees.1", "fee_twice"),
        ({"fees": [{**WRAP, "amount": "5.001"}]}, "fees.0.amount", "too_many_decimals"),
        ({"fees": [{**WRAP, "tax": "0.001"}]}, "fees.0.tax", "too_many_decimals"),
        ({"shipping_tax": "0.001"}, "shipping_tax", "too_many_decimals"),
        ({"fees": [WRAP]}, "total", "total_mismatch"),
        ({"shipping_tax": "1.00"}, "total", "total_mismatch"),
        ({"lines": mugs(tax_rate="0.23")}, "total", "total_mismatch"),
    ],
)
def test_what_does_not_add_up_is_refused_with_its_path(
    changes: dict[str, Any], path: str, code: str
) -> None:
    assert refused(**changes) == {path: code}


def test_a_fee_that_was_sent_makes_another_content() -> None:
    orders = InMemory()
    first = CaptureOrder.model_validate(document(channel_order_id="1"))
    capture(first, orders, Shop(), CAUSE)
    again = CaptureOrder.model_validate(document(channel_order_id="1", fees=[], shipping_tax="0"))
    assert not capture(again, orders, Shop(), CAUSE).created


@given(st.sampled_from([("JPY", 0), ("BRL", 2), ("KWD", 3)]), st.data())
def test_the_total_of_any_order_is_exact(currency: tuple[str, int], data: st.DataObject) -> None:
    code, places = currency

    def amount(most: int = 10**6) -> Decimal:
        return Decimal(data.draw(st.integers(0, most))).scaleb(-places)

    included = data.draw(st.booleans())
    lines = []
    for number in range(data.draw(st.integers(1, 6))):
        quantity, price = data.draw(st.integers(1, 9)), amount()
        discount = amount(int(price.scaleb(places)) * quantity)
        stated = {"tax": f"{amount(1000)}"} if data.draw(st.booleans()) else {"tax_rate": "0.0875"}
        lines.append(
            {
                "sku": "MUG",
                "line_id": f"{number}",
                "quantity": quantity,
                "unit_price": f"{price}",
                "discount": f"{discount}",
                **stated,
            }
        )
    fees = [
        {"fee_id": f"{n}", "amount": f"{amount()}", "tax": f"{amount(100)}"}
        for n in range(data.draw(st.integers(0, 2)))
    ]
    rest = {
        "currency": code,
        "lines": lines,
        "shipping": f"{amount()}",
        "shipping_tax": f"{amount(100)}",
        "fees": fees,
        "prices_include_tax": included,
    }
    wrong = refused_total(rest)
    order = taken(**rest, total=wrong)
    amounts = amounts_of(order)
    assert amounts.gross == order.content.total
    parts = [*amounts.lines, amounts.shipping, *amounts.fees]
    assert all(part.gross == part.net + part.tax for part in parts)
    assert all(min(part.gross, part.net, part.tax).minor >= 0 for part in parts)


def refused_total(rest: dict[str, Any]) -> str:
    """The total that the order's refusal says it comes to."""
    with pytest.raises(Invalid) as told:
        taken(**rest, total="999999999999")
    fault = next(fault for fault in told.value.faults if fault.code == "total_mismatch")
    return fault.message.rpartition(" ")[2]


# --- what units come to, of an order of which some were cancelled ----------------------------


def order_of(content: Content, cancelled: int) -> Order:
    order = captured()
    counts = tuple(Counts(cancelled=cancelled) for _ in content.lines)
    progress = replace(order.progress, counts=counts)
    return replace(order, content=content, progress=progress)


def three_mugs(**changes: Any) -> Content:
    mug = replace(line("MUG", 3, 3333), tax=money(2300), tax_rate="0.23")
    content = captured(mug, line("TEE", 1, 5000)).content
    return replace(content, discount=money(1000), total=money(16299), **changes)


def test_units_come_to_net_tax_and_discount_of_their_own() -> None:
    orders = [order_of(three_mugs(), cancelled) for cancelled in range(3)]
    units = [units_amounts(order, {"MUG": 1})["MUG"] for order in orders]
    whole = amounts_of(orders[0]).lines[0]
    assert whole == LineAmounts(money(11632), money(9332), money(2300), money(667))
    assert [one.gross.minor for one in units] == [3877, 3878, 3877]
    assert total([one.tax for one in units], "BRL") == whole.tax
    assert total([one.net for one in units], "BRL") == whole.net
    assert total([one.discount for one in units], "BRL") == whole.discount


def test_no_more_units_are_worth_anything_than_are_left() -> None:
    order = order_of(three_mugs(), 2)
    assert amount_of(order, {"MUG": 3}) == amount_of(order, {"MUG": 1})
    assert amount_of(order, {}) == 0


def test_fees_and_shipping_are_refundable_with_their_tax() -> None:
    order = taken(shipping_tax="1.00", fees=[WRAP, DOOR], discount="90.00", total="9.30")
    assert fees_left(order) == {"wrap": 550, "cod": 300}
    assert shipping_charged(order) == money(80)


@st.composite
def sold(draw: st.DrawFn) -> Order:
    currency, included = draw(st.sampled_from(["JPY", "BRL", "KWD"])), draw(st.booleans())

    def amount(most: int) -> Money:
        return Money(draw(st.integers(0, most)), currency)

    lines = tuple(
        replace(
            line("MUG", draw(st.integers(1, 6)), line_id=f"{number}"),
            unit_price=amount(5000),
            discount=Money.zero(currency),
            tax=amount(500),
        )
        for number in range(draw(st.integers(1, 4)))
    )
    sent = replace(
        captured().content,
        currency=currency,
        lines=lines,
        shipping=amount(1000),
        shipping_tax=amount(100),
        fees=(Fee("wrap", "", amount(300), amount(30)),),
        prices_include_tax=included,
        discount=Money.zero(currency),
        total=Money.zero(currency),
    )
    discount = Money(draw(st.integers(0, captured_total(sent).minor)), currency)
    sent = replace(sent, discount=discount)
    return begin(OrderCaptured(replace(sent, total=captured_total(sent))))


@given(sold(), st.data())
def test_all_units_with_shipping_and_fees_in_any_order_come_to_the_total(
    order: Order, data: st.DataObject
) -> None:
    counts = {sold.line_id: 0 for sold in order.content.lines}
    back = total(
        [Money(minor, order.content.currency) for minor in fees_left(order).values()],
        order.content.currency,
    ) + shipping_charged(order)
    while left := [one for one in order.content.lines if counts[one.line_id] < one.quantity]:
        some = data.draw(st.sampled_from(left))
        units = data.draw(st.integers(1, some.quantity - counts[some.line_id]))
        progress = replace(
            order.progress,
            counts=tuple(Counts(cancelled=counts[one.line_id]) for one in order.content.lines),
        )
        part = units_amounts(replace(order, progress=progress), {some.line_id: units})
        back += part[some.line_id].gross
        counts[some.line_id] += units
        assert back <= order.content.total
    assert back == order.content.total
