"""What happens to an order's money. Amounts are in minor units of the order's currency.

``reference`` names the operation (see ``oms.payments.balances``), ``key`` the fact: our idempotency
key, or provider and event id. ``at`` is the provider's time; what has none is taken to be newer
than all that was recorded of the payment before.
"""

from dataclasses import dataclass
from datetime import datetime

from oms.orders.model import RefundedLine, RefundPart
from oms.payments.model import Payment


@dataclass(frozen=True, slots=True)
class PaymentAdded:
    """A further means of payment: another card after a decline, an authorisation renewed, what an
    exchange or a change costs in addition."""

    payment: Payment
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PaymentPending:
    """The customer or the provider has yet to act. ``instructions``: a Pix code, a boleto line."""

    payment_id: str
    amount: int
    reference: str
    key: str
    expires_at: datetime | None = None
    instructions: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PaymentUnknown:
    """The provider did not answer, so that nobody knows; it is asked again. ``operation`` is
    ``authorize``, ``capture``, ``void`` or ``refund``."""

    payment_id: str
    operation: str
    key: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PaymentAuthorized:
    """``expires_at``: when the provider lets go of it by itself."""

    payment_id: str
    amount: int
    reference: str
    key: str
    at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationAdjusted:
    """``amount`` is what is authorised now, in place of all before."""

    payment_id: str
    amount: int
    reference: str
    key: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PaymentDeclined:
    payment_id: str
    code: str
    key: str
    reference: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PaymentDeferred:
    """The customer pays when the goods are handed over; the order goes on without."""

    payment_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class PaymentCollected:
    """Money taken in person: authorised and captured at once. ``reference`` is the receipt's,
    ``tender`` is ``cash``, ``card`` or ``pix``."""

    payment_id: str
    amount: int
    reference: str
    key: str
    tender: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CaptureRequested:
    """What is held is to be taken, by whoever carries out what is asked of providers; ``reference``
    is the idempotency key to do it with."""

    payment_id: str
    amount: int
    reference: str
    reason: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PaymentCaptured:
    payment_id: str
    amount: int
    reference: str
    key: str
    at: datetime | None = None
    provider_reference: str = ""


@dataclass(frozen=True, slots=True)
class CaptureFailed:
    payment_id: str
    code: str
    reference: str
    key: str
    at: datetime | None = None
    provider_reference: str = ""


@dataclass(frozen=True, slots=True)
class PaymentFailed:
    """What is due cannot be taken, or nobody knows whether it was, however often the provider was
    asked: a person must look. ``operation`` as in ``PaymentUnknown``."""

    payment_id: str
    operation: str
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentResolved:
    """What could not be taken was, or is asked for once more."""


@dataclass(frozen=True, slots=True)
class ChargedBack:
    """The customer's bank took the money back. ``reference`` is the dispute's."""

    payment_id: str
    amount: int
    reference: str
    key: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChargeBackReversed:
    """A dispute was won: the bank gave the money back to us. ``reference`` is the reversal's."""

    payment_id: str
    amount: int
    reference: str
    key: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VoidRequested:
    """An authorisation arrived, or may have been made, for an order that no longer wants it."""

    payment_id: str
    amount: int
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentVoided:
    payment_id: str
    amount: int
    reference: str
    key: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VoidFailed:
    """What was let go of is held after all: the provider could not, though it had said so."""

    payment_id: str
    code: str
    reference: str
    key: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundRequested:
    """``amount`` goes back in ``parts``, one for each payment.

    ``granted`` of it is no longer due: the worth of what came back, goodwill, shipping; the rest
    was paid beyond what is due. ``lines``, ``shipping``, ``fees`` and ``goodwill`` say what it is
    for, ``return_id`` which return. ``to`` is empty for the way the money came, else where it goes
    instead: ``store_credit``, or ``exchange:`` and an order.
    """

    refund_id: str
    amount: int
    reason: str
    parts: tuple[RefundPart, ...]
    granted: int = 0
    lines: tuple[RefundedLine, ...] = ()
    shipping: int = 0
    fees: tuple[tuple[str, int], ...] = ()
    goodwill: int = 0
    to: str = ""
    return_id: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class RefundRetried:
    """``parts`` stand for those of the refund that failed: again, or another way (``to``)."""

    refund_id: str
    parts: tuple[RefundPart, ...]
    to: str = ""


@dataclass(frozen=True, slots=True)
class PaymentRefunded:
    """One part of a refund arrived; ``reference`` is the provider's."""

    refund_id: str
    payment_id: str
    amount: int
    reference: str
    key: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundFailed:
    """One part of a refund did not happen, or bounced after it did. ``reference`` is the
    provider's name for it, where it has one."""

    refund_id: str
    payment_id: str
    amount: int
    code: str
    key: str
    at: datetime | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class RefundReversed:
    """Money that was refunded came back to us, and is owed again. ``refund_id`` is empty when
    nobody knows of which refund."""

    payment_id: str
    amount: int
    reference: str
    key: str
    at: datetime | None = None
    refund_id: str = ""


@dataclass(frozen=True, slots=True)
class RefundCompleted:
    """The last part of a refund arrived: the customer is told, once."""

    refund_id: str
    amount: int


MoneyEvent = (
    PaymentAdded
    | PaymentPending
    | PaymentUnknown
    | PaymentAuthorized
    | AuthorizationAdjusted
    | PaymentDeclined
    | PaymentDeferred
    | PaymentCollected
    | CaptureRequested
    | PaymentCaptured
    | CaptureFailed
    | PaymentFailed
    | PaymentResolved
    | ChargedBack
    | ChargeBackReversed
    | VoidRequested
    | PaymentVoided
    | VoidFailed
    | RefundRequested
    | RefundRetried
    | PaymentRefunded
    | RefundFailed
    | RefundReversed
    | RefundCompleted
)
