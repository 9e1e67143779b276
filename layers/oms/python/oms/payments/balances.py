"""What a payment's events come to, whatever order they arrived in.

A payment is a *set* of events. They are put in the order of their own times, and then:

- Within one family (authorisation, capture, void, refund) a ``reference`` groups the request, the
  success and the failure of one operation. A request is pending while its reference has neither
  success nor failure. A success counts unless a failure of the same reference is newer.
- A capture or void that is pending or counts takes from what is authorised; a refund from what is
  charged. Without a reference it adds to its own balance and takes from none: it was entered by
  hand.
- ``authorization_adjusted`` replaces what was authorised, and every authorisation older than it.
- ``charged_back`` lowers what is charged, until it is reversed;
  ``refund_reversed`` puts refunded money back there, of
  what was refunded at most. Its reference may be that of the refund, or name it as the provider's
  reference: then that refund is pending no more.
- What is authorised is never below zero. What is charged may be: then the provider gave back more
  than it took.
- What was ever captured is what is charged, refunded, on its way back and charged back, together.

The rules are those of Saleor's transaction events.
"""

from collections.abc import Iterable, Set
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
    "charge_back_reversed",
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
class _Family:
    """What is known of the operations of one family, by reference."""

    requests: dict[str, int] = field(default_factory=dict)
    successes: dict[str, PaymentEvent] = field(default_factory=dict)
    failures: dict[str, datetime] = field(default_factory=dict)
    by_hand: int = 0

    def note(self, event: PaymentEvent, part: str) -> None:
        if not event.reference and part == "success":
            self.by_hand += event.amount
            return
        reference = event.reference or event.key
        if part == "request":
            self.requests[reference] = event.amount
        elif part == "success":
            self.successes[reference] = event
        else:
            self.failures[reference] = event.at

    def pending(self, undone: Set[str] = frozenset()) -> int:
        """``undone``: references of what was told to be undone before it was told to be done."""
        return sum(
            amount
            for reference, amount in self.requests.items()
            if reference not in self.successes
            and reference not in self.failures
            and reference not in undone
        )

    def referenced(self) -> int:
        """What succeeded, and did not fail later."""
        failures = self.failures
        return sum(
            event.amount
            for reference, event in self.successes.items()
            if reference not in failures or failures[reference] <= event.at
        )


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
# Of what happened at the same time: that nobody knows comes before what somebody does, and an
# adjustment after what it replaces.
_IN_ONE_MOMENT: tuple[EventKind, ...] = (
    "unknown",
    "authorization_requested",
    "authorized",
    "declined",
    "authorization_adjusted",
    "capture_requested",
    "captured",
    "capture_failed",
    "collected",
    "charged_back",
    "charge_back_reversed",
    "void_requested",
    "voided",
    "void_failed",
    "refund_requested",
    "refunded",
    "refund_failed",
    "refund_reversed",
)
_RANKS = {kind: rank for rank, kind in enumerate(_IN_ONE_MOMENT)}


def in_time(events: Iterable[PaymentEvent]) -> list[PaymentEvent]:
    """By their own times; what has the same, in an order that does not depend on arrival."""
    return sorted(events, key=lambda event: (event.at, _RANKS[event.kind], event.key))


def facts(events: Iterable[PaymentEvent]) -> list[PaymentEvent]:
    """Each fact once, in time: of two tellings under one key, or of one kind and reference, the
    earlier."""
    found, told = list[PaymentEvent](), set[object]()
    for event in in_time(events):
        name = (event.kind, event.reference) if event.reference else event.key
        if event.key in told or name in told:
            continue
        told.add(event.key)
        told.add(name)
        found.append(event)
    return found


def balances_of(events: Iterable[PaymentEvent]) -> Balances:
    """``events`` in any order and however often."""
    authorization, capture, void, refund = _Family(), _Family(), _Family(), _Family()
    families = {"capture": capture, "void": void, "refund": refund}
    adjusted = collected = charged_back = won_back = reversed_refunds = 0
    undone = set[str]()
    for event in facts(events):
        kind = event.kind
        if kind in _PARTS:
            family, part = _PARTS[kind]
            families.get(family, authorization).note(event, part)
        elif kind == "authorization_adjusted":
            adjusted, authorization = event.amount, _Family()
        elif kind == "collected":
            collected += event.amount
        elif kind == "charged_back":
            charged_back += event.amount
        elif kind == "charge_back_reversed":
            won_back += event.amount
        elif kind == "refund_reversed":
            reversed_refunds += event.amount
            undone |= {event.reference, event.provider_reference}
    held = adjusted + authorization.referenced() + authorization.by_hand
    captured, voided, refunded = capture.referenced(), void.referenced(), refund.referenced()
    capture_pending, void_pending = capture.pending(), void.pending()
    refund_pending = refund.pending(undone)
    given_back = refunded + refund.by_hand
    charged_back -= min(won_back, charged_back)
    came_back = min(reversed_refunds, given_back)
    taken = captured + capture.by_hand + collected
    return Balances(
        authorized=max(0, held - captured - capture_pending - voided - void_pending),
        charged=taken - refunded - refund_pending - charged_back + came_back,
        refunded=given_back - came_back,
        voided=voided + void.by_hand,
        authorization_pending=authorization.pending(),
        capture_pending=capture_pending,
        refund_pending=refund_pending,
        void_pending=void_pending,
        charged_back=charged_back,
        captured=taken + refund.by_hand,
        held_in_all=max(held, captured) + collected + capture.by_hand + refund.by_hand,
    )
