from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from oms.kernel.errors import OmsError, ProviderUnavailable, Refused, Unavailable
from oms.kernel.events import Envelope
from oms.notifications.deliver import UNFINISHED_AFTER, Outcome, deliver, store_name
from oms.notifications.render import Message
from oms.notifications.store import Claim
from oms.orders import events as happened
from oms.orders.model import Content, Order

After = Callable[..., tuple[Envelope, Order]]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class MemoryNotices:
    def __init__(self) -> None:
        self.claims: dict[str, Claim] = {}

    def claim(self, claim: Claim) -> Claim | None:
        standing = self.claims.setdefault(claim.event_id, claim)
        return None if standing is claim else standing

    def release(self, claim: Claim) -> None:
        del self.claims[claim.event_id]

    def mark_sent(self, claim: Claim, message_id: str, at: datetime) -> None:
        self.claims[claim.event_id] = replace(claim, sent=True)


class Crash(Exception):
    pass


@dataclass
class Outbox:
    """A mailer that fails as told: before or after the e-mail is on its way."""

    fails: Exception | None = None
    sent: list[tuple[str, Message]] = field(default_factory=list)
    fails_after_sending: bool = False

    def send(self, recipient: str, message: Message) -> str:
        if self.fails and not self.fails_after_sending:
            raise self.fails
        self.sent.append((recipient, message))
        if self.fails:
            raise self.fails
        return f"m-{len(self.sent)}"


@dataclass
class Post:
    """One notice's way: receives of the queue's messages against the same store and mailer."""

    told: tuple[Envelope, Order]
    notices: MemoryNotices = field(default_factory=MemoryNotices)
    outbox: Outbox = field(default_factory=Outbox)
    now: datetime = NOON

    def receive(self, message_id: str = "sqs-1") -> Outcome:
        event, order = self.told
        return deliver(
            event,
            message_id,
            lambda order_id: order,
            self.notices,
            self.outbox,
            "Loja Azul",
            lambda: self.now,
        )


@pytest.fixture
def post(after: After) -> Post:
    return Post(after())


def test_the_customer_is_told_once(post: Post) -> None:
    outcomes = [post.receive("sqs-1"), post.receive("sqs-1"), post.receive("sqs-2")]

    assert outcomes == [Outcome.SENT, Outcome.SENT_BEFORE, Outcome.SENT_BEFORE]
    assert [recipient for recipient, _ in post.outbox.sent] == ["maria@customer.example"]


def test_an_email_that_was_certainly_not_sent_is_tried_again(post: Post) -> None:
    post.outbox.fails = ProviderUnavailable("throttled")
    with pytest.raises(ProviderUnavailable):
        post.receive()
    post.outbox.fails = None

    assert post.receive() is Outcome.SENT
    assert len(post.outbox.sent) == 1


@pytest.mark.parametrize("failure", [Crash(), Refused("timed out", code="delivery_unknown")])
@pytest.mark.parametrize("left", [True, False])
def test_an_email_that_may_have_been_sent_is_never_sent_again(
    post: Post, failure: Exception, left: bool
) -> None:
    post.outbox.fails, post.outbox.fails_after_sending = failure, left
    with pytest.raises(type(failure)):
        post.receive()
    post.outbox.fails = None

    with pytest.raises(Refused) as refused:
        post.receive()
    assert refused.value.problem_code == "delivery_unknown"
    assert len(post.outbox.sent) == int(left)


def test_a_second_message_waits_while_the_first_is_sending(post: Post) -> None:
    post.outbox.fails = Crash()
    with pytest.raises(Crash):
        post.receive("sqs-1")
    post.now += timedelta(seconds=30)

    with pytest.raises(Unavailable):
        post.receive("sqs-2")


def test_a_second_message_is_parked_when_the_first_never_ended(post: Post) -> None:
    post.outbox.fails = Crash()
    with pytest.raises(Crash):
        post.receive("sqs-1")
    post.now += UNFINISHED_AFTER

    with pytest.raises(Refused):
        post.receive("sqs-2")


def test_errors_carry_no_address(post: Post) -> None:
    post.outbox.fails = Crash()
    with pytest.raises(Crash):
        post.receive()

    with pytest.raises(OmsError) as refused:
        post.receive()
    assert "maria" not in str(refused.value)


def test_a_customer_without_an_address_is_not_claimed(after: After, content: Content) -> None:
    silent = replace(content, customer=replace(content.customer, email=""))
    post = Post(after(content=silent))

    assert post.receive() is Outcome.NO_ADDRESS
    assert not post.notices.claims


def test_an_event_that_makes_no_notice_is_not_claimed(after: After) -> None:
    post = Post(after(happened.CancelRequested("changed_my_mind")))

    assert post.receive() is Outcome.NOTHING_TO_TELL
    assert not post.notices.claims


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("Loja Azul <pedidos@loja.example>", "Loja Azul"),
        ('"Loja, Azul" <pedidos@loja.example>', "Loja, Azul"),
        ("pedidos@loja.example", "loja.example"),
        ("<pedidos@loja.example>", "loja.example"),
    ],
)
def test_the_store_signs_with_the_sender_name(sender: str, name: str) -> None:
    assert store_name(sender) == name
