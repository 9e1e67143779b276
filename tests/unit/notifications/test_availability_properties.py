"""However stock moves and answers get lost, the highest sequence a channel has is never a lie."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from oms.notifications.availability import Offer, Sellable, StockState, next_offer
from oms.notifications.availability_message import WINDOW, window_end

ATTEMPTS = 3
START = datetime(2026, 5, 4, 12, tzinfo=UTC)


@dataclass
class Message:
    until: int
    attempts: int = 0


@dataclass
class Receiver:
    """Keeps the highest sequence, as its documentation says."""

    sequence: int = 0
    available: int | None = None
    heard: dict[int, int | None] = field(default_factory=dict)

    def take(self, offer: Offer) -> None:
        available = offer.sellable.available
        assert self.heard.setdefault(offer.sequence, available) == available
        if offer.sequence > self.sequence:
            self.sequence, self.available = offer.sequence, available


class OneGroup(RuleBasedStateMachine):
    """The messages of one SKU to one channel, which the queue hands out one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.stock = 5
        self.queue: list[Message] = []
        self.dead: list[Message] = []
        self.stored: Offer | None = None
        self.receiver = Receiver()

    @rule(stock=st.integers(0, 5))
    def stock_moves(self, stock: int) -> None:
        if stock == self.stock:
            return
        self.stock = stock
        until = window_end(self.now.timestamp())
        if not self.queue or self.queue[-1].until != until:
            self.queue.append(Message(until))

    @rule(seconds=st.integers(1, 4 * WINDOW))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.queue and self.queue[0].until < self.now.timestamp())
    @rule(outcome=st.sampled_from(["accepted", "answer lost", "not reached", "died before told"]))
    def a_message_is_handled(self, outcome: str) -> None:
        message = self.queue[0]
        message.attempts += 1
        found = self.looked_at(message)
        if isinstance(found, Offer):
            if outcome != "not reached":
                self.receiver.take(found)
            if outcome == "accepted":
                self.stored = told(found)
            elif message.attempts < ATTEMPTS:
                return
            else:
                self.dead.append(Message(message.until))
        self.queue.pop(0)

    @precondition(lambda self: self.dead)
    @rule()
    def dead_letters_are_sent_back(self) -> None:
        self.queue += self.dead
        self.dead = []

    def looked_at(self, message: Message) -> object:
        found = next_offer(self.stored, sellable(self.stock), message.until, self.now)
        if isinstance(found, Offer):
            self.stored = found
        return found

    @invariant()
    def who_has_nothing_to_wait_for_knows_what_there_is(self) -> None:
        if not self.queue and not self.dead and self.stored:
            assert self.receiver.available == self.stock
            assert self.receiver.sequence == self.stored.sequence

    @invariant()
    def what_is_thought_to_be_known_is_known(self) -> None:
        if self.stored and self.stored.told:
            assert self.receiver.available == self.stored.sellable.available


def sellable(stock: int) -> Sellable:
    return Sellable(stock, StockState.IN_STOCK if stock else StockState.SOLD_OUT)


def told(offer: Offer) -> Offer:
    return replace(offer, told=True)


TestOneGroup = OneGroup.TestCase
