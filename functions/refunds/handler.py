"""Carries out at the payment provider what an order's events ask for: refunds, and the voiding of
an authorisation that came too late."""

from oms.aws import stores
from oms.aws.bus_messages import envelope_of
from oms.aws.dead_letters import DeadLetters, Message, consumer
from oms.aws.observability import correlate, count, logger
from oms.aws.payment_providers import provider
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause
from oms.orders import payment


def take(message: Message) -> None:
    event = envelope_of(message.body)
    correlate(event.correlation_id)
    cause = Cause(utc_now(), "refunds", event.type, event.correlation_id)
    if event.type == "void_requested":
        payment.void_late_authorization(event.subject, stores.orders(), provider, cause)
    else:
        refund_id = str(event.data["refund_id"])
        order = payment.refund(event.subject, refund_id, stores.orders(), provider, cause)
        if order.refund_state(refund_id) == "failed":
            logger.error("refund refused", order_id=event.subject, refund_id=refund_id)
            count("RefundsFailed")


handler = consumer(take, DeadLetters.from_environment())
