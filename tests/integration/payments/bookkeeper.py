"""A payment provider that keeps its own book, and whose answers get lost on order.

It does what providers do: a key that it knows gets the answer that it got before; a hold ends; what
is captured cannot be voided. Beside its book it knows how often it did what.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from oms.kernel.errors import PaymentRefused, ProviderUnavailable
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    Declined,
    Pending,
    ProviderOutcome,
    RefundRequest,
    VoidRequest,
)

# What may go wrong with one call: it never arrives; it does, and its answer is lost, or unreadable;
# the process that asked dies before it has written down what it was told.
SILENT, LOST, WRONG, DIES = "silent", "lost", "wrong", "dies"


class Died(Exception):
    """The process that asked is gone."""


@dataclass(slots=True)
class Account:
    """What the provider has of one authorisation, in minor units."""

    payment_id: str
    held: int
    captured: int = 0
    refunded: int = 0
    open: bool = True
    expired: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What it tells by webhook of a capture that it made."""

    payment_id: str
    amount: int
    reference: str


@dataclass
class Bookkeeper:
    """``faults`` happen to the calls in turn, an empty one is none. A provider that
    ``captures_once`` lets go of the rest with a capture, the holds of one that ``holds_nothing``
    expire at once, and one that ``decides_later`` leaves captures pending."""

    captures_once: bool = False
    holds_nothing: bool = False
    decides_later: bool = False
    faults: list[str] = field(default_factory=list)
    book: dict[str, Account] = field(default_factory=dict)
    answers: dict[str, ProviderOutcome] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    keys: list[str] = field(default_factory=list)
    declines: set[str] = field(default_factory=set)
    reports: list[Report] = field(default_factory=list)

    def named(self, name: str) -> "Bookkeeper":
        return self

    def expire(self) -> None:
        for account in self.book.values():
            account.open, account.expired = False, True

    def total(self, name: str) -> int:
        return sum(getattr(account, name) for account in self.book.values())

    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        def hold() -> ProviderOutcome:
            if request.payment_id in self.declines:
                return Declined("insufficient_funds")
            name = f"auth_{len(self.book) + 1}"
            account = Account(request.payment_id, request.amount.minor)
            account.expired = self.holds_nothing
            self.book[name] = account
            return Approved(name)

        return self._answer("authorize", request.idempotency_key, hold)

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        def take() -> ProviderOutcome:
            account = self.book[request.authorization]
            amount = request.amount.minor
            if account.expired:
                return Declined("authorization_expired")
            if self.decides_later:
                return Pending("later", 3600)
            if not account.open or account.captured + amount > account.held:
                raise PaymentRefused("more than is held")
            account.captured += amount
            if self.captures_once:
                account.open = False
            name = f"cap_{self.done['capture']}"
            self.reports.append(Report(request.payment_id, amount, name))
            return Approved(name)

        return self._answer("capture", request.idempotency_key, take)

    def void(self, request: VoidRequest) -> ProviderOutcome:
        def let_go() -> ProviderOutcome:
            account = self.book[request.authorization]
            if self.captures_once and account.captured:
                raise PaymentRefused("it was captured")
            account.open = False
            return Approved(f"void_{self.done['void']}")

        return self._answer("void", request.idempotency_key, let_go)

    def refund(self, request: RefundRequest) -> ProviderOutcome:
        def give() -> ProviderOutcome:
            account = self.book[request.authorization]
            if account.refunded + request.amount.minor > account.captured:
                raise PaymentRefused("more than was captured")
            account.refunded += request.amount.minor
            return Approved(f"ref_{self.done['refund']}")

        return self._answer("refund", request.idempotency_key, give)

    def _answer(
        self, operation: str, key: str, effect: Callable[[], ProviderOutcome]
    ) -> ProviderOutcome:
        self.keys.append(key)
        fault = self.faults.pop(0) if self.faults else ""
        if fault == SILENT:
            raise ProviderUnavailable("nothing arrived")
        if key not in self.answers:
            self.done[operation] += 1
            self.answers[key] = effect()
        if fault == LOST:
            raise ProviderUnavailable("the answer was lost")
        if fault == DIES:
            raise Died
        answer = self.answers[key]
        if fault == WRONG and isinstance(answer, Approved):
            return replace(answer, reference="")
        return answer
