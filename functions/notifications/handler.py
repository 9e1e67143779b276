"""E-mails to customers about what happened to their orders, each sent once.

Environment: ``ORDERS_TABLE``, ``VIEWS_TABLE``, ``CATALOG_TABLE``, ``SENDER_EMAIL`` (an address, or
``Name <address>`` whose name signs the e-mails), ``PICKUP_SECRET`` (the name of the secret that
codes derive from), ``DEAD_LETTER_QUEUE_URL``.
"""

import os

from oms.aws import stores
from oms.aws.backoff import with_backoff
from oms.aws.bus_messages import envelope_of
from oms.aws.clients import dynamodb
from oms.aws.dead_letters import DeadLetters, Message, consumer
from oms.aws.email import SesMailer, ses
from oms.aws.notification_store import NotificationStore
from oms.aws.observability import correlate, logger
from oms.aws.order_store import OrderStore
from oms.aws.secrets import Secrets
from oms.catalog.model import Node
from oms.kernel.clock import utc_now
from oms.notifications.collecting import collections
from oms.notifications.deliver import deliver, store_name

sender = os.environ["SENDER_EMAIL"]
orders = OrderStore(dynamodb(), os.environ["ORDERS_TABLE"])
notices = NotificationStore(dynamodb(), os.environ["VIEWS_TABLE"])
mailer = SesMailer(ses(), sender)
secrets = Secrets()


def tell_customer(message: Message) -> None:
    event = envelope_of(message.body)
    correlate(event.correlation_id)
    outcome = deliver(
        event,
        message.id,
        orders.load,
        notices,
        mailer,
        store_name(sender),
        utc_now,
        collections(_node, lambda: secrets.read(os.environ["PICKUP_SECRET"])),
    )
    logger.info("notice", event_id=event.id, event_type=event.type, outcome=outcome)


def _node(node_id: str) -> Node | None:
    return stores.catalog_store().node(node_id)


handler = with_backoff(consumer(tell_customer, DeadLetters.from_environment()))
