"""Stripe, by its own client: payment intents with manual capture, and refunds.

Importing this module imports ``stripe``, which is heavy: reach it through ``registry``.

The payment intent (``pi_…``) is the authorisation that captures, voids and refunds are made
against. Stripe captures an intent once and releases what is left of it. The token is a payment
method (``pm_…``) or, where it is to be charged again when a hold has expired, the customer it is
attached to and the payment method (``cus_…:pm_…``): Stripe takes an unattached one only once. A Pix
needs no token; a boleto needs a payment method, which has the payer's name, address and tax id.

Stripe keeps idempotency keys for at least 24 hours. Captures and voids that are asked for again
after that are settled by looking at the intent, refunds by the key kept in their metadata, and
authorisations are looked for by the payment's id in theirs (``find``).

An answer that is not what was asked for decides nothing: ``ProviderUnavailable``.
"""

from typing import Any, NoReturn

import stripe

from oms.kernel.errors import Invalid, OmsError, PaymentRefused, ProviderUnavailable
from oms.kernel.money import Money, exponent
from oms.payments.minor_units import STRIPE, to_units
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
# How long most cards are held (docs.stripe.com/payments/place-a-hold-on-a-payment-method).
_HOLD_SECONDS = 7 * _DAY

_METHODS = ("card", "pix", "boleto")

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
        if request.method not in _METHODS:
            raise Invalid(
                f"Stripe takes {', '.join(_METHODS)}, not {request.method!r}",
                code="unsupported_payment_method",
            )
        amount = stripe_amount(request.amount)
        try:
            intent = self._intents.create(
                _intent_to_confirm(request, amount), {"idempotency_key": request.idempotency_key}
            )
        except stripe.CardError as error:
            return _declined(error)
        except stripe.StripeError as error:
            _raise("authorize", error)
        return _authorized(_answered(intent, amount))

    def find(self, request: AuthorizationRequest) -> ProviderOutcome | None:
        """What became of an authorisation whose answer got lost and whose key has lapsed. Stripe's
        search is up to a minute behind: ask it only of what is older."""
        query = f"metadata['payment_id']:'{request.payment_id}'"
        try:
            found = self._intents.search({"query": query, "expand": ["data.latest_charge"]})
        except stripe.StripeError as error:
            _raise("authorize", error)
        for intent in found.data:
            return _authorized(_answered(intent, stripe_amount(request.amount)))
        return None

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
        return _captured(_answered(intent))

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
        if _answered(intent).status != "canceled":
            raise _not_what_was_asked(intent)
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
        return _refunded(refund, stripe_amount(request.amount))

    def _captured_before(
        self, authorization: str, amount: int, error: stripe.InvalidRequestError
    ) -> ProviderOutcome:
        """Stripe does not accept the capture: the same one may have been made, or it is too late.

        An authorisation that lapsed (after 7 days for most cards) is cancelled by Stripe.
        """
        intent = self._as_it_stands("capture", authorization)
        if intent.status == "canceled":
            return Declined("authorization_expired", intent.id)
        if intent.status != "succeeded" or getattr(intent, "amount_received", 0) != amount:
            _raise("capture", error)
        return Approved(intent.id)

    def _as_it_stands(self, operation: Operation, authorization: str) -> stripe.PaymentIntent:
        try:
            return _answered(self._intents.retrieve(authorization))
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
    units = to_units(amount, STRIPE)
    three_decimals = exponent(amount.currency) == _THREE_DECIMALS
    if units is None or units <= 0 or (three_decimals and units % 10):
        raise Invalid(
            f"Stripe cannot charge {amount} {amount.currency}", code="amount_not_chargeable"
        )
    return units


def _intent_to_confirm(request: AuthorizationRequest, amount: int) -> Any:
    """What Stripe is to create and confirm at once. Its types are those of the API version after
    ours, which no longer takes ``payment_method_types``."""
    customer, _, token = request.token.rpartition(":")
    intent: dict[str, object] = {
        "amount": amount,
        "currency": request.amount.currency.lower(),
        "payment_method_types": [request.method],
        "confirm": True,
        "metadata": {"order_id": request.order_id, "payment_id": request.payment_id},
        "expand": ["latest_charge"],
    }
    if token:
        intent["payment_method"] = token
    else:
        intent["payment_method_data"] = {"type": request.method}
    if request.method == "card":
        intent["capture_method"] = "manual"
    if customer:
        intent["customer"] = customer
    if customer and request.renews:
        intent["off_session"] = True
    return intent


def _answered(intent: stripe.PaymentIntent, amount: int | None = None) -> stripe.PaymentIntent:
    """The intent, where it is one and of the ``amount`` that was asked for."""
    is_one = _told(intent, "id").startswith("pi_") and _told(intent, "status")
    if not is_one or amount not in (None, getattr(intent, "amount", amount)):
        raise _not_what_was_asked(intent)
    return intent


def _not_what_was_asked(answer: stripe.StripeObject) -> ProviderUnavailable:
    return ProviderUnavailable(
        f"Stripe's answer ({_told(answer, 'id') or 'without id'},"
        f" {_told(answer, 'status') or 'without status'}) is not what was asked for"
    )


def _authorized(intent: stripe.PaymentIntent) -> ProviderOutcome:
    if intent.status in ("requires_capture", "succeeded"):
        return Approved(intent.id, _held_for(intent))
    if intent.status == "requires_action":
        seconds, instructions = _next_action(intent)
        return Pending(intent.id, seconds, instructions)
    if intent.status == "processing":
        return Pending(intent.id, _DAY)
    failure = getattr(intent, "last_payment_error", None)
    code = _told(failure, "decline_code") or _told(failure, "code") or f"intent_{intent.status}"
    return Declined(code, intent.id)


def _captured(intent: stripe.PaymentIntent) -> ProviderOutcome:
    if intent.status == "processing":
        return Pending(intent.id, _DAY)
    if intent.status != "succeeded":
        raise _not_what_was_asked(intent)
    return Approved(intent.id)


def _held_for(intent: stripe.PaymentIntent) -> int:
    """Seconds; until ``capture_before`` of its charge, where Stripe tells."""
    if intent.status != "requires_capture":
        return 0
    charge = getattr(intent, "latest_charge", None)
    details = getattr(getattr(charge, "payment_method_details", None), "card", None)
    end, start = getattr(details, "capture_before", None), getattr(charge, "created", None)
    if isinstance(end, int) and isinstance(start, int):
        return max(1, end - start)
    return _HOLD_SECONDS


def _next_action(intent: stripe.PaymentIntent) -> tuple[int, str]:
    """How long the customer has, and what to pay with: the address of the bank's page, a Pix code,
    the line of a boleto."""
    action = getattr(intent, "next_action", None)
    pix = getattr(action, "pix_display_qr_code", None)
    boleto = getattr(action, "boleto_display_details", None)
    if pix:
        return _seconds_until(pix, intent, _DAY), _told(pix, "data")
    if boleto:
        return _seconds_until(boleto, intent, 3 * _DAY), _told(boleto, "number")
    return _HOUR, _told(getattr(action, "redirect_to_url", None), "url")


def _seconds_until(action: object, intent: stripe.PaymentIntent, otherwise: int) -> int:
    end, start = getattr(action, "expires_at", None), getattr(intent, "created", None)
    if isinstance(end, int) and isinstance(start, int):
        return max(1, end - start)
    return otherwise


def _refunded(refund: stripe.Refund, amount: int) -> ProviderOutcome:
    status = _told(refund, "status")
    if not _told(refund, "id") or not status or getattr(refund, "amount", amount) != amount:
        raise _not_what_was_asked(refund)
    if status == "succeeded":
        return Approved(refund.id)
    if status in ("pending", "requires_action"):
        return Pending(refund.id, 30 * _DAY)
    return Declined(_told(refund, "failure_reason") or f"refund_{status}", refund.id)


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
    return PaymentRefused(
        f"Stripe does not accept this {operation} ({name}, {error.code or 'no code'});"
        f" look up request {error.request_id or 'without id'} in its dashboard",
        context={"provider": "stripe", "provider_code": error.code or ""},
    )


def _nobody_knows(error: stripe.StripeError) -> bool:
    """Whether the same call may be made again: no connection, rate limit, 5xx, an unreadable answer
    or (409) the same key still at work in another call."""
    if isinstance(error, stripe.APIConnectionError | stripe.RateLimitError):
        return True
    status = error.http_status or 0
    return isinstance(error, stripe.APIError) and (status == 409 or not 400 <= status < 500)
