"""Which operation of ours a provider tells of, so that our own answer and its report count once.

A provider knows an operation by a name of its own (``provider_reference``), we by a ``reference``.
Either of the two tellings may come first, so both ask here which reference the books have it under.
Operations of one amount are asked for one after another, so that the oldest that is not decided is
the one under way.
"""

from typing import Literal

from oms.payments.balances import EventKind, PaymentEvent, in_time
from oms.payments.model import Payment

Family = Literal["capture", "void", "refund"]

_KINDS: dict[Family, tuple[EventKind, EventKind, EventKind]] = {
    "capture": ("capture_requested", "captured", "capture_failed"),
    "void": ("void_requested", "voided", "void_failed"),
    "refund": ("refund_requested", "refunded", "refund_failed"),
}


def told_of(payment: Payment, family: Family, provider_reference: str, amount: int) -> str:
    """The reference of the operation that a report is about.

    The one that is known by the provider's name for it; else the oldest that we asked for, that is
    not decided and is of this amount; else the provider's own name, for what it did unasked.
    """
    known = known_as(payment, family, provider_reference)
    if known:
        return known
    of_this_amount = (event for event in undecided(payment, family) if event.amount == amount)
    ours = next(of_this_amount, None)
    return ours.reference if ours else provider_reference


def known_as(payment: Payment, family: Family, provider_reference: str) -> str:
    """The reference under which the provider's name for an operation is recorded, if it is."""
    if not provider_reference:
        return ""
    _, success, failure = _KINDS[family]
    failed = failure_key(payment, family, provider_reference)
    names = (
        event.reference
        for event in in_time(payment.events)
        if (event.kind == success and event.provider_reference == provider_reference)
        or (event.kind in (success, failure) and event.reference == provider_reference)
        or event.key == failed
    )
    return next(names, "")


def failure_key(payment: Payment, family: Family, provider_reference: str) -> str:
    """A failure's key: it has the provider's name for the operation, which is told in several ways
    by events of different ids, and may be told before the success that it undoes."""
    return f"{payment.provider}:{provider_reference}:{family}_failed"


def undecided(payment: Payment, family: Family) -> list[PaymentEvent]:
    """What was asked for and has neither success nor failure yet, the oldest first."""
    request, success, failure = _KINDS[family]
    return [
        event
        for event in in_time(payment.events)
        if event.kind == request
        and not payment.event(success, event.reference)
        and not payment.event(failure, event.reference)
    ]


def is_lost(payment: Payment, family: Family, reference: str) -> bool:
    """Whether the newest that is known of an operation is that it failed."""
    _, success, failure = _KINDS[family]
    done, failed = payment.event(success, reference), payment.event(failure, reference)
    return failed is not None and (done is None or failed.at > done.at)
