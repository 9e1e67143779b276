"""An order with its payments, as a case gives them; what is told and asked goes through our use
cases, and the provider notes what it was asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from oms.channels.model import PaymentReported
from oms.channels.outcomes import record_payment
from oms.kernel.errors import OmsError
from oms.kernel.events import Cause
from oms.kernel.money import Money
from oms.orders import events as happened
from oms.orders import sourcing
from oms.orders.command import execute
from oms.orders.decisions import Events
from oms.orders.events import Event
from oms.orders.model import Line, Order, PaymentRequest, RefundPart
from oms.payments.balances import EventKind, PaymentEvent
from oms.payments.callbacks import CallbackType, PaymentCallback
from oms.payments.model import Payment
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    Declined,
    ProviderOutcome,
    RefundRequest,
    VoidRequest,
)
from oms.routing.policies import BuiltIn
from tests.cases.payments.ledger import CURRENCY, at
from tests.integration.world import World
from tests.samples import CAUSE, content

TOLD_AS: Mapping[EventKind, CallbackType] = {
    "authorization_requested": "payment.pending",
    "authorized": "payment.authorized",
    "declined": "payment.declined",
    "authorization_adjusted": "payment.authorization_adjusted",
    "captured": "payment.captured",
    "capture_failed": "payment.capture_failed",
    "charged_back": "payment.charged_back",
    "voided": "payment.voided",
    "void_failed": "payment.void_failed",
    "refunded": "payment.refunded",
    "refund_failed": "payment.refund_failed",
    "refund_reversed": "payment.refund_reversed",
}


def usd(minor: int) -> Money:
    return Money(minor, CURRENCY)


@dataclass
class Provider:
    """Says yes, or no when it ``declines``; ``asked`` is what it was asked, by its operation."""

    declines: bool = False
    asked: list[str] = field(default_factory=list)

    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        return self._answer("authorize", request.idempotency_key)

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        return self._answer("capture", request.idempotency_key)

    def void(self, request: VoidRequest) -> ProviderOutcome:
        return self._answer("void", request.idempotency_key)

    def refund(self, request: RefundRequest) -> ProviderOutcome:
        return self._answer("refund", request.idempotency_key)

    def _answer(self, operation: str, key: str) -> ProviderOutcome:
        self.asked.append(operation)
        return Declined(f"{operation}_declined") if self.declines else Approved(f"done_{key}")


class Books:
    """``names`` are what the case calls the payments, ``amounts`` what each is to bear."""

    def __init__(self, oms: World, total: int, amounts: Sequence[int] = ()) -> None:
        self.oms = oms
        self.provider = Provider()
        self.ticks = 0
        self.refunds: dict[str, str] = {}
        price = Line("L1", "MUG", "The mug", 1, usd(total), usd(0), usd(0))
        made = replace(
            content(price),
            currency=CURRENCY,
            shipping=usd(0),
            discount=usd(0),
            total=usd(total),
            payments=tuple(
                PaymentRequest("card", "simulator", usd(0), amount=usd(amount))
                for amount in amounts or (total,)
            ),
        )
        oms.receive("MUG", 1)
        self.order_id = oms.capture(made).order_id

    @property
    def order(self) -> Order:
        return self.oms.orders.load(self.order_id)

    def payment(self, number: int = 0) -> Payment:
        return self.order.payments.each[number]

    def providers(self, name: str) -> Provider:
        return self.provider

    def cause(self) -> Cause:
        self.ticks += 1
        return replace(CAUSE, at=at(100_000) + timedelta(seconds=self.ticks))

    def decide(self, decide: Callable[[Order], Events]) -> None:
        execute(self.oms.orders, self.order_id, decide, self.cause())

    def reserve(self) -> None:
        orders, stock, catalog = self.oms.orders, self.oms.stock, self.oms.catalog
        sourcing.reserve(self.order_id, orders, stock, catalog, BuiltIn(), self.cause())

    # --- what happened before -------------------------------------------------------------------

    def before(self, events: Sequence[PaymentEvent], number: int = 0) -> None:
        for event in events:
            for one in self._as_happened(event, self.payment(number).id):
                self.decide(lambda order, one=one: (one,))  # type: ignore[misc]

    def _as_happened(self, event: PaymentEvent, payment: str) -> Sequence[Event]:
        amount, name, key, when = event.amount, event.reference, event.key, event.at
        match event.kind:
            case "authorization_requested":
                return [happened.PaymentPending(payment, amount, name, key, at=when)]
            case "authorized":
                return [happened.PaymentAuthorized(payment, amount, name, key, when)]
            case "declined":
                return [happened.PaymentDeclined(payment, "declined", key, name, when)]
            case "authorization_adjusted":
                return [happened.AuthorizationAdjusted(payment, amount, name, key, when)]
            case "capture_requested":
                return [happened.CaptureRequested(payment, amount, name or key, "asked", when)]
            case "captured":
                return [happened.PaymentCaptured(payment, amount, name, key, when, name)]
            case "capture_failed":
                return [happened.CaptureFailed(payment, "failed", name, key, when, name)]
            case "charged_back":
                return [happened.ChargedBack(payment, amount, name, key, when)]
            case "voided":
                return [happened.PaymentVoided(payment, amount, name, key, when)]
            case "void_failed":
                return [happened.VoidFailed(payment, "failed", name, key, when)]
            case "void_requested":
                return [happened.VoidRequested(payment, amount, "asked")]
            case "refund_reversed":
                return [happened.RefundReversed(payment, amount, name, key, when)]
            case _:
                return self._refund(event, payment)

    def _refund(self, event: PaymentEvent, payment: str) -> Sequence[Event]:
        """A refund of ours; what it was asked with is not the provider's name for it."""
        amount, name, key, when = event.amount, event.reference, event.key, event.at
        found: list[Event] = []
        if name not in self.refunds:
            self.refunds[name] = f"rfd_{len(self.refunds) + 1}"
            parts = (RefundPart(payment, amount),)
            found.append(
                happened.RefundRequested(
                    self.refunds[name], amount, "asked", parts, granted=amount, goodwill=amount
                )
            )
        refund = self.refunds[name]
        if event.kind == "refunded":
            found.append(happened.PaymentRefunded(refund, payment, amount, name, key, when))
        if event.kind == "refund_failed":
            found.append(happened.RefundFailed(refund, payment, amount, "no", key, when, name))
        return found

    # --- what is told ---------------------------------------------------------------------------

    def tell(
        self,
        kind: EventKind,
        reference: str,
        amount: int,
        moment: datetime | None = None,
        number: int = 0,
    ) -> None:
        """Raises what the report is refused with."""
        self.ticks += 1
        callback = PaymentCallback(
            f"evt_{self.ticks}",
            TOLD_AS[kind],
            self.payment(number).id,
            usd(amount),
            reference,
            refund_id=self._refund_named(kind, reference),
            code="told" if "failed" in kind or kind == "declined" else "",
            at=moment or at(10_000 + self.ticks),
        )
        record_payment(PaymentReported("simulator", callback), self.oms.orders, self.cause())

    def _refund_named(self, kind: EventKind, reference: str) -> str:
        """A provider repeats the refund's id, which it was asked with."""
        return self.refunds.get(reference, "") if kind.startswith("refund") else ""

    def attempt(self, act: Callable[[], object]) -> str:
        """The code of the refusal; empty when there was none."""
        try:
            act()
        except OmsError as fault:
            return next((each.code for each in fault.faults), fault.problem_code)
        return ""
