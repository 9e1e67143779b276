"""Carries out, at payment providers and at accounts, what an order's events ask for: captures,
refunds, and the voiding of an authorisation that came too late.

Environment: ``ORDERS_TABLE``, ``ACCOUNTS_TABLE``, ``STRIPE_SECRET``, ``DEAD_LETTER_QUEUE_URL``.
"""

from oms.aws import stores
from oms.aws.backoff import with_backoff
from oms.aws.bus_messages import envelope_of
from oms.aws.dead_letters import DeadLetters, Message, consumer
from oms.aws.observability import correlate, count, logger
from oms.aws.payment_providers import provider
from oms.kernel.clock import utc_now
from oms.kernel.errors import ProviderUnavailable
from oms.kernel.events import Cause, Envelope
from oms.kernel.money import Money
from oms.orders import capturing, payment
from oms.orders.by_hand import BY_HAND
from oms.orders.giving_back import give_back
from oms.orders.paying import NOT_NEEDED


def take(message: Message) -> None:
    event = envelope_of(message.body)
    correlate(event.correlation_id)
    cause = Cause(utc_now(), "refunds", event.type, event.correlation_id)
    if event.type == "void_requested" and event.data.get("reason") in (BY_HAND, NOT_NEEDED):
        payment_id = str(event.data["payment_id"])
        payment.let_go_of(event.subject, payment_id, stores.orders(), provider, cause)
    elif event.type == "void_requested":
        payment.void_late_authorization(event.subject, stores.orders(), provider, cause)
    elif event.type == "capture_requested":
        _capture(message, event, cause)
    elif event.type == "payment_added":
        _hold(event)
    else:
        _refund(event, cause)


def _hold(event: Envelope) -> None:
    """An order that waits for its money is woken by what is reported from outside its lifecycle, as
    this is."""
    added = event.data["payment"]
    assert isinstance(added, dict)
    cause = Cause(utc_now(), "webhook:added", event.type, event.correlation_id)
    payment.hold_added(event.subject, str(added["id"]), stores.orders(), provider, cause)


def _refund(event: Envelope, cause: Cause) -> None:
    def credit(account: str, customer: str, amount: Money, key: str) -> str:
        from oms.accounts import opening

        given = opening.credit(account, customer, amount, key, stores.accounts(), cause)
        return given.account_id

    refund_id = str(event.data["refund_id"])
    order = give_back(event.subject, refund_id, stores.orders(), provider, credit, cause)
    if order.refund_state(refund_id) == "failed":
        logger.error("refund refused", order_id=event.subject, refund_id=refund_id)
        count("RefundsFailed")


def _capture(message: Message, event: Envelope, cause: Cause) -> None:
    orders, key = stores.orders(), str(event.data["reference"])
    payment_id = str(event.data["payment_id"])
    try:
        order = capturing.capture(event.subject, key, orders, provider, cause)
    except ProviderUnavailable:
        if message.receives >= dead_letters.max_receives:
            capturing.leave_to_a_person(event.subject, payment_id, "capture", orders, cause)
        raise
    made = order.payments.find(payment_id).event("captured", key)
    if order.progress.unpaid and not made:
        logger.error("capture not made", order_id=event.subject, reason=order.progress.unpaid)
        count("CapturesFailed")


dead_letters = DeadLetters.from_environment()
handler = with_backoff(consumer(take, dead_letters))
