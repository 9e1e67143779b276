"""Webhooks to channels about what happened to their orders, and to suppliers about ours.

Environment: ``ORDERS_TABLE``, ``INVENTORY_TABLE``, ``CATALOG_TABLE``, ``CALLBACK_SECRET`` (the name
of the secret that everybody's own is derived from), ``DEAD_LETTER_QUEUE_URL``;
``ALLOW_PLAIN_CALLBACKS=1`` on a laptop only.
"""

import os

from oms.aws import stores
from oms.aws.backoff import with_backoff
from oms.aws.bus_messages import envelope_of
from oms.aws.catalog_store import CachedCatalog, CatalogStore
from oms.aws.clients import dynamodb
from oms.aws.dead_letters import DeadLetters, Message, consumer
from oms.aws.observability import correlate, logger
from oms.aws.order_store import OrderStore
from oms.aws.secrets import Secrets
from oms.kernel.clock import utc_now
from oms.notifications.callback import SignedPost, call_back
from oms.notifications.post import HttpsPoster
from oms.notifications.return_rate_call import RETURN_RATE_HIGH, call_about_returns
from oms.purchasing.supplier_call import CALL_TYPES, call_suppliers

orders = OrderStore(dynamodb(), os.environ["ORDERS_TABLE"])
catalog = CachedCatalog(CatalogStore(dynamodb(), os.environ["CATALOG_TABLE"]))
secrets = Secrets()
poster = HttpsPoster(allow_plain=os.environ.get("ALLOW_PLAIN_CALLBACKS") == "1")


def tell(message: Message) -> None:
    event = envelope_of(message.body)
    correlate(event.correlation_id)
    if event.type in CALL_TYPES:
        post = SignedPost(poster, _master_secret, utc_now)
        called = call_suppliers(event, stores.purchases(), stores.catalog_store().node, post)
        logger.info("suppliers", event_id=event.id, event_type=event.type, outcomes=called)
        return
    if event.type == RETURN_RATE_HIGH:
        post = SignedPost(poster, _master_secret, utc_now)
        told = call_about_returns(event, _callback_url, post)
        logger.info("return rate", event_id=event.id, outcome=told)
        return
    outcome = call_back(event, orders.load, _callback_url, poster, _master_secret, utc_now)
    logger.info("callback", event_id=event.id, event_type=event.type, outcome=outcome)


def _callback_url(channel_id: str) -> str:
    channel = catalog.channel(channel_id)
    return channel.callback_url if channel else ""


def _master_secret() -> str:
    return secrets.read(os.environ["CALLBACK_SECRET"])


handler = with_backoff(consumer(tell, DeadLetters.from_environment()))
