from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.money import Money
from oms.reporting.settlement import (
    Belief,
    Difference,
    MovementOfMoney,
    Pair,
    Reconciliation,
    SettledRow,
    SettlementOutcome,
    reconcile,
    totals,
)

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
END = NOON + timedelta(days=5)
CAPTURE, REFUND = MovementOfMoney.CAPTURE, MovementOfMoney.REFUND
PAYMENT = "pay_1"


def ours(
    name: str,
    minor: int = 1000,
    kind: MovementOfMoney = CAPTURE,
    *,
    currency: str = "BRL",
    payment: str = PAYMENT,
    days: int = 0,
) -> Belief:
    return Belief(
        id=f"{name}:1",
        kind=kind,
        at=NOON + timedelta(days=days),
        order_id="ord",
        payment_id=payment,
        amount=Money(minor, currency),
        references=(name, payment),
    )


def theirs(
    number: int,
    name: str,
    minor: int = 1000,
    kind: MovementOfMoney = CAPTURE,
    *,
    currency: str = "BRL",
    payment: str = PAYMENT,
    transaction: str = "",
) -> SettledRow:
    amount = Money(minor, currency)
    references, specific = ((name, payment), 1) if name else ((payment,), 0)
    return SettledRow(number, kind, amount, Money.zero(currency), references, specific, transaction)


def compare(
    due: Sequence[Belief],
    rows: Sequence[SettledRow],
    elsewhere: Sequence[Belief] = (),
    settled: Sequence[Belief] = (),
) -> Reconciliation:
    return reconcile(due, elsewhere, settled, rows, END)


def buckets(found: Reconciliation) -> list[tuple[SettlementOutcome, str, int]]:
    """SettlementOutcome, our id and their row of each difference."""
    return [
        (one.bucket, one.ours.id if one.ours else "", one.theirs.number if one.theirs else 0)
        for one in found.differences
    ]


def test_what_both_have_is_matched() -> None:
    found = compare(
        [ours("cap"), ours("ref", 300, REFUND)], [theirs(2, "cap"), theirs(3, "ref", 300, REFUND)]
    )
    assert [(pair.ours.id, pair.theirs.number) for pair in found.matched] == [
        ("cap:1", 2),
        ("ref:1", 3),
    ]
    assert found.differences == ()


def test_what_they_do_not_have_is_missing_or_in_transit_while_it_is_young() -> None:
    found = compare([ours("old"), ours("young", days=5)], [])
    assert buckets(found) == [
        (SettlementOutcome.MISSING, "old:1", 0),
        (SettlementOutcome.IN_TRANSIT, "young:1", 0),
    ]


def test_what_we_do_not_have_is_unknown() -> None:
    assert buckets(compare([], [theirs(2, "cap")])) == [(SettlementOutcome.UNKNOWN, "", 2)]


def test_the_same_movement_of_another_amount_or_currency_differs() -> None:
    found = compare(
        [ours("a"), ours("b", payment="pay_2")],
        [theirs(2, "a", 999), theirs(3, "b", currency="USD", payment="pay_2")],
    )
    assert buckets(found) == [
        (SettlementOutcome.AMOUNT, "a:1", 2),
        (SettlementOutcome.CURRENCY, "b:1", 3),
    ]


def test_the_same_row_again_is_a_duplicate() -> None:
    found = compare([ours("a")], [theirs(2, "a", transaction="t"), theirs(3, "a", transaction="t")])
    assert buckets(found) == [(SettlementOutcome.DUPLICATE, "a:1", 3)]
    assert len(found.matched) == 1


def test_charged_twice_is_a_duplicate_though_the_rows_have_names_of_their_own() -> None:
    found = compare(
        [ours("a")], [theirs(2, "x1", transaction="t1"), theirs(3, "x2", transaction="t2")]
    )
    assert buckets(found) == [(SettlementOutcome.DUPLICATE, "a:1", 3)]


def test_a_row_that_names_its_operation_is_about_that_one_whatever_the_amounts() -> None:
    due = [ours("re_1", 1000, REFUND), ours("re_2", 1200, REFUND)]
    rows = [theirs(2, "re_1", 1200, REFUND), theirs(3, "re_2", 1000, REFUND)]
    assert buckets(compare(due, rows)) == [
        (SettlementOutcome.AMOUNT, "re_1:1", 2),
        (SettlementOutcome.AMOUNT, "re_2:1", 3),
    ]


def test_parts_of_a_payment_are_told_apart_by_their_amounts() -> None:
    due = [ours("c1", 700), ours("c2", 300), ours("c3", 300)]
    found = compare(due, [theirs(2, "", 300), theirs(3, "", 700), theirs(4, "", 300)])
    assert (len(found.matched), found.differences) == (3, ())


def test_a_part_of_another_amount_is_only_paired_when_nothing_else_is_left() -> None:
    assert buckets(compare([ours("c1", 700)], [theirs(2, "", 650)])) == [
        (SettlementOutcome.AMOUNT, "c1:1", 2)
    ]
    found = compare([ours("c1", 700), ours("c2", 300)], [theirs(2, "", 650)])
    assert buckets(found) == [
        (SettlementOutcome.UNKNOWN, "", 2),
        (SettlementOutcome.MISSING, "c1:1", 0),
        (SettlementOutcome.MISSING, "c2:1", 0),
    ]


def test_a_refund_is_not_matched_by_a_capture_of_the_same_payment() -> None:
    found = compare([ours("a", 500, REFUND)], [theirs(2, "a", 500)])
    assert [bucket for bucket, _, _ in buckets(found)] == [
        SettlementOutcome.UNKNOWN,
        SettlementOutcome.MISSING,
    ]


def test_what_belongs_to_another_period_is_found_but_not_missed() -> None:
    elsewhere = [ours("late"), ours("other", payment="pay_2")]
    found = compare([], [theirs(2, "late")], elsewhere)
    assert ([pair.ours.id for pair in found.matched], found.differences) == (["late:1"], ())


def test_what_another_report_has_settled_is_a_duplicate() -> None:
    found = compare([], [theirs(2, "a"), theirs(3, "a", 5)], settled=[ours("a")])
    assert buckets(found) == [
        (SettlementOutcome.DUPLICATE, "a:1", 2),
        (SettlementOutcome.UNKNOWN, "", 3),
    ]


def test_totals_are_by_currency_and_kind() -> None:
    found = compare(
        [ours("a"), ours("b", 250, payment="pay_2"), ours("r", 99, REFUND)],
        [theirs(2, "a"), theirs(3, "a"), theirs(4, "z", currency="USD", payment="pay_9")],
    )
    said = [(one.currency, one.kind.value, one.ours, one.theirs) for one in totals(found)]
    assert said == [
        ("BRL", "capture", 1250, 2000),
        ("BRL", "refund", 99, 0),
        ("USD", "capture", 0, 1000),
    ]


NAMES = st.sampled_from(["a", "b", "c", ""])
PAYMENTS = st.sampled_from(["p1", "p2"])
AMOUNTS = st.integers(1, 3)
CURRENCIES = st.sampled_from(["BRL", "USD"])
KINDS = st.sampled_from([CAPTURE, REFUND])


@st.composite
def beliefs(draw: st.DrawFn, prefix: str) -> list[Belief]:
    made = []
    for number in range(draw(st.integers(0, 6))):
        name, payment = draw(NAMES), draw(PAYMENTS)
        made.append(
            Belief(
                f"{prefix}{number}",
                draw(KINDS),
                NOON + timedelta(days=draw(st.integers(0, 9))),
                "ord",
                payment,
                Money(draw(AMOUNTS), draw(CURRENCIES)),
                (name, payment) if name else (payment,),
            )
        )
    return made


@st.composite
def files(draw: st.DrawFn) -> list[SettledRow]:
    return [
        theirs(
            number,
            draw(NAMES),
            draw(AMOUNTS),
            draw(KINDS),
            currency=draw(CURRENCIES),
            payment=draw(PAYMENTS),
            transaction=draw(st.sampled_from(["", "", "t1", "t2"])),
        )
        for number in range(2, 2 + draw(st.integers(0, 8)))
    ]


@given(beliefs("due"), beliefs("elsewhere"), beliefs("settled"), files())
def test_every_row_and_every_movement_that_is_due_comes_out_once_and_to_the_cent(
    due: list[Belief], elsewhere: list[Belief], settled: list[Belief], rows: list[SettledRow]
) -> None:
    found = compare(due, rows, elsewhere, settled)
    paired: tuple[Pair | Difference, ...] = (*found.matched, *found.differences)
    told = Counter(one.theirs.number for one in paired if one.theirs)
    assert told == Counter(row.number for row in rows)
    own = [
        one.ours
        for one in paired
        if one.ours and getattr(one, "bucket", None) is not SettlementOutcome.DUPLICATE
    ]
    assert len({one.id for one in own}) == len(own)
    assert {one.id for one in due} <= {one.id for one in own}
    assert not {one.id for one in own} & {one.id for one in settled}
    assert sum(found.count().values()) == len(paired)
    for one in totals(found):
        mine = [b for b in own if (b.amount.currency, b.kind) == (one.currency, one.kind)]
        given_rows = [r for r in rows if (r.amount.currency, r.kind) == (one.currency, one.kind)]
        assert one.ours == sum(b.amount.minor for b in mine)
        assert one.theirs == sum(r.amount.minor for r in given_rows)


@given(beliefs("due"))
def test_a_file_of_what_we_believe_has_no_difference(due: list[Belief]) -> None:
    rows = [
        SettledRow(number, one.kind, one.amount, Money.zero("BRL"), (one.id,), 1, f"t{number}")
        for number, one in enumerate(due, start=2)
    ]
    named = [Belief(b.id, b.kind, b.at, b.order_id, b.payment_id, b.amount, (b.id,)) for b in due]
    found = compare(named, rows)
    assert (len(found.matched), found.differences) == (len(due), ())


@given(beliefs("due"), files(), st.randoms())
def test_the_order_of_what_we_believe_does_not_matter(
    due: list[Belief], rows: list[SettledRow], random: object
) -> None:
    shuffled = list(due)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert compare(shuffled, rows) == compare(due, rows)
