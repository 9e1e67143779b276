"""Stripe, by its own client: payment intents with manual capture, and refunds.

Importing this module imports ``stripe``, which is heavy: reach it through ``registry``.

The payment intent (``pi_…``) is the authorisation that captures, voids and refunds are made
against. Stripe captures an intent once and releases what is left of it. Cards only; the token is a
payment method (``pm_…``).

Stripe keeps idempotency keys for at least 24 hours. Captures and voids that are asked for again
after that are settled by looking at the intent, refunds by the key kept in their metadata.
"""

from typing import NoReturn

import stripe

from oms.kernel.errors import Invalid, OmsError, ProviderUnavailable, Refused
from oms.kernel.money import Money, exponent
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    Declined,
    Operation,
    Pending,
    ProviderOutcome,
    RefundRequest,
    VoidRequest,
)

# The last version that takes ``payment_method_types``. Without it an account that has enabled
# payment methods with a redirect would want a return address for every card.
_API_VERSION = "2026-08-26.dahlia"

_HOUR = 3600
_DAY = 24 * _HOUR

# Where Stripe counts in other units than ISO 4217 does (docs.stripe.com/currencies: zero-decimal
# currencies, special cases).
_EXPONENTS = {"ISK": 2, "MGA": 0, "UGX": 2}
_THREE_DECIMALS = 3


def open_stripe(
    secret_key: str,
    *,
    api_base: str = "",
    connect_timeout_seconds: float = 2,
    answer_timeout_seconds: float = 5,
    retries: int = 1,
) -> "StripeProvider":
    """A provider whose every call ends within ``retries`` + 1 times both timeouts, plus the
    client's own backoff with jitter: 14.5 seconds unless told otherwise.

    An operation takes two calls at most, so it has an end before a function of 30 seconds has.
    Who asks again later, with the same key, gets the answer that came too late.
    """
    # It would write an id into the home directory and report the timing of calls.
    stripe.enable_telemetry = False
    client = stripe.StripeClient(
        secret_key,
        stripe_version=_API_VERSION,
        base_addresses={"api": api_base} if api_base else {},
        max_network_retries=retries,
        http_client=stripe.RequestsClient(
            timeout=(connect_timeout_seconds, answer_timeout_seconds)
        ),
    )
    return StripeProvider(client)


class StripeProvider:
    def __init__(self, client: stripe.StripeClient) -> None:
        self._intents = client.v1.payment_intents
        self._refunds = client.v1.refunds

    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        if request.method != "card":
            raise Invalid(
                f"Stripe takes cards, not {request.method!r}", code="unsupported_payment_method"
            )
        try:
            intent = self._intents.create(
                {
                    "amount": stripe_amount(request.amount),
                    "currency": request.amount.currency.lower(),
                    "payment_method": request.token,
                    # The client's types are those of the API version after ours.
                    "payment_method_types": ["card"],  # type: ignore[typeddict-unknown-key]
                    "capture_method": "manual",
                    "confirm": True,
                    "metadata": {"order_id": request.order_id, "payment_id": request.payment_id},
                },
                {"idempotency_key": request.idempotency_key},
            )
        except stripe.CardError as error:
            return _declined(error)
        except stripe.StripeError as error:
            _raise("authorize", error)
        return _authorized(intent)

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        """Take the amount and release the rest of what is held."""
        amount = stripe_amount(request.amount)
        try:
            intent = self._intents.capture(
                request.authorization,
                {"amount_to_capture": amount},
                {"idempotency_key": request.idempotency_key},
            )
        except stripe.CardError as error:
            return _declined(error)
        except stripe.InvalidRequestError as error:
            return self._captured_before(request.authorization, amount, error)
        except stripe.StripeError as error:
            _raise("capture", error)
        if intent.status == "processing":
            return Pending(intent.id, _DAY)
        return Approved(intent.id)

    def void(self, request: VoidRequest) -> ProviderOutcome:
        try:
            intent = self._intents.cancel(
                request.authorization, {}, {"idempotency_key": request.idempotency_key}
            )
        except stripe.InvalidRequestError as error:
            intent = self._as_it_stands("void", request.authorization)
            if intent.status != "canceled":
                _raise("void", error)
        except stripe.StripeError as error:
            _raise("void", error)
        return Approved(intent.id)

    def refund(self, request: RefundRequest) -> ProviderOutcome:
        try:
            refund = self._refunded_before(request) or self._refunds.create(
                {
                    "payment_intent": request.authorization,
                    "amount": stripe_amount(request.amount),
                    "metadata": {
                        "order_id": request.order_id,
                        "payment_id": request.payment_id,
                        "refund_id": request.refund_id,
                        "idempotency_key": request.idempotency_key,
                    },
                },
                {"idempotency_key": request.idempotency_key},
            )
        except stripe.CardError as error:
            return _declined(error)
        except stripe.StripeError as error:
            _raise("refund", error)
        return _refunded(refund)

    def _captured_before(
        self, authorization: str, amount: int, error: stripe.InvalidRequestError
    ) -> ProviderOutcome:
        """Stripe does not accept the capture: the same one may have been made, or it is too late.

        An authorisation that lapsed (after 7 days for most cards) is cancelled by Stripe.
        """
        intent = self._as_it_stands("capture", authorization)
        if intent.status == "canceled":
            return Declined("authorization_canceled", intent.id)
        if intent.status != "succeeded" or getattr(intent, "amount_received", 0) != amount:
            _raise("capture", error)
        return Approved(intent.id)

    def _as_it_stands(self, operation: Operation, authorization: str) -> stripe.PaymentIntent:
        try:
            return self._intents.retrieve(authorization)
        except stripe.StripeError as error:
            _raise(operation, error)

    def _refunded_before(self, request: RefundRequest) -> stripe.Refund | None:
        made = self._refunds.list({"payment_intent": request.authorization, "limit": 100})
        for refund in made.data:
            metadata = refund.metadata.to_dict() if refund.metadata else {}
            if metadata.get("idempotency_key") == request.idempotency_key:
                return refund
        return None


def stripe_amount(amount: Money) -> int:
    """``amount`` in Stripe's units. Raises ``Invalid`` with code ``amount_not_chargeable``.

    Stripe counts the ariary in whole units, krónur and Uganda shillings in hundredths that must be
    zero, and takes three-decimal currencies only when the last digit is zero
    (docs.stripe.com/currencies). What would need rounding is refused, because it would then differ
    from what the customer agreed to pay.
    """
    places = _EXPONENTS.get(amount.currency, exponent(amount.currency))
    scale, iso_scale = int(10**places), int(10 ** exponent(amount.currency))
    units, lost = divmod(amount.minor * scale, iso_scale)
    if units <= 0 or lost or (places == _THREE_DECIMALS and units % 10):
        raise Invalid(
            f"Stripe cannot charge {amount} {amount.currency}", code="amount_not_chargeable"
        )
    return units


def _authorized(intent: stripe.PaymentIntent) -> ProviderOutcome:
    if intent.status in ("requires_capture", "succeeded"):
        return Approved(intent.id)
    if intent.status == "requires_action":
        return Pending(intent.id, _HOUR, _authentication_page(intent))
    if intent.status == "processing":
        return Pending(intent.id, _DAY)
    failure = intent.last_payment_error
    code = _told(failure, "decline_code") or _told(failure, "code") or f"intent_{intent.status}"
    return Declined(code, intent.id)


def _authentication_page(intent: stripe.PaymentIntent) -> str:
    return _told(getattr(intent.next_action, "redirect_to_url", None), "url")


def _refunded(refund: stripe.Refund) -> ProviderOutcome:
    if refund.status == "succeeded":
        return Approved(refund.id)
    if refund.status in ("pending", "requires_action"):
        return Pending(refund.id, 30 * _DAY)
    return Declined(_told(refund, "failure_reason") or f"refund_{refund.status}", refund.id)


def _declined(error: stripe.CardError) -> Declined:
    code = _told(error.error, "decline_code") or error.code or "card_declined"
    return Declined(code, _told(getattr(error.error, "payment_intent", None), "id"))


def _told(source: object, name: str) -> str:
    """A text that Stripe leaves out, or sends as null, when it does not apply."""
    value = getattr(source, name, None)
    return value if isinstance(value, str) else ""


def _raise(operation: Operation, error: stripe.StripeError) -> NoReturn:
    # The cause is left out: its message can repeat tokens, and logs print causes.
    raise _translated(operation, error) from None


def _translated(operation: Operation, error: stripe.StripeError) -> OmsError:
    name = type(error).__name__
    if _nobody_knows(error):
        return ProviderUnavailable(f"Stripe gave no answer to {operation} ({name})")
    return Refused(
        f"Stripe does not accept this {operation} ({name}, {error.code or 'no code'});"
        f" look up request {error.request_id or 'without id'} in its dashboard",
        code="payment_provider_refused",
        context={"provider": "stripe", "provider_code": error.code or ""},
    )


def _nobody_knows(error: stripe.StripeError) -> bool:
    """Whether the same call may be made again: no connection, rate limit, 5xx, an unreadable answer
    or (409) the same key still at work in another call."""
    if isinstance(error, stripe.APIConnectionError | stripe.RateLimitError):
        return True
    status = error.http_status or 0
    return isinstance(error, stripe.APIError) and (status == 409 or not 400 <= status < 500)
