"""What a payment's events come to, whatever order they arrived in.

A payment is a *set* of events. They are put in the order of their own times, and then:

- Within one family (authorisation, capture, void, refund) a ``reference`` groups the request, the
  success and the failure of one operation. A request is pending while its reference has neither
  success nor failure. A success counts unless a failure of the same reference is newer.
- A capture or void that is pending or counts takes from what is authorised; a refund from what is
  charged. Without a reference it adds to its own balance and takes from none: it was entered by
  hand.
- ``authorization_adjusted`` replaces what was authorised, and every authorisation older than it.
- ``charged_back`` lowers what is charged, ``refund_reversed`` puts refunded money back there.
- What is authorised, or pending to be, is never below zero. What is charged may be: then the
  provider gave back more than it took.

The rules are those of Saleor's transaction events.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

EventKind = Literal[
    "authorization_requested",
    "authorized",
    "declined",
    "authorization_adjusted",
    "capture_requested",
    "captured",
    "capture_failed",
    "charged_back",
    "void_requested",
    "voided",
    "void_failed",
    "refund_requested",
    "refunded",
    "refund_failed",
    "refund_reversed",
    "collected",
    "unknown",
]


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """One thing that happened to a payment, at the provider or in our asking.

    ``amount`` is in minor units of the payment's currency and not negative. ``reference`` names the
    operation: the provider's for an authorisation, our idempotency key for what we asked to capture
    or void, the refund's id for a refund; empty when it was entered by hand. ``key`` is the natural
    key of the fact: our idempotency key, or provider and event id. ``at`` is the provider's time.
    ``collected`` is money taken in person: authorised and captured at once.
    """

    kind: EventKind
    amount: int
    reference: str
    key: str
    at: datetime
    provider_reference: str = ""


@dataclass(frozen=True, slots=True)
class Balances:
    """Minor units. ``authorized`` is left to capture or void, ``charged`` is captured and not given
    back. ``held_in_all`` and ``captured`` are what was ever authorised and captured."""

    authorized: int = 0
    charged: int = 0
    refunded: int = 0
    voided: int = 0
    authorization_pending: int = 0
    capture_pending: int = 0
    refund_pending: int = 0
    void_pending: int = 0
    charged_back: int = 0
    captured: int = 0
    held_in_all: int = 0


@dataclass(slots=True)
class _Operation:
    """What is known of one reference of one family."""

    request: PaymentEvent | None = None
    success: PaymentEvent | None = None
    failure: PaymentEvent | None = None

    @property
    def pending(self) -> int:
        undecided = self.success is None and self.failure is None
        return self.request.amount if self.request and undecided else 0

    @property
    def done(self) -> int:
        if self.success is None or self._failed_later(self.success):
            return 0
        return self.success.amount

    def _failed_later(self, success: PaymentEvent) -> bool:
        return self.failure is not None and self.failure.at > success.at


@dataclass(slots=True)
class _Family:
    by_reference: dict[str, _Operation] = field(default_factory=dict)
    by_hand: int = 0

    @property
    def pending(self) -> int:
        return sum(operation.pending for operation in self.by_reference.values())

    @property
    def referenced(self) -> int:
        return sum(operation.done for operation in self.by_reference.values())

    @property
    def done(self) -> int:
        return self.referenced + self.by_hand

    @property
    def taking(self) -> int:
        """What leaves the balance that the family draws on."""
        return self.pending + self.referenced


# Kind → its family and its part in an operation.
_PARTS: dict[EventKind, tuple[str, str]] = {
    "authorization_requested": ("authorization", "request"),
    "authorized": ("authorization", "success"),
    "declined": ("authorization", "failure"),
    "capture_requested": ("capture", "request"),
    "captured": ("capture", "success"),
    "capture_failed": ("capture", "failure"),
    "void_requested": ("void", "request"),
    "voided": ("void", "success"),
    "void_failed": ("void", "failure"),
    "refund_requested": ("refund", "request"),
    "refunded": ("refund", "success"),
    "refund_failed": ("refund", "failure"),
}


def in_time(events: Iterable[PaymentEvent]) -> list[PaymentEvent]:
    """By their own times; what has the same, in an order that does not depend on arrival."""
    return sorted(events, key=lambda event: (event.at, event.kind, event.key))


def balances_of(events: Sequence[PaymentEvent]) -> Balances:
    """``events`` in any order, each fact once (``model.record`` sees to that)."""
    families = {name: _Family() for name in ("authorization", "capture", "void", "refund")}
    adjusted: PaymentEvent | None = None
    collected = charged_back = reversed_refunds = 0
    for event in in_time(events):
        if event.kind == "authorization_adjusted":
            adjusted, families["authorization"] = event, _Family()
        elif event.kind == "collected":
            collected += event.amount
        elif event.kind == "charged_back":
            charged_back += event.amount
        elif event.kind == "refund_reversed":
            reversed_refunds += event.amount
        elif event.kind in _PARTS:
            _note(families, event)
    authorization, capture = families["authorization"], families["capture"]
    void, refund = families["void"], families["refund"]
    held = authorization.done + (adjusted.amount if adjusted else 0)
    left = held - capture.taking - void.taking
    taken = capture.done + collected
    return Balances(
        authorized=max(0, left),
        charged=taken - refund.taking - charged_back + reversed_refunds,
        refunded=refund.done - reversed_refunds,
        voided=void.done,
        authorization_pending=max(0, authorization.pending),
        capture_pending=capture.pending,
        refund_pending=refund.pending,
        void_pending=void.pending,
        charged_back=charged_back,
        captured=taken,
        held_in_all=max(held, capture.referenced) + collected,
    )


def _note(families: dict[str, _Family], event: PaymentEvent) -> None:
    name, part = _PARTS[event.kind]
    family = families[name]
    if not event.reference and part == "success":
        family.by_hand += event.amount
        return
    operation = family.by_reference.setdefault(event.reference or event.key, _Operation())
    setattr(operation, part, event)
