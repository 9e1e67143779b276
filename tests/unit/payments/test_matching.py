"""Our own answer and the provider's report of the same fact are one."""

from datetime import UTC, datetime, timedelta

from oms.kernel.money import Money
from oms.payments.balances import EventKind, PaymentEvent
from oms.payments.matching import failure_key, is_lost, known_as, told_of, undecided
from oms.payments.model import Payment

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)


def event(
    kind: EventKind, amount: int, reference: str, second: int = 0, name: str = "", key: str = ""
) -> PaymentEvent:
    at = AT + timedelta(seconds=second)
    return PaymentEvent(kind, amount, reference, key or f"{reference}:{kind}", at, name)


def payment(*events: PaymentEvent) -> Payment:
    return Payment("pay_1", "card", "adyen", Money(4000, "BRL"), events=events)


def test_a_report_is_about_the_operation_that_has_its_name() -> None:
    found = payment(
        event("capture_requested", 500, "pay_1:capture:1"),
        event("captured", 500, "pay_1:capture:1", name="psp_1"),
        event("capture_requested", 500, "pay_1:capture:2"),
    )

    assert told_of(found, "capture", "psp_1", 500) == "pay_1:capture:1"


def test_else_about_the_oldest_of_its_amount_that_is_not_decided() -> None:
    found = payment(
        event("capture_requested", 700, "third", 3),
        event("capture_requested", 500, "second", 2),
        event("capture_requested", 700, "first", 1),
        event("capture_requested", 700, "failed", 0),
        event("capture_failed", 0, "failed", 4),
    )

    assert told_of(found, "capture", "psp_1", 700) == "first"
    assert [each.reference for each in undecided(found, "capture")] == ["first", "second", "third"]


def test_else_about_what_the_provider_did_unasked() -> None:
    found = payment(event("capture_requested", 500, "first"))

    assert told_of(found, "capture", "psp_1", 400) == "psp_1"
    assert told_of(found, "refund", "psp_1", 500) == "psp_1"


def test_a_failure_that_was_told_first_is_known_by_its_key() -> None:
    key = failure_key(payment(), "capture", "psp_1")
    found = payment(
        event("capture_requested", 500, "first"),
        event("capture_failed", 0, "first", 2, "a reason", key),
    )

    assert known_as(found, "capture", "psp_1") == "first"
    assert known_as(found, "capture", "a reason") == ""
    assert known_as(found, "capture", "psp_2") == ""
    assert known_as(found, "capture", "") == ""


def test_an_operation_is_lost_while_its_failure_is_the_newest_of_it() -> None:
    failed = event("capture_failed", 0, "first", 2)

    assert is_lost(payment(failed), "capture", "first")
    assert is_lost(payment(failed, event("captured", 500, "first", 1)), "capture", "first")
    assert not is_lost(payment(failed, event("captured", 500, "first", 2)), "capture", "first")
    assert not is_lost(payment(event("captured", 500, "first", 1)), "capture", "first")
