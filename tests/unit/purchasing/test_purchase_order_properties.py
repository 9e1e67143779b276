"""Any sequence of commands on a purchase order: its units are each in one place."""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Conflict, NotFound
from oms.purchasing import decisions
from oms.purchasing.decisions import Decision
from oms.purchasing.model import (
    Line,
    LineConfirmation,
    NoticeLine,
    PurchaseOrder,
    PurchaseState,
    ShippingNotice,
    supplies,
)
from tests.samples import CAUSE, NOW

SKUS = ("MUG", "TEE")
SKU = st.sampled_from(SKUS)
UNITS = st.integers(1, 8)
DAYS = st.integers(-3, 9).map(lambda days: NOW + timedelta(days=days))
Command = Callable[[PurchaseOrder], Decision | None]


def announcing(sku: str, units: int, name: str, day: int) -> Command:
    notice = ShippingNotice(name, NOW + timedelta(days=day), (NoticeLine(sku, units),))
    return lambda order: decisions.announce(order, notice, NOW)


COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.just(lambda order: decisions.send(order, NOW)),
    st.just(lambda order: decisions.close(order, NOW)),
    st.just(lambda order: decisions.cancel(order, NOW)),
    st.builds(
        lambda sku, units, due: (
            lambda order: decisions.confirm(order, [LineConfirmation(sku, units, due)], NOW)
        ),
        SKU,
        UNITS,
        DAYS,
    ),
    st.builds(lambda sku, due: lambda order: decisions.reschedule(order, sku, due, NOW), SKU, DAYS),
    st.builds(announcing, SKU, UNITS, st.sampled_from("abc"), st.integers(-3, 9)),
    st.builds(
        lambda sku, units, notice: (
            lambda order: decisions.receive(order, sku, "sp-dc", units, notice, NOW)
        ),
        SKU,
        UNITS,
        st.sampled_from(["", "a", "b"]),
    ),
    st.sampled_from("abc").map(lambda name: lambda order: decisions.end_notice(order, name, NOW)),
    st.builds(
        lambda name, due: lambda order: decisions.reschedule_notice(order, name, due, NOW),
        st.sampled_from("abc"),
        DAYS,
    ),
    st.builds(lambda at: lambda order: decisions.tell_late(order, at), DAYS),
)


@given(st.lists(COMMANDS, max_size=20), st.integers(0, 50))
def test_units_are_in_one_place_and_the_ledger_is_what_is_open(
    commands: list[Command], percent: int
) -> None:
    lines = (Line(1, "MUG", 10, NOW), Line(2, "TEE", 5, NOW + timedelta(days=2)))
    order = PurchaseOrder(
        "po", "acme", "sp-dc", PurchaseState.CREATED, NOW, NOW, lines, over_receipt_percent=percent
    )
    incoming = dict.fromkeys(SKUS, 0)
    for command in (lambda order: decisions.send(order, NOW), *commands):
        try:
            decision = command(order)
        except (Conflict, NotFound):
            continue
        if decision is None:
            continue
        after = decision.order
        assert after.version == order.version + 1
        _check(after, percent)
        for sku in SKUS:
            came = sum(
                units
                for supply_id, units in decision.received.items()
                if supplies(order)[supply_id].sku == sku
            )
            # A receipt has an entry of its own, in which ``incoming`` falls by what came.
            entries = () if decision.received else decisions.incoming_entries(order, after, CAUSE)
            incoming[sku] += sum(one.incoming for one in entries if one.sku == sku) - came
            opened = [one.open for one in supplies(after).values() if one.sku == sku]
            assert incoming[sku] == sum(opened)
            assert all(units > 0 for units in opened)
        order = after


def _check(order: PurchaseOrder, percent: int) -> None:
    for line in order.lines:
        expected = line.ordered - line.short
        assert 0 <= line.short <= line.ordered
        assert (
            line.received <= expected + expected * percent // 100 or line.received <= line.ordered
        )
        assert 0 <= order.announced(line.sku) <= line.ordered
