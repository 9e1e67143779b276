"""Takes verified deliveries from the inbox queue and does what they ask.

Environment: ``ORDERS_TABLE``, ``CATALOG_TABLE``, ``WORK_TABLE``, ``DEAD_LETTER_QUEUE_URL``,
``MERCADOPAGO_SECRET`` (the ARN of its access token's secret); ``MERCADOPAGO_API_BASE`` only where
something stands in for it.

A delivery may come twice: every command carries a natural key. One that can never be carried out
goes to the dead-letter queue with its reason, and what it brought beside is done all the same.
"""

import os

from pydantic import ValidationError

from oms.aws import stores
from oms.aws.dead_letters import DeadLetters, Message, consumer, do_each
from oms.aws.faults import invalid
from oms.aws.observability import correlate, count, logger
from oms.aws.secrets import Secrets
from oms.channels import mercadopago
from oms.channels.model import (
    CaptureRequested,
    Command,
    Ignored,
    ParcelReported,
    PaymentReported,
    ResourceNamed,
)
from oms.channels.outcomes import record_payment
from oms.channels.queued import from_message
from oms.channels.resources import MERCADO_PAGO, HttpsResources
from oms.channels.sources import source_of
from oms.fulfillment.arrival import take_report
from oms.kernel.clock import utc_now
from oms.kernel.errors import Conflict, Invalid
from oms.kernel.events import Cause
from oms.kernel.ids import is_return_id
from oms.orders.capture import capture
from oms.orders.contract import CaptureOrder
from oms.payments.account_tokens import made_before
from oms.returns import tracking

orders = stores.orders()
catalog = stores.catalog()
parcels = stores.parcels()
shipments = stores.shipments()
secrets = Secrets()
resources = HttpsResources(
    os.environ.get("MERCADOPAGO_API_BASE") or MERCADO_PAGO,
    lambda: secrets.read(os.environ["MERCADOPAGO_SECRET"]),
)


def take(message: Message) -> None:
    queued = from_message(message.body)
    correlate(queued.correlation_id)
    cause = Cause(utc_now(), f"webhook:{queued.source}", correlation_id=queued.correlation_id)

    def carry_out(command: Command) -> str:
        outcome = _carry_out(command, cause)
        logger.info("delivery done", delivery_id=queued.delivery.id, outcome=outcome)
        return outcome

    do_each(source_of(queued.source).read(queued.delivery), carry_out)


def _carry_out(command: Command, cause: Cause) -> str:
    match command:
        case CaptureRequested():
            return _capture(command, cause)
        case PaymentReported():
            return _record(command, cause)
        case ResourceNamed(path=path):
            told = mercadopago.reports(mercadopago.read_payment(resources.get(path)))
            done = do_each(told, lambda report: _record(report, cause))
            return ", ".join(done) or "nothing to record"
        case ParcelReported(report) if is_return_id(report.fulfillment_id):
            return tracking.take_report(report, orders, cause).order_id
        case ParcelReported(report):
            return take_report(report, orders, parcels, shipments, cause).order_id
        case Ignored(reason):
            return f"ignored: {reason}"


def _record(report: PaymentReported, cause: Cause) -> str:
    recorded = record_payment(report, orders, cause)
    if recorded.news and report.callback.type == "payment.charged_back":
        count("ChargeBacks")
    return recorded.order.order_id


def _capture(command: CaptureRequested, cause: Cause) -> str:
    """A marketplace may add members to its orders; an order of ours may not."""
    try:
        request = CaptureOrder.model_validate(command.document, extra="ignore")
        captured = capture(
            request,
            orders,
            catalog,
            cause,
            fulfilled_by_channel=command.fulfilled_by_channel,
            gift_card_digest=made_before,
        )
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_input=False)) from None
    except Conflict as error:
        # The order is there with another content, and no retry will change that.
        raise Invalid(error.detail, code=error.problem_code, context=error.context) from error
    return captured.order.order_id


handler = consumer(take, DeadLetters.from_environment())
