"""The table of how a payment may come to stand is that of the balances."""

from collections.abc import Iterable
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from oms.payments.balances import PaymentEvent, in_time
from oms.payments.model import Payment, record
from oms.payments.transitions import TRANSITIONS
from tests.unit.payments.test_payment_ledger_properties import NEW, NOW, histories

HELD = PaymentEvent("authorized", 5000, "first", "first", NOW - timedelta(seconds=1))


def goes_the_ways_that_there_are(payment: Payment, history: Iterable[PaymentEvent]) -> None:
    for event in in_time(history):
        after = record(payment, event)
        ways = {payment.status, *TRANSITIONS[payment.status].values()}
        assert after.status in ways, (payment.status, after.status, event)
        payment = after


@given(histories())
def test_money_that_is_held_goes_the_ways_that_there_are(history: list[PaymentEvent]) -> None:
    goes_the_ways_that_there_are(record(NEW, HELD), history)


@given(
    st.lists(
        st.sampled_from(("unknown", "authorization_requested", "declined", "voided", "authorized"))
    )
)
def test_what_is_asked_for_goes_the_ways_that_there_are(kinds: list[str]) -> None:
    """Attempt after attempt, each with a name of its own."""
    history = [
        PaymentEvent(
            kind,  # type: ignore[arg-type]
            1000 if kind.startswith("auth") else 0,
            f"op{number}",
            f"op{number}",
            NOW + timedelta(seconds=number),
        )
        for number, kind in enumerate(kinds)
    ]
    goes_the_ways_that_there_are(NEW, history)
