"""A payment provider that keeps its own book, answers as it is told to, and reports what it did.

What it is asked twice under one key it does once. It refuses what cannot be, and remembers that it
was asked: ``wrongs`` stays empty while we ask for nothing that we should know to be impossible.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from oms.kernel.errors import ProviderUnavailable
from oms.kernel.money import Money
from oms.payments.callbacks import CallbackType, PaymentCallback
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

# Does it; refuses; does nothing and does not answer; does it, and the answer is lost; says later.
MOODS = ("yes", "no", "silent", "lost", "later")


@dataclass
class Held:
    """One payment, in minor units."""

    payment_id: str
    held: int
    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    open: bool = True
    expired: bool = False

    @property
    def left(self) -> int:
        return self.held - self.captured if self.open else 0

    @property
    def kept(self) -> int:
        return self.captured - self.refunded - self.disputed


@dataclass
class Bank:
    """``told`` are its reports, in the order of what happened; ``undecided`` what it does later, by
    the key it was asked with."""

    currency: str
    since: datetime
    captures_once: bool = False
    mood: str = "yes"
    book: dict[str, Held] = field(default_factory=dict)
    answers: dict[str, ProviderOutcome] = field(default_factory=dict)
    told: list[PaymentCallback] = field(default_factory=list)
    undecided: dict[str, Callable[[bool], None]] = field(default_factory=dict)
    wrongs: list[str] = field(default_factory=list)
    happened: int = 0
    unasked: bool = False

    def named(self, name: str) -> "Bank":
        return self

    @property
    def kept(self) -> int:
        return sum(each.kept for each in self.book.values())

    # --- what it is asked ------------------------------------------------------------------------

    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        name, amount = f"auth_{request.payment_id}", request.amount.minor
        if request.method == "pix":
            return self._wait_for_pix(request, name)

        def do(yes: bool) -> ProviderOutcome:
            if not yes:
                self._tell("payment.declined", request.payment_id, amount, name)
                return Declined("insufficient_funds", name)
            self.book[name] = Held(request.payment_id, amount)
            self._tell("payment.authorized", request.payment_id, amount, name)
            return Approved(name, 7 * 24 * 3600)

        return self._answer(request.idempotency_key, name, do)

    def _wait_for_pix(self, request: AuthorizationRequest, name: str) -> ProviderOutcome:
        """A code, which the customer pays later or never."""
        amount = request.amount.minor

        def pay(yes: bool) -> ProviderOutcome:
            if yes:
                self.book[name] = Held(request.payment_id, amount, captured=amount)
                self._tell("payment.captured", request.payment_id, amount, name)
                return Approved(name)
            self._tell("payment.declined", request.payment_id, amount, name)
            return Declined("expired", name)

        mood, self.mood = self.mood, "later" if self.mood == "yes" else self.mood
        try:
            return self._answer(request.idempotency_key, name, pay)
        finally:
            self.mood = mood

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        amount, name = request.amount.minor, f"cap_{request.idempotency_key}"

        def do(yes: bool) -> ProviderOutcome:
            held = self.book.get(request.authorization)
            if held is not None and held.expired:
                self._tell("payment.capture_failed", request.payment_id, amount, name)
                return Declined("authorization_expired", name)
            if held is None or amount > held.left:
                self.wrongs.append(f"capture of {amount}: {held}")
                yes = False
            if not yes or held is None:
                self._tell("payment.capture_failed", request.payment_id, amount, name)
                return Declined("capture_declined", name)
            held.captured += amount
            if self.captures_once:
                held.open = False
            self._tell("payment.captured", request.payment_id, amount, name)
            return Approved(name)

        return self._answer(request.idempotency_key, name, do)

    def void(self, request: VoidRequest) -> ProviderOutcome:
        """A hold is let go of in any mood, unless nobody hears of it."""
        name = f"void_{request.idempotency_key}"

        def do(yes: bool) -> ProviderOutcome:
            held = self.book.get(request.authorization)
            if held is not None:
                left, held.open = held.left, False
                self._tell("payment.voided", request.payment_id, left, name)
            else:
                self.undecided.pop(f"{request.payment_id}:authorize:1", None)
            return Approved(name)

        mood, self.mood = self.mood, "lost" if self.mood in ("silent", "lost") else "yes"
        try:
            return self._answer(request.idempotency_key, name, do)
        finally:
            self.mood = mood

    def refund(self, request: RefundRequest) -> ProviderOutcome:
        amount, name = request.amount.minor, f"ref_{request.idempotency_key}"

        def do(yes: bool) -> ProviderOutcome:
            held = self.book.get(request.authorization)
            if held is None or amount > held.kept:
                if not self.unasked:
                    self.wrongs.append(f"refund of {amount}: {held}")
                yes = False
            if not yes or held is None:
                self._tell("payment.refund_failed", request.payment_id, amount, name, request)
                return Declined("refund_declined", name)
            held.refunded += amount
            self._tell("payment.refunded", request.payment_id, amount, name, request)
            return Approved(name)

        return self._answer(request.idempotency_key, name, do)

    # --- what it does of its own accord ----------------------------------------------------------

    def paid_again(self, payment_id: str, amount: int) -> None:
        """A customer who pays a code twice, or another amount than it says."""
        name = f"pix_{len(self.book)}_{payment_id}"
        self.book.setdefault(f"auth_{payment_id}", Held(payment_id, 0)).held += amount
        self.book[f"auth_{payment_id}"].captured += amount
        self._tell("payment.captured", payment_id, amount, f"{name}_{self.happened}")

    def refund_unasked(self, name: str, amount: int) -> None:
        """By somebody at the provider."""
        held, self.unasked = self.book[name], True
        held.refunded += amount
        self._tell("payment.refunded", held.payment_id, amount, f"dash_{self.happened}")

    def charge_back(self, name: str, amount: int) -> None:
        """By the customer's bank."""
        held, self.unasked = self.book[name], True
        held.disputed += amount
        self._tell("payment.charged_back", held.payment_id, amount, f"dp_{self.happened}")

    def expire(self, name: str) -> None:
        held = self.book[name]
        left, held.open, held.expired = held.left, False, True
        self._tell("payment.authorization_expired", held.payment_id, left, f"exp_{name}")

    def decide(self, key: str, yes: bool) -> None:
        self.undecided.pop(key)(yes)

    # --- answering -------------------------------------------------------------------------------

    def _answer(
        self, key: str, name: str, do: Callable[[bool], ProviderOutcome]
    ) -> ProviderOutcome:
        if key in self.answers:
            return self.answers[key]
        if self.mood == "silent":
            raise ProviderUnavailable("no answer")
        if self.mood == "later":

            def finish(yes: bool) -> None:
                self.answers[key] = do(yes)

            self.undecided[key] = finish
            self.answers[key] = Pending(name, 3600)
            return self.answers[key]
        self.answers[key] = do(self.mood != "no")
        if self.mood == "lost":
            raise ProviderUnavailable("the answer is lost")
        return self.answers[key]

    def _tell(
        self,
        kind: CallbackType,
        payment_id: str,
        amount: int,
        reference: str,
        refund: RefundRequest | None = None,
    ) -> None:
        self.happened += 1
        self.told.append(
            PaymentCallback(
                f"evt_{self.happened}",
                kind,
                payment_id,
                Money(amount, self.currency),
                reference,
                refund_id=refund.refund_id if refund and self.happened % 2 else "",
                code="told" if "fail" in kind or "decline" in kind else "",
                at=self.since + timedelta(seconds=self.happened),
            )
        )
