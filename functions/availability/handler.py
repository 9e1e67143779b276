"""Webhooks to channels about what they may sell, when that changes.

A message without a channel becomes one for each channel that wants to know, so that each is told,
or tried again, apart from the others, and one for each bundle that holds the SKU.

Environment: ``INVENTORY_TABLE``, ``CATALOG_TABLE``, ``CALLBACK_SECRET`` (the name of the secret
that the channels' own are derived from), ``AVAILABILITY_QUEUE_URL``, ``DEAD_LETTER_QUEUE_URL``;
``ALLOW_PLAIN_CALLBACKS=1`` on a laptop only.
"""

import os
from collections.abc import Mapping, Set
from datetime import datetime

from oms.aws import stores
from oms.aws.availability_queue import AvailabilityQueue, look_of
from oms.aws.backoff import with_backoff
from oms.aws.dead_letters import DeadLetters, Message, consumer
from oms.aws.observability import logger
from oms.aws.queues import Queue
from oms.aws.secrets import Secrets
from oms.inventory.position import Position
from oms.kernel.clock import utc_now
from oms.notifications.availability import tell
from oms.notifications.availability_message import Look
from oms.notifications.callback import SignedPost
from oms.notifications.post import HttpsPoster

queue = AvailabilityQueue(Queue(os.environ["AVAILABILITY_QUEUE_URL"]))
secrets = Secrets()
post = SignedPost(
    HttpsPoster(allow_plain=os.environ.get("ALLOW_PLAIN_CALLBACKS") == "1"),
    lambda: secrets.read(os.environ["CALLBACK_SECRET"]),
    utc_now,
)


def look(message: Message) -> None:
    found = look_of(message.body)
    if found.channel:
        _tell(found)
        return
    catalog = stores.catalog_store()
    if channels := [channel.id for channel in catalog.told_of_availability()]:
        queue.fan_out(found, channels, catalog.bundles_with(found.sku))


def _tell(found: Look) -> None:
    outcome = tell(
        found,
        # As they are now, not as they were remembered: a channel was just added, or moved.
        stores.catalog_store().channel(found.channel),
        _positions,
        stores.catalog(),
        stores.published(),
        post,
        utc_now,
    )
    logger.info("availability", sku=found.sku, channel=found.channel, outcome=outcome)


def _positions(skus: Set[str], now: datetime) -> Mapping[str, Position]:
    return stores.stock().positions(skus, now, consistent=True)


handler = with_backoff(consumer(look, DeadLetters.from_environment()))
