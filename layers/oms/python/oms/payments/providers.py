"""What a payment provider is asked, and what it may answer.

An operation either has an outcome (``Approved``, ``Declined``, ``Pending``) or raises:

- ``ProviderUnavailable``: nobody knows what happened (timeout, lost connection, 5xx, rate limit).
  Ask again with the same idempotency key until there is an outcome: the provider charges once.
- ``PaymentRefused``: asking again cannot help, a person must look
  (wrong credentials, an unknown payment method, a request the provider does not accept).
- ``Invalid``: the token or the amount cannot be sent to this provider at all.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from oms.kernel.errors import ProviderUnavailable
from oms.kernel.money import Money

Operation = Literal["authorize", "capture", "void", "refund"]


def idempotency_key(subject: str, operation: Operation, attempt: int = 1) -> str:
    """The key of one operation, e.g. ``pay_…_1:capture:1``; the same on every retry.

    ``subject`` is the payment's id, or the refund's for a refund. ``attempt`` starts at 1 and moves
    on only after a definite answer (a decline that is worth trying again, another partial
    capture), never after ``ProviderUnavailable``: that is what makes a retry safe.
    """
    if attempt < 1:
        raise ValueError("attempts are counted from 1")
    return f"{subject}:{operation}:{attempt}"


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """Hold ``amount`` on the means of payment that ``token`` names. Never a card number.

    ``renews``: the payment whose hold has expired, or was used up by a first capture. ``customer``
    is the channel's id of whoever ordered: an account may be for some only.
    """

    order_id: str
    payment_id: str
    amount: Money
    method: str
    token: str
    idempotency_key: str
    renews: str = ""
    customer: str = ""


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """Take ``amount``, all or a part of what is held; the provider releases the rest."""

    order_id: str
    payment_id: str
    authorization: str
    amount: Money
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class VoidRequest:
    """Let go of what is held, or of a payment the customer has not made yet."""

    order_id: str
    payment_id: str
    authorization: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Give ``amount`` back, all or a part of what was captured."""

    order_id: str
    payment_id: str
    refund_id: str
    authorization: str
    amount: Money
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Approved:
    """Done. ``reference`` is the provider's name for it. ``expires_in_seconds`` is how long an
    authorisation holds; 0 where nothing is known of an end."""

    reference: str
    expires_in_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Declined:
    """The provider said no. ``code`` is its own word, e.g. ``insufficient_funds``."""

    code: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """The result comes later, by callback. ``expires_in_seconds`` is how long it is worth waiting.

    ``instructions`` is what the customer pays with: a Pix copy-and-paste code, the line of a
    boleto, the address of an authentication page. Empty when there is nothing to do.
    """

    reference: str
    expires_in_seconds: int
    instructions: str = ""


ProviderOutcome = Approved | Declined | Pending


def definite(outcome: ProviderOutcome) -> ProviderOutcome:
    """The outcome, where it says what it claims to. An approval that nothing can be asked by later,
    or no outcome at all, decides nothing: ``ProviderUnavailable``, never an approval."""
    if isinstance(outcome, Declined) and outcome.code:
        return outcome
    if isinstance(outcome, Approved | Pending) and outcome.reference:
        return outcome
    raise ProviderUnavailable("the provider's answer cannot be understood")


class PaymentProvider(Protocol):
    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome: ...

    def capture(self, request: CaptureRequest) -> ProviderOutcome: ...

    def void(self, request: VoidRequest) -> ProviderOutcome: ...

    def refund(self, request: RefundRequest) -> ProviderOutcome: ...


@runtime_checkable
class FindsAuthorizations(Protocol):
    """A provider that forgets keys, and can be asked what became of an authorisation instead."""

    def find(self, request: AuthorizationRequest) -> ProviderOutcome | None:
        """None when it was never asked for."""
        ...
