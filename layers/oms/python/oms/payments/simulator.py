"""A payment provider for the demo and the tests. It decides by the token, and holds no money.

=========================  ==========================================================
token                      what happens
=========================  ==========================================================
4242424242424242           approved
4000000000000002           declined, ``card_declined``
4000000000009995           declined, ``insufficient_funds``
4000000000000069           declined, ``expired_card``
4000000000003220           pending for an hour, until called back
4000000000000341           approved; every capture is declined, ``capture_declined``
4000000000000119           no answer the first two times (``ProviderUnavailable``), then approved
4000000000005126           approved; every refund is declined, ``refund_declined``
4000000000007726           approved; every refund is pending until called back
``authorization_expires``  approved for two seconds; what renews it holds for a week
``authorization_lapses``   approved; captures are declined, ``authorization_expired``, until it is
                           renewed
``renewal_declined``       as that; whatever renews it is declined, ``insufficient_funds``
``capture_pending``        approved; every capture is pending for a day, until called back
``capture_silent``         approved; captures get no answer the first two times
``refund_silent``          approved; refunds get no answer the first two times
``answers_wrong``          approved without a reference the first two times, then approved; captures
                           and refunds too
``paypal``                 pending for three hours with the address of a page, until called back
``pix``                    pending for 30 minutes with a copy-and-paste code, until called back
``boleto``                 pending for three days with a boleto line, until called back
``bank_transfer``          pending for seven days with what to write on it, until called back
``channel``                approved: the channel (a marketplace) has collected the money
=========================  ==========================================================

Where the token is left out, the method stands for it (``paypal``, ``pix``, ``boleto``,
``bank_transfer``, ``channel``). No other token is accepted, so that a real card number is neither
stored nor logged.

It remembers nothing but how often it has kept silent: a reference is derived from the idempotency
key, so the same call has the same answer in any process, and what captures and refunds need to
know is written at the end of the authorisation's reference: how they end, or until when it holds.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from oms.kernel.clock import utc_now
from oms.kernel.errors import Invalid, ProviderUnavailable
from oms.payments.callbacks import PaymentCallback, callback_body
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
from oms.payments.tokens import refuse_card_number

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class _Behaviour:
    """``trait`` is what its captures and refunds go by; ``renewed``: the behaviour of the
    authorisation that renews it, where that differs."""

    declined: str = ""
    pending_seconds: int = 0
    instructions: str = ""
    silent: bool = False
    wrong: bool = False
    trait: str = ""
    holds_seconds: int = 0
    ends: bool = False
    renewed: "_Behaviour | None" = None


_BEHAVIOURS = {
    "4242424242424242": _Behaviour(),
    "4000000000000002": _Behaviour(declined="card_declined"),
    "4000000000009995": _Behaviour(declined="insufficient_funds"),
    "4000000000000069": _Behaviour(declined="expired_card"),
    "4000000000003220": _Behaviour(pending_seconds=_HOUR),
    "4000000000000341": _Behaviour(trait="capture_declined"),
    "4000000000000119": _Behaviour(silent=True),
    "4000000000005126": _Behaviour(trait="refund_declined"),
    "4000000000007726": _Behaviour(trait="refund_pending"),
    "authorization_expires": _Behaviour(
        holds_seconds=2, ends=True, renewed=_Behaviour(holds_seconds=7 * _DAY)
    ),
    "authorization_lapses": _Behaviour(trait="lapsed", renewed=_Behaviour()),
    "renewal_declined": _Behaviour(
        trait="lapsed", renewed=_Behaviour(declined="insufficient_funds")
    ),
    "capture_pending": _Behaviour(trait="capture_pending"),
    "capture_silent": _Behaviour(trait="capture_silent"),
    "refund_silent": _Behaviour(trait="refund_silent"),
    "answers_wrong": _Behaviour(wrong=True, trait="answers_wrong"),
    "paypal": _Behaviour(
        pending_seconds=3 * _HOUR, instructions="https://paypal.simulated.invalid/approve/"
    ),
    "pix": _Behaviour(pending_seconds=30 * _MINUTE, instructions="SIMULATED-PIX-"),
    "boleto": _Behaviour(pending_seconds=3 * _DAY, instructions="SIMULATED-BOLETO-"),
    "bank_transfer": _Behaviour(pending_seconds=7 * _DAY, instructions="SIMULATED-TRANSFER-"),
    "channel": _Behaviour(),
}
TEST_TOKENS = frozenset(_BEHAVIOURS)


class Simulator:
    """``silences`` is how often it goes without an answer, or without a right one, where it does at
    all: per process and key. ``clock`` says whether a hold is over."""

    def __init__(self, silences: int = 2, clock: Callable[[], datetime] = utc_now) -> None:
        self._silences = silences
        self._clock = clock
        self._silent: Counter[str] = Counter()

    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        """Raises ``Invalid`` (``unknown_test_token``, ``card_number_refused``) for other tokens."""
        behaviour = _behaviour(request.token or request.method)
        if request.renews and behaviour.renewed:
            behaviour = behaviour.renewed
        reference = _reference("authorization", request.idempotency_key, behaviour.trait)
        if behaviour.silent:
            self._keep_silent(request.idempotency_key)
        if behaviour.wrong and self._is_early(request.idempotency_key):
            return Approved("")
        if behaviour.declined:
            return Declined(behaviour.declined, reference)
        if behaviour.pending_seconds:
            code = f"{behaviour.instructions}{_digest(request.idempotency_key)}"
            instructions = code if behaviour.instructions else ""
            return Pending(reference, behaviour.pending_seconds, instructions)
        if behaviour.ends:
            end = int(self._clock().timestamp()) + behaviour.holds_seconds
            reference = f"{reference}_until_{end}"
        return Approved(reference, behaviour.holds_seconds)

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        reference = _reference("capture", request.idempotency_key)
        match _trait(request.authorization):
            case trait if trait.startswith("until_") and self._is_over(trait):
                return Declined("authorization_expired", reference)
            case "capture_declined":
                return Declined("capture_declined", reference)
            case "lapsed":
                return Declined("authorization_expired", reference)
            case "capture_pending":
                return Pending(reference, _DAY)
            case "capture_silent":
                self._keep_silent(request.idempotency_key)
            case "answers_wrong" if self._is_early(request.idempotency_key):
                return Approved("")
        return Approved(reference)

    def void(self, request: VoidRequest) -> ProviderOutcome:
        return Approved(_reference("void", request.idempotency_key))

    def refund(self, request: RefundRequest) -> ProviderOutcome:
        reference = _reference("refund", request.idempotency_key)
        match _trait(request.authorization):
            case "refund_declined":
                return Declined("refund_declined", reference)
            case "refund_pending":
                return Pending(reference, 3 * _DAY)
            case "refund_silent":
                self._keep_silent(request.idempotency_key)
            case "answers_wrong" if self._is_early(request.idempotency_key):
                return Approved("")
        return Approved(reference)

    def _is_over(self, trait: str) -> bool:
        return self._clock().timestamp() >= int(trait.removeprefix("until_"))

    def _keep_silent(self, key: str) -> None:
        if self._is_early(key):
            raise ProviderUnavailable("the simulator did not answer in time")

    def _is_early(self, key: str) -> bool:
        if self._silent[key] >= self._silences:
            return False
        self._silent[key] += 1
        return True


def refuse_unknown_token(token: str) -> None:
    """Raise ``Invalid`` unless ``token`` is in the table above. The message does not repeat it."""
    if token in TEST_TOKENS:
        return
    refuse_card_number(token)
    raise Invalid("the simulator takes its test tokens only", code="unknown_test_token")


def signed_callback(
    secret: str, event: PaymentCallback, now: datetime
) -> tuple[dict[str, str], bytes]:
    """Headers and body of what the provider would post to ``/v1/webhooks/simulator``.

    Signed by the Standard Webhooks scheme; the event's id is the message's.
    """
    # Only the demo and the tests sign; the payment function need not load this.
    from standardwebhooks import Webhook

    moment = now.astimezone(UTC)
    body = callback_body(event, moment)
    headers = {
        "content-type": "application/json",
        "webhook-id": event.id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(event.id, moment, body),
    }
    return headers, body.encode()


def _behaviour(token: str) -> _Behaviour:
    refuse_unknown_token(token)
    return _BEHAVIOURS[token]


def _reference(operation: str, key: str, trait: str = "") -> str:
    parts = ("sim", operation, _digest(key), trait)
    return "_".join(part for part in parts if part)


def _trait(authorization: str) -> str:
    """What the reference of an authorisation ends with: ``sim_authorization_<digest>_<trait>``."""
    return "_".join(authorization.split("_")[3:])


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:20]
