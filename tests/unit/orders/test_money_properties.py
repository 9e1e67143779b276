"""Whatever becomes of an order's money, and in whatever order it is told: nothing is below zero, no
more is given back than was taken, and at the end the customer has paid what is due, to the cent."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from oms.channels.model import PaymentReported
from oms.channels.outcomes import record_payment
from oms.kernel.encoding import from_json, from_plain, to_json, to_plain
from oms.kernel.errors import OmsError
from oms.kernel.events import Cause
from oms.kernel.money import Money
from oms.kernel.writes import Write
from oms.orders import (
    adding_payment,
    cancelling,
    capturing,
    decisions,
    giving_back,
    paying,
    payment,
    refunding,
    taking,
    work,
)
from oms.orders import events as happened
from oms.orders.command import execute
from oms.orders.decisions import Events
from oms.orders.events import CLASS_BY_TYPE, TYPE_BY_CLASS, Event, OrderCaptured
from oms.orders.evolve import begin, evolve_all
from oms.orders.model import (
    Allocation,
    CaptureOn,
    Content,
    Fulfillment,
    FulfillmentLine,
    FulfillmentState,
    Line,
    Order,
    PaymentRequest,
    Progress,
    RefundPart,
    State,
)
from oms.orders.refundable import owed_by_failed
from oms.orders.suggesting import Asked, AskedLine
from oms.orders.transitions import ORDER_TRANSITIONS
from oms.payments.callbacks import PaymentCallback
from oms.payments.model import Payment
from tests.samples import CAUSE, NOW, content
from tests.unit.channels.conftest import OrdersInMemory
from tests.unit.orders.money_bank import MOODS, Bank
from tests.unit.orders.refund_samples import priced

PROVIDERS = ("simulator", "stripe")
METHODS = ("card", "pix", "gift_card")
NODES = ("sp-dc", "rj-store")
STEPS: Mapping[str, Callable[[Order, str], Events]] = {
    "accept": decisions.accept,
    "pick": decisions.pick,
    "pack": decisions.pack,
    "ship": lambda order, part: taking.with_captures(
        order, decisions.ship(order, part, "Correios", f"BR-{part}")
    ),
    "deliver": decisions.deliver,
}
WHICH = st.integers(0, 40)
# By then all that was begun has come to its end.
ROUNDS = 20


@dataclass
class Named(OrdersInMemory):
    """Every report names our payment, so no other name leads to one. ``went``: which states
    followed which."""

    went: set[tuple[State, State]] = field(default_factory=set)

    def commit(
        self, order: Order, events: Sequence[Event], cause: Cause, also: Sequence[Write] = ()
    ) -> Order:
        grown = super().commit(order, events, cause, also)
        self.went.add((order.state, grown.state))
        return grown

    def payment_called(self, provider: str, name: str) -> str:
        return ""


@st.composite
def contents(draw: st.DrawFn) -> Content:
    currency = draw(st.sampled_from(("BRL", "JPY", "KWD")))
    included = draw(st.booleans())
    lines: list[Line] = []
    for number in range(draw(st.integers(1, 5))):
        quantity, price = draw(st.integers(1, 5)), draw(st.integers(0, 3000))
        off = draw(st.integers(0, quantity * price // 2))
        tax = draw(st.integers(0, (quantity * price - off) // 3))
        lines.append(priced(f"L{number}", quantity, price, currency, discount=off, tax=tax))
    whole = sum(line.net.minor + (0 if included else line.tax.minor) for line in lines)
    shipping = draw(st.integers(1, 2000))
    discount = draw(st.integers(0, whole // 2))
    rest = whole + shipping - discount
    payments: list[PaymentRequest] = []
    provider = draw(st.sampled_from(PROVIDERS))
    for _ in range(draw(st.integers(0, 2))):
        if rest > 1:
            part = draw(st.integers(1, rest - 1))
            payments.append(asked(draw(st.sampled_from(METHODS)), provider, currency, part))
            rest -= part
    payments.append(asked(draw(st.sampled_from(METHODS)), provider, currency, None))
    return replace(
        content(*lines),
        currency=currency,
        shipping=Money(shipping, currency),
        discount=Money(discount, currency),
        total=Money(whole + shipping - discount, currency),
        prices_include_tax=included,
        payments=tuple(payments),
        capture_on=draw(st.sampled_from(CaptureOn)),
    )


def asked(method: str, provider: str, currency: str, amount: int | None) -> PaymentRequest:
    known = None if amount is None else Money(amount, currency)
    return PaymentRequest(method, provider, Money(0, currency), f"tok_{method}", amount=known)


class AnOrdersMoney(RuleBasedStateMachine):
    """Anything is asked for at any time; what is refused changes nothing."""

    orders: Named
    bank: Bank
    captured: OrderCaptured

    @initialize(ordered=contents(), stages=st.integers(0, 5))
    def order_it(self, ordered: Content, stages: int) -> None:
        """At any stage of its way: captured, reserved, paid, released, left, delivered."""
        self.orders = Named()
        self.orders.add(ordered, "", CAUSE)
        self.captured = OrderCaptured(ordered)
        self.id = ordered.order_id
        self.provider = ordered.payments[0].provider
        self.bank = Bank(ordered.currency, NOW, captures_once=self.provider == "stripe")
        self.told: list[PaymentCallback] = []
        self.ticks = 0
        way: Sequence[Callable[[], object]] = (
            lambda: self.source(["sp-dc", "rj-store", "sp-dc", "sp-dc", "rj-store"]),
            self._pay,
            self.release,
            lambda: self.work(0, 5),
            lambda: self.work(1, 5),
        )
        for go_on in way[:stages]:
            go_on()

    def _pay(self) -> None:
        self.authorize("yes")
        for key in sorted(self.bank.undecided):
            self.bank.decide(key, True)
        for told in self.bank.told:
            self.hear(told)

    # --- how it is done ---------------------------------------------------------------------------

    @property
    def order(self) -> Order:
        return self.orders.load(self.id)

    def cause(self) -> Cause:
        """Our clock is that of the provider, between two of its moments."""
        self.ticks += 1
        at = NOW + timedelta(seconds=self.bank.happened, microseconds=self.ticks)
        return replace(CAUSE, at=at)

    def take(self, decide: Callable[[Order], Events]) -> None:
        with suppress(OmsError):
            execute(self.orders, self.id, decide, self.cause())

    def ask(self, use_case: Callable[[], object]) -> None:
        """Refused, not answered, or done."""
        with suppress(OmsError):
            use_case()

    def hear(self, told: PaymentCallback) -> bool:
        try:
            record_payment(PaymentReported(self.provider, told), self.orders, self.cause())
        except OmsError:
            return False
        return True

    # --- the way up -------------------------------------------------------------------------------

    @rule(nodes=st.lists(st.sampled_from(NODES), min_size=5, max_size=5))
    def source(self, nodes: list[str]) -> None:
        def decide(order: Order) -> Events:
            allocations = tuple(
                Allocation(line.line_id, line.sku, node, line.quantity - counts.cancelled)
                for line, counts, node in zip(
                    order.content.lines, order.progress.counts, nodes, strict=False
                )
                if line.quantity > counts.cancelled
            )
            return decisions.source(order, allocations, "rule", "why")

        self.take(decide)

    @rule(mood=st.sampled_from(("yes", "yes", *MOODS)))
    def authorize(self, mood: str) -> None:
        if self.order.state is State.SOURCED:
            self.bank.mood = mood
            self.ask(lambda: payment.authorize(self.id, self.orders, self.bank.named, self.cause()))

    @rule()
    def release(self) -> None:
        self.take(decisions.release)

    @rule(which=WHICH, steps=st.integers(1, 5))
    def work(self, which: int, steps: int) -> None:
        parts = self.order.live_fulfillments
        if parts:
            part = parts[which % len(parts)]
            for step in list(STEPS)[:steps]:
                self.take(lambda order, step=step: STEPS[step](order, part.id))  # type: ignore[misc]

    @rule(mood=st.sampled_from(("yes", "yes", *MOODS)))
    def settle(self, mood: str) -> None:
        self.bank.mood = mood
        self.ask(lambda: capturing.settle(self.id, self.orders, self.bank.named, self.cause()))

    # --- what is asked for ------------------------------------------------------------------------

    @rule(mood=st.sampled_from(("yes", "yes", *MOODS)))
    def capture(self, mood: str) -> None:
        self.bank.mood = mood
        for one in paying.open_captures(self.order):
            self.ask(
                lambda one=one: capturing.capture(  # type: ignore[misc]
                    self.id, one.key, self.orders, self.bank.named, self.cause()
                )
            )

    @rule(mood=st.sampled_from(("yes", "yes", *MOODS)))
    def give_back(self, mood: str) -> None:
        self.bank.mood = mood
        for refund in self.order.progress.refunds:
            self.ask(
                lambda refund=refund: giving_back.give_back(  # type: ignore[misc]
                    self.id,
                    refund.id,
                    self.orders,
                    self.bank.named,
                    lambda account, customer, amount, key: key,
                    self.cause(),
                )
            )

    @rule(which=WHICH, units=st.integers(1, 5))
    def cancel_units(self, which: int, units: int) -> None:
        def decide(order: Order) -> Events:
            cancelling._refuse_too_late(order)
            line = order.content.lines[which % len(order.content.lines)]
            return cancelling.cancel_units(order, {line.line_id: units}, "fewer").events

        self.take(decide)

    @rule(
        which=WHICH,
        what=st.sampled_from(("line", "shipping", "goodwill", "amount", "all")),
        many=st.integers(1, 900),
        cancel=st.booleans(),
    )
    def refund(self, which: int, what: str, many: int, cancel: bool) -> None:
        order = self.order
        line = order.content.lines[which % len(order.content.lines)]
        some = Money(many, order.content.currency)
        lines = (AskedLine(line.line_id, Decimal(1 + many % line.quantity)),)
        wanted = {
            "line": Asked(lines, cancel=cancel),
            "shipping": Asked(shipping=True),
            "goodwill": Asked(goodwill=some),
            "amount": Asked(lines, amount=some, cancel=cancel),
            "all": Asked(cancel=cancel),
        }[what]
        self.take(lambda found: refunding.decide(found, wanted, f"key-{self.ticks}").events)

    @rule(which=WHICH)
    def retry(self, which: int) -> None:
        refunds = self.order.progress.refunds
        if refunds:
            chosen = refunds[which % len(refunds)].id
            self.take(lambda order: refunding.decide_retry(order, chosen))

    @rule(price=st.integers(1, 500), units=st.integers(1, 3))
    def add_lines(self, price: int, units: int) -> None:
        """Something more, which a node has at once."""

        def decide(order: Order) -> Events:
            if order.state not in (State.RELEASED, State.SHIPPED) or order.cancel_requested:
                return ()
            number = len(order.content.lines)
            line = priced(f"L{number}", units, price, order.content.currency)
            part = Fulfillment(
                work.next_id(order),
                NODES[0],
                (FulfillmentLine(line.line_id, units),),
                state=FulfillmentState.OPEN,
            )
            return (
                happened.LinesAdded((line,), price * units),
                happened.UnitsRouted((part,), rule="added", reason="asked for"),
            )

        if len(self.order.content.lines) < 7:
            self.take(decide)

    @rule()
    def add_payment(self) -> None:
        means = adding_payment.Means("card", self.provider, "tok_card")
        self.take(lambda order: adding_payment.decide(order, means, f"added-{self.ticks}:1"))

    @rule(mood=st.sampled_from(("yes", "yes", *MOODS)))
    def hold_added(self, mood: str) -> None:
        self.bank.mood = mood
        for event in self.orders.happened:
            if isinstance(event, happened.PaymentAdded):
                added = event.payment.id
                self.ask(
                    lambda added=added: payment.hold_added(  # type: ignore[misc]
                        self.id, added, self.orders, self.bank.named, self.cause()
                    )
                )

    # --- what the provider tells ------------------------------------------------------------------

    @rule(which=WHICH)
    def hear_one(self, which: int) -> None:
        """In any order, and any of them again."""
        if self.bank.told:
            told = self.bank.told[which % len(self.bank.told)]
            if self.hear(told):
                self.told.append(told)

    @rule(which=WHICH, yes=st.booleans())
    def decide_later(self, which: int, yes: bool) -> None:
        if self.bank.undecided:
            keys = sorted(self.bank.undecided)
            self.bank.decide(keys[which % len(keys)], yes)

    @rule(which=WHICH, more=st.integers(1, 400))
    def pay_twice(self, which: int, more: int) -> None:
        """Only of what was paid before, and by who knows whom."""
        payments = [one for one in self.order.payments.each if one.method == "pix" and one.captured]
        if payments:
            self.bank.paid_again(payments[which % len(payments)].id, more)

    @rule(which=WHICH, amount=st.integers(1, 900), by=st.sampled_from(("dispute", "dashboard")))
    def lose(self, which: int, amount: int, by: str) -> None:
        """Money goes back that we did not send."""
        paid = [name for name, held in self.bank.book.items() if held.kept]
        if paid:
            name = paid[which % len(paid)]
            most = min(amount, self.bank.book[name].kept)
            if by == "dispute":
                self.bank.charge_back(name, most)
            else:
                self.bank.refund_unasked(name, most)

    @rule(which=WHICH)
    def expire(self, which: int) -> None:
        held = [name for name, held in self.bank.book.items() if held.left]
        if held:
            self.bank.expire(held[which % len(held)])

    # --- the way down -----------------------------------------------------------------------------

    @rule()
    def cancel(self) -> None:
        self.take(lambda order: decisions.request_cancel(order, "no longer wanted"))

    @rule(mood=st.sampled_from(("yes", "yes", *MOODS)))
    def go_down(self, mood: str) -> None:
        self.bank.mood = mood
        self._go_down()

    def _go_down(self) -> None:
        if not self.order.cancel_requested:
            return
        self.take(decisions.withdraw)
        self.take(decisions.release_reservation)
        if not self.order.live_fulfillments and not self.order.progress.allocations:
            self.ask(
                lambda: payment.close_cancelled(
                    self.id, self.orders, self.bank.named, "cancelled", self.cause()
                )
            )

    @rule(mood=st.sampled_from(("yes", "yes", *MOODS)))
    def void_late(self, mood: str) -> None:
        if self.order.state is State.CANCELLED:
            self.bank.mood = mood
            self._void_late()

    def _void_late(self) -> None:
        self.ask(
            lambda: payment.void_late_authorization(
                self.id, self.orders, self.bank.named, self.cause()
            )
        )

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def every_payment_adds_up(self) -> None:
        ended = {held.payment_id for held in self.bank.book.values() if held.expired}
        for one in self.order.payments.each:
            adds_up(one, ended=one.id in ended)

    @invariant()
    def what_is_refunded_is_what_its_refunds_say(self) -> None:
        parts = [part for refund in self.order.progress.refunds for part in refund.parts]
        for one in self.order.payments.each:
            of_it = [part for part in parts if part.payment_id == one.id]
            assert one.refund_pending.minor == _sum(of_it, "requested")
            assert one.refunded.minor == _sum(of_it, "refunded")
        for refund in self.order.progress.refunds:
            assert sum(part.amount for part in refund.parts) == refund.amount

    @invariant()
    def the_provider_is_never_asked_for_what_cannot_be(self) -> None:
        assert self.bank.wrongs == []
        for held in self.bank.book.values():
            assert 0 <= held.refunded + held.disputed <= held.captured <= held.held

    @invariant()
    def less_than_nothing_is_never_due_nor_owed(self) -> None:
        assert self.order.due.minor >= 0
        assert paying.amount_to_capture(self.order) >= 0

    def teardown(self) -> None:
        if hasattr(self, "orders"):
            self.bank.mood = "yes"
            self.bring_to_an_end()
            self.the_end_is_right()
            self.the_fold_of_the_events_is_the_order()

    @invariant()
    def it_goes_the_ways_that_there_are(self) -> None:
        for before, after in self.orders.went:
            assert after == before or after in ORDER_TRANSITIONS[before].values()

    # --- the end ----------------------------------------------------------------------------------

    def bring_to_an_end(self) -> None:
        """Everything is answered, told, carried out and tried again until nothing is left to do."""
        for _ in range(ROUNDS):
            before = len(self.orders.happened)
            for key in sorted(self.bank.undecided):
                self.bank.decide(key, True)
            for told in self.bank.told:
                self.hear(told)
            self._one_round()
            if before == len(self.orders.happened):
                return
        raise AssertionError("there is always something left to do")

    def _one_round(self) -> None:
        if self.order.state not in (State.COMPLETED, State.CANCELLED):
            self.source(["sp-dc"] * 7)
            self.authorize("yes")
            self.release()
            for number in range(len(self.order.live_fulfillments)):
                self.work(number, len(STEPS))
            if self.order.state in (State.CAPTURED, State.SOURCED):
                self.cancel()
            self.add_payment()
        self.hold_added("yes")
        self.capture("yes")
        if self.order.state is State.DELIVERED:
            self.settle("yes")
        self._go_down()
        if self.order.state is State.CANCELLED:
            self._void_late()
        self.give_back("yes")
        # What somebody else gave back cannot be given back again, however often it is tried.
        for number in range(0 if self.bank.unasked else len(self.order.progress.refunds)):
            self.retry(number)

    def the_end_is_right(self) -> None:
        order, payments = self.order, self.order.payments
        assert order.state in (State.COMPLETED, State.CANCELLED), order.status
        assert payments.refund_pending.minor == payments.capture_pending.minor == 0
        # The provider has it as we do.
        assert payments.kept.minor == self.bank.kept
        failed = owed_by_failed(order)
        disputed = sum(held.disputed for held in self.bank.book.values())
        assert self.bank.unasked or not failed
        # What the customer paid, less what went back, is what is due for what they keep.
        # Where somebody else gave back of it too, a refund of ours can fail for good.
        if not disputed and not failed:
            assert payments.kept == order.due
        if not order.progress.unpaid:
            assert sum(held.left for held in self.bank.book.values()) == 0

    def the_fold_of_the_events_is_the_order(self) -> None:
        stored = [self.stored(event) for event in (self.captured, *self.orders.happened)]
        first, *rest = stored
        assert isinstance(first, OrderCaptured)
        assert evolve_all(begin(first), rest).progress == self.order.progress
        assert from_json(to_json(self.order.progress), Progress) == self.order.progress

    @staticmethod
    def stored(event: Event) -> Event:
        return from_plain(to_plain(event), CLASS_BY_TYPE[TYPE_BY_CLASS[type(event)]])


def _sum(parts: Sequence[RefundPart], state: str) -> int:
    return sum(part.amount for part in parts if part.state == state)


def adds_up(one: Payment, *, ended: bool) -> None:
    found = one.balances
    told = {name: getattr(found, name) for name in found.__dataclass_fields__}
    # A dispute may take what was given back already, or what is on its way.
    if found.charged_back:
        told.pop("charged")
    assert min(told.values()) >= 0, found
    assert found.captured == (
        found.charged + found.refunded + found.refund_pending + found.charged_back
    )
    assert found.refunded + found.refund_pending <= found.captured <= found.held_in_all
    assert found.captured + found.voided <= found.held_in_all
    # A capture is asked for together with the hold that it needs, and of a hold that may end.
    if found.held_in_all and not ended:
        assert found.captured + found.voided + found.capture_pending <= found.held_in_all


TestMoney = AnOrdersMoney.TestCase
TestMoney.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


@pytest.mark.slow
def test_money_at_length() -> None:
    at_length = settings(max_examples=1500, stateful_step_count=60, deadline=None)
    run_state_machine_as_test(AnOrdersMoney, settings=at_length)
