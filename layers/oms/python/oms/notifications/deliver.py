"""Tell the customer about an event: once, whatever is retried.

Claim, send, mark. What a crash or a time-out leaves between the claim and the mark may have been
sent, so it is never sent again: it is refused, which parks its message where a person sees it.
"""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from oms.kernel.clock import Clock
from oms.kernel.errors import ProviderUnavailable, Refused, Unavailable
from oms.kernel.events import Envelope
from oms.notifications.model import CollectionOf, notice_of
from oms.notifications.render import Message, render
from oms.notifications.store import Claim, Notices
from oms.orders.model import Order

# Longer than any attempt lives: its function is stopped well before.
UNFINISHED_AFTER = timedelta(minutes=2)


class Outcome(StrEnum):
    SENT = "sent"
    SENT_BEFORE = "sent_before"
    NOTHING_TO_TELL = "nothing_to_tell"
    NO_ADDRESS = "no_address"


class Mailer(Protocol):
    def send(self, recipient: str, message: Message) -> str:
        """Returns the provider's message id.

        Raises ``ProviderUnavailable`` only when the e-mail has certainly not been sent, and
        ``Refused`` with code ``delivery_unknown`` when nobody can tell.
        """


LoadOrder = Callable[[str], Order]


def deliver(
    event: Envelope,
    message_id: str,
    load_order: LoadOrder,
    notices: Notices,
    mailer: Mailer,
    store: str,
    clock: Clock,
    collection_of: CollectionOf | None = None,
) -> Outcome:
    """``message_id`` is the queue's id of the message that brought ``event``.

    Raises ``Unavailable`` when it may be tried again, ``Refused`` when it must not be.
    """
    notice = notice_of(event, load_order(event.subject), collection_of)
    if notice is None:
        return Outcome.NOTHING_TO_TELL
    if not notice.recipient:
        return Outcome.NO_ADDRESS
    # Before the claim: a template that fails has sent nothing.
    message = render(notice, store)
    claim = Claim(event.id, notice.kind, message_id, clock())
    standing = notices.claim(claim)
    if standing is not None:
        return _claimed_before(standing, claim)
    _send(claim, notice.recipient, message, notices, mailer, clock)
    return Outcome.SENT


def _send(
    claim: Claim,
    recipient: str,
    message: Message,
    notices: Notices,
    mailer: Mailer,
    clock: Clock,
) -> None:
    try:
        sent_as = mailer.send(recipient, message)
    except ProviderUnavailable:
        notices.release(claim)
        raise
    notices.mark_sent(claim, sent_as, clock())


def _claimed_before(standing: Claim, ours: Claim) -> Outcome:
    if standing.sent:
        return Outcome.SENT_BEFORE
    # A queue shows a message again only when the attempt before is over.
    is_same_message = standing.by == ours.by
    if not is_same_message and ours.at - standing.at < UNFINISHED_AFTER:
        raise Unavailable("another message is sending this notice", code="notice_in_hand")
    raise Refused(
        f"the {standing.kind} notice of {standing.event_id} was begun and never finished;"
        " it may have been sent and is not sent again",
        code="delivery_unknown",
    )


def store_name(sender: str) -> str:
    """The name that signs, from a mailbox: ``Loja Azul <pedidos@loja.example>`` → ``Loja Azul``,
    and the domain when there is no name before the address."""
    name, _, address = sender.rpartition("<")
    return name.strip().strip('"') or address.strip("<> ").rpartition("@")[2]
