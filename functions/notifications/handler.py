"""E-mails to customers about what happened to their orders, each sent once.

Environment: ``ORDERS_TABLE``, ``VIEWS_TABLE``, ``SENDER_EMAIL`` (an address, or ``Name <address>``
whose name signs the e-mails), ``DEAD_LETTER_QUEUE_URL``.
"""

import os

from oms.aws.backoff import with_backoff
from oms.aws.bus_messages import envelope_of
from oms.aws.clients import dynamodb
from oms.aws.dead_letters import DeadLetters, Message, consumer
from oms.aws.email import SesMailer, ses
from oms.aws.notification_store import NotificationStore
from oms.aws.observability import correlate, logger
from oms.aws.order_store import OrderStore
from oms.kernel.clock import utc_now
from oms.notifications.deliver import deliver, store_name

sender = os.environ["SENDER_EMAIL"]
orders = OrderStore(dynamodb(), os.environ["ORDERS_TABLE"])
notices = NotificationStore(dynamodb(), os.environ["VIEWS_TABLE"])
mailer = SesMailer(ses(), sender)


def tell_customer(message: Message) -> None:
    event = envelope_of(message.body)
    correlate(event.correlation_id)
    outcome = deliver(event, message.id, orders.load, notices, mailer, store_name(sender), utc_now)
    logger.info("notice", event_id=event.id, event_type=event.type, outcome=outcome)


handler = with_backoff(consumer(tell_customer, DeadLetters.from_environment()))
