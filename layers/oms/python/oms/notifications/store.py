"""What has been sent, so that nothing is sent twice. ``oms.aws.notification_store`` keeps it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from oms.notifications.model import Kind


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to send the notice of one event, taken before it is sent.

    ``by`` is the id of the queue's message; with ``at`` it tells one attempt from every other.
    """

    event_id: str
    kind: Kind
    by: str
    at: datetime
    sent: bool = False


class Notices(Protocol):
    def claim(self, claim: Claim) -> Claim | None:
        """Take the claim. When another stands for the event, nothing changes and that one is
        returned; ``None`` means that ``claim`` is ours."""

    def release(self, claim: Claim) -> None:
        """Give the claim back: nothing has been sent."""

    def mark_sent(self, claim: Claim, message_id: str, at: datetime) -> None:
        """The e-mail has left; ``message_id`` is the provider's."""
