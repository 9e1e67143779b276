"""The parts of a captured order sum to it, and so do all portions of a part."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.money import Money, total
from oms.pricing.amounts import Charged, LineAmounts, OrderAmounts, order_amounts

currencies = st.sampled_from(["JPY", "BRL", "KWD"])


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


def charge(amount: int, tax: int = 0, discount: int = 0) -> Charged:
    return Charged(brl(amount), brl(tax), brl(discount))


NOTHING = charge(0)


@st.composite
def orders(draw: st.DrawFn) -> tuple[OrderAmounts, Money, bool]:
    """An order's amounts, what it comes to, and whether its prices include tax."""
    currency, included = draw(currencies), draw(st.booleans())

    def one() -> Charged:
        amount = draw(st.integers(0, 10**6))
        tax = draw(st.integers(0, amount))
        return Charged(*(Money(x, currency) for x in (amount, tax, draw(st.integers(0, 99)))))

    lines = [one() for _ in range(draw(st.integers(1, 8)))]
    shipping, fees = one(), [one() for _ in range(draw(st.integers(0, 3)))]
    charges = [*lines, shipping, *fees]
    whole = total([each.amount for each in charges], currency)
    if not included:
        whole += total([each.tax for each in charges], currency)
    discount = Money(draw(st.integers(0, whole.minor)), currency)
    amounts = order_amounts(lines, shipping, fees, discount, included=included)
    return amounts, whole - discount, included


@given(orders())
def test_lines_shipping_and_fees_come_to_the_total(drawn: tuple[OrderAmounts, Money, bool]) -> None:
    amounts, due, _ = drawn
    assert amounts.gross == due
    for one in (*amounts.lines, amounts.shipping, *amounts.fees):
        assert one.gross == one.net + one.tax
        assert min(one.gross, one.net, one.tax, one.discount).minor >= 0


@given(orders(), st.lists(st.integers(1, 9), min_size=1, max_size=9), st.randoms())
def test_portions_of_all_parts_in_any_order_come_to_what_was_paid(
    drawn: tuple[OrderAmounts, Money, bool], portions: list[int], shuffled: st.DataObject
) -> None:
    amounts, due, _ = drawn
    quantity = sum(portions)
    parts = [*amounts.lines, amounts.shipping, *amounts.fees]
    queue = [part for part in parts for _ in portions]
    shuffled.shuffle(queue)  # type: ignore[attr-defined]
    before = dict.fromkeys(map(id, parts), 0)
    sizes = {id(part): iter(portions) for part in parts}
    back = Money.zero(due.currency)
    for part in queue:
        units = next(sizes[id(part)])
        some = part.of_units(units, quantity, before[id(part)])
        assert some.gross == some.net + some.tax
        assert min(some.gross, some.net, some.tax, some.discount).minor >= 0
        before[id(part)] += units
        back += some.gross
        assert back <= due
    assert back == due


@given(orders(), st.integers(1, 50))
def test_units_come_to_the_tax_and_the_discount_of_the_line(
    drawn: tuple[OrderAmounts, Money, bool], quantity: int
) -> None:
    line = drawn[0].lines[0]
    units = [line.of_units(1, quantity, before) for before in range(quantity)]
    currency = line.gross.currency
    assert total([one.tax for one in units], currency) == line.tax
    assert total([one.net for one in units], currency) == line.net
    assert total([one.discount for one in units], currency) == line.discount


def test_a_discount_is_off_the_prices_then_the_tax_then_the_shipping_then_the_fees() -> None:
    def amounts(discount: int) -> OrderAmounts:
        lines = [charge(1000, tax=200), charge(3000, tax=600)]
        fees = [charge(300, tax=60)]
        return order_amounts(lines, charge(500, tax=100), fees, brl(discount), included=False)

    assert [one.net.minor for one in amounts(400).lines] == [900, 2700]
    assert [one.tax.minor for one in amounts(400).lines] == [200, 600]
    assert [one.gross.minor for one in amounts(4400).lines] == [100, 300]
    assert amounts(4850).shipping == LineAmounts(brl(550), brl(450), brl(100), brl(50))
    assert amounts(5350).shipping.gross.minor == 50
    assert amounts(5500).fees == (LineAmounts(brl(260), brl(200), brl(60), brl(100)),)
    assert amounts(5760).gross.minor == 0


def test_prices_with_tax_are_lowered_as_a_whole_and_hold_no_more_tax_than_is_left() -> None:
    amounts = order_amounts([charge(1000, tax=167)], NOTHING, [], brl(900), included=True)
    assert amounts.lines[0] == LineAmounts(brl(100), brl(0), brl(100), brl(900))


def test_the_tax_is_that_of_units_that_are_paid_for() -> None:
    line = LineAmounts(brl(100), brl(81), brl(19), brl(10))
    first, second, third = (line.of_units(1, 3, before) for before in range(3))
    assert [one.gross.minor for one in (first, second, third)] == [33, 34, 33]
    assert [one.tax.minor for one in (first, second, third)] == [6, 7, 6]
    assert line.of_units(3, 3) == line


def test_some_of_the_shipping_has_its_part_of_the_tax() -> None:
    shipping = LineAmounts(brl(600), brl(500), brl(100), brl(0))
    assert shipping.of_gross(brl(300)).tax.minor == 50
    assert shipping.of_gross(brl(300), before=brl(300)).tax.minor == 50
    free = replace(shipping, gross=brl(0), net=brl(0), tax=brl(0), discount=brl(600))
    assert free.of_gross(brl(0)).gross.minor == 0
