"""A payment is a set of events: whatever their order of arrival, and however often they arrive, it
comes to the same."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Conflict, Invalid
from oms.kernel.money import Money
from oms.payments.balances import Balances, EventKind, PaymentEvent, balances_of
from oms.payments.model import Payment, may_capture, may_refund, may_void, record, record_all

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
NEW = Payment("pay_x_1", "card", "simulator", Money(1000, "BRL"), "4242424242424242")

FAMILIES: tuple[tuple[EventKind, EventKind, EventKind], ...] = (
    ("authorization_requested", "authorized", "declined"),
    ("capture_requested", "captured", "capture_failed"),
    ("void_requested", "voided", "void_failed"),
    ("refund_requested", "refunded", "refund_failed"),
)
SINGLE: tuple[EventKind, ...] = (
    "authorization_adjusted",
    "charged_back",
    "charge_back_reversed",
    "refund_reversed",
    "collected",
)

# Few moments, so that many things happen at the same one.
moments = st.integers(0, 6).map(lambda seconds: NOW + timedelta(seconds=seconds))
amounts = st.one_of(st.sampled_from([100, 500, 1000]), st.integers(1, 1200))


@st.composite
def operations(draw: st.DrawFn, name: str) -> list[PaymentEvent]:
    """The request, the success and the failure of one operation, or some of them."""
    kinds = draw(st.sampled_from(FAMILIES))
    amount, told = draw(amounts), draw(st.sets(st.sampled_from(kinds), min_size=1))
    return [
        PaymentEvent(kind, amount, name, f"{name}:{kind}", draw(moments))
        for kind in kinds
        if kind in told
    ]


@st.composite
def single_events(draw: st.DrawFn, name: str) -> list[PaymentEvent]:
    """What is no operation, and what was entered by hand."""
    kind = draw(st.sampled_from([*SINGLE, *(family[1] for family in FAMILIES)]))
    by_hand = draw(st.booleans()) if kind in SINGLE else True
    return [PaymentEvent(kind, draw(amounts), "" if by_hand else name, name, draw(moments))]


@st.composite
def unknown_answers(draw: st.DrawFn, name: str) -> list[PaymentEvent]:
    return [PaymentEvent("unknown", 0, "", name, draw(moments))]


@st.composite
def histories(draw: st.DrawFn) -> list[PaymentEvent]:
    """No two facts in it contradict each other."""
    found: list[PaymentEvent] = []
    for number in range(draw(st.integers(0, 8))):
        found += draw(
            st.one_of(
                operations(f"op{number}"),
                operations(f"op{number}"),
                single_events(f"one{number}"),
                unknown_answers(f"what{number}"),
            )
        )
    return found


@st.composite
def tellings(draw: st.DrawFn, history: Sequence[PaymentEvent]) -> list[PaymentEvent]:
    """All of it in any order, any of it several times, also under keys that callbacks have."""
    again = draw(st.lists(st.sampled_from(history), max_size=8)) if history else []
    repeats = []
    for number, event in enumerate(again):
        by_callback = event.reference and draw(st.booleans())
        # A second telling under another key is at the same time or later.
        later = event.at + timedelta(seconds=draw(st.integers(0, 3)))
        repeats.append(
            replace(event, key=f"simulator:evt_{number}", at=later) if by_callback else event
        )
    return list(draw(st.permutations([*history, *repeats])))


def assert_sane(found: Balances) -> None:
    assert found.authorized >= 0
    assert found.refunded >= 0
    assert found.voided >= 0
    assert found.charged_back >= 0
    assert found.authorization_pending >= 0
    assert found.capture_pending >= 0
    assert found.refund_pending >= 0
    assert found.void_pending >= 0
    assert 0 <= found.captured <= found.held_in_all
    assert found.captured == (
        found.charged + found.refunded + found.refund_pending + found.charged_back
    )


@given(st.data())
def test_any_order_of_arrival_with_any_duplicates_comes_to_the_same(data: st.DataObject) -> None:
    history = data.draw(histories())
    expected = record_all(NEW, history)
    arrived = data.draw(tellings(history))

    payment = record_all(NEW, arrived)

    assert balances_of(arrived) == payment.balances == expected.balances == balances_of(history)
    assert payment.status == expected.status
    assert payment.authorization == expected.authorization


@given(histories())
def test_nothing_is_below_zero_but_what_is_charged_and_the_sums_hold(
    history: list[PaymentEvent],
) -> None:
    payment = NEW
    for event in history:
        payment = record(payment, event)

        assert_sane(payment.balances)


@given(st.data())
def test_what_is_told_again_changes_nothing(data: st.DataObject) -> None:
    payment = record_all(NEW, data.draw(histories()))

    for event in data.draw(st.permutations(payment.events)):
        assert record(payment, event) is payment


# --- of our own doing -----------------------------------------------------------------------------


class Till:
    """Asks only for what is allowed; each answer comes, late or never."""

    def __init__(self, payment: Payment) -> None:
        self.payment = payment
        self.asked = 0

    def ask(
        self,
        guard: Callable[[Payment, Money], None],
        request: EventKind,
        answer: EventKind | None,
        amount: int,
    ) -> None:
        try:
            guard(self.payment, Money(amount, "BRL"))
        except (Conflict, Invalid):
            return
        self.asked += 1
        name = f"op{self.asked}"
        for kind in (request, answer):
            if kind:
                at = NOW + timedelta(seconds=self.asked)
                event = PaymentEvent(kind, amount, name, f"{name}:{kind}", at)
                self.payment = record(self.payment, event)


ASKED: tuple[
    tuple[Callable[[Payment, Money], None], EventKind, tuple[EventKind | None, ...]], ...
] = (
    (may_capture, "capture_requested", ("captured", "captured", "capture_failed", None)),
    (may_void, "void_requested", ("voided", "void_failed", None)),
    (may_refund, "refund_requested", ("refunded", "refunded", "refund_failed", None)),
)


@given(st.data())
def test_of_our_own_doing_no_more_is_taken_than_held_nor_given_back_than_taken(
    data: st.DataObject,
) -> None:
    held = PaymentEvent("authorized", 1000, "aut", "aut", NOW)
    till = Till(record(NEW, held))
    for _ in range(data.draw(st.integers(1, 20))):
        guard, request, answers = data.draw(st.sampled_from(ASKED))
        till.ask(guard, request, data.draw(st.sampled_from(answers)), data.draw(amounts))

        found = till.payment.balances
        assert_sane(found)
        assert found.charged >= 0
        assert found.captured + found.voided + found.capture_pending + found.void_pending <= 1000
        assert found.refunded + found.refund_pending <= found.captured
