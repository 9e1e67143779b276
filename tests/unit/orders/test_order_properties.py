"""Whatever is asked of an order, in whatever order and however often, this holds."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from oms.kernel.encoding import from_json, from_plain, to_json, to_plain
from oms.kernel.errors import Conflict, OrderCancelRequested, StockTakenBack
from oms.kernel.ids import fulfillment_id, refund_id
from oms.orders import decisions, paying, repaying
from oms.orders import events as happened
from oms.orders.decisions import Events
from oms.orders.events import CLASS_BY_TYPE, TYPE_BY_CLASS, Event, OrderCaptured
from oms.orders.evolve import begin, evolve_all
from oms.orders.model import Allocation, Order, Progress, State
from tests.promised import ARRIVES, part, promised_content
from tests.samples import NOW, line

LINES = (line("MUG", 3, 1999), line("TEE", 2, 333), line("MUG", 1, 1999, "gift"))
NODES = st.sampled_from(["sp-dc", "rj-store"])
LADDER = list(State)[:-1]

Command = Callable[[Order], Events]


class AnOrder(RuleBasedStateMachine):
    """Takes any command at any time; each is sent twice, as everything may arrive twice."""

    def __init__(self) -> None:
        super().__init__()
        captured = OrderCaptured(promised_content(lines=LINES))
        self.order = begin(captured)
        self.log: list[Event] = [captured]
        self.total = self.order.content.total.minor

    def take(self, command: Command) -> None:
        self.apply(command)
        assert self.apply(command) == (), "a repeat had an effect"

    def apply(self, command: Command) -> Events:
        """What it did; nothing when it was refused."""
        with suppress(Conflict, OrderCancelRequested, StockTakenBack):
            events = command(self.order)
            evolved = evolve_all(self.order, events)
            self.order = Order(evolved.content, evolved.progress, self.order.version + 1)
            self.log.extend(events)
            return events
        return ()

    @rule(nodes=st.tuples(NODES, NODES, NODES))
    def source(self, nodes: tuple[str, str, str]) -> None:
        allocations = tuple(
            Allocation(entry.line_id, entry.sku, node, entry.quantity)
            for entry, node in zip(LINES, nodes, strict=True)
        )
        self.take(lambda order: decisions.source(order, allocations, "rule", "why"))

    @rule()
    def backorder(self) -> None:
        self.take(lambda order: decisions.backorder(order, ("MUG", "gift"), "no MUG"))

    @rule()
    def leave_the_queues(self) -> None:
        self.take(decisions.leave_queues)

    @rule(skus=st.sampled_from([{"MUG"}, {"TEE"}, {"MUG", "TEE"}]))
    def take_back(self, skus: set[str]) -> None:
        self.take(lambda order: decisions.take_back(order, skus, "another needs it"))

    @rule()
    def unreserve_when_turning_round(self) -> None:
        if self.order.cancel_requested and not self.order.live_fulfillments:
            self.take(decisions.release_reservation)

    @rule(share=st.sampled_from([1, 2]))
    def authorize(self, share: int) -> None:
        amount = self.total // share
        self.take(lambda order: paying.authorize_payment(order, amount, "auth", "a"))

    @rule()
    def pay_by_pix(self) -> None:
        self.take(lambda order: paying.collect_payment(order, self.total, "pix", "p"))

    @rule()
    def wait_for_payment(self) -> None:
        self.take(
            lambda order: (
                paying.await_payment(order, self.total, "pix", "w", NOW, "code")
                if order.payments.status == "new"
                else ()
            )
        )

    @rule()
    def decline(self) -> None:
        self.take(lambda order: paying.decline_payment(order, "no_funds", "d"))

    @rule()
    def release(self) -> None:
        self.take(decisions.release)

    @rule(step=st.sampled_from(["accept", "pick", "pack", "deliver"]), number=st.integers(1, 2))
    def step(self, step: str, number: int) -> None:
        fulfillment = fulfillment_id(self.order.order_id, number)
        if self.order.fulfillment(fulfillment):
            decide = getattr(decisions, step)
            self.take(lambda order: decide(order, fulfillment))

    @rule(number=st.integers(1, 2))
    def ship(self, number: int) -> None:
        fulfillment = fulfillment_id(self.order.order_id, number)
        if self.order.fulfillment(fulfillment):
            self.take(lambda order: decisions.ship(order, fulfillment, "Correios", f"BR{number}"))

    @rule()
    def settle(self) -> None:
        if self.order.state is State.DELIVERED:
            owed = paying.captures(self.order, paying.amount_to_capture(self.order))
            taken = [paying.Taken(payment_id, amount, "c") for payment_id, amount in owed]
            self.take(lambda order: paying.settle(order, taken))

    @rule()
    def request_cancel(self) -> None:
        self.take(lambda order: decisions.request_cancel(order, "no longer wanted"))

    @rule()
    def withdraw(self) -> None:
        if self.order.cancel_requested:
            self.take(decisions.withdraw)

    @rule()
    def close_cancelled(self) -> None:
        turned = self.order.cancel_requested or self.order.payments.status == "declined"
        if turned and not self.order.progress.allocations and not self.order.live_fulfillments:
            self.take(lambda order: paying.close_cancelled(order, "cancelled"))

    @rule(number=st.integers(1, 2), succeeds=st.booleans())
    def answer_refund(self, number: int, succeeds: bool) -> None:
        refund = refund_id(self.order.order_id, number)
        amounts = {known.id: known.amount for known in self.order.progress.refunds}
        if refund not in amounts:
            return
        decide = repaying.refund_paid if succeeds else repaying.refund_refused
        self.take(lambda order: decide(order, refund, amounts[refund], "ref", f"k{number}"))

    @rule(days=st.integers(0, 3))
    def look_at_the_promise(self, days: int) -> None:
        """Late by as many days; in time when it is none."""
        promised, expected = ARRIVES, ARRIVES + timedelta(days=days)
        late = happened.PromiseInJeopardy("gift", promised, "low", "late", expected, days)
        in_time = happened.PromiseRestored("gift", promised, expected)
        self.take(
            lambda order: (
                decisions.endanger(order, late)
                if days
                else decisions.restore_promise(order, in_time)
            )
        )

    @rule(node=NODES)
    def move_the_promise(self, node: str) -> None:
        moved = happened.PromiseMoved("gift", ARRIVES, ARRIVES, (part("gift", 1, node=node),), "")
        self.take(lambda order: decisions.move_promise(order, moved))

    @invariant()
    def every_unit_is_in_exactly_one_place(self) -> None:
        for index, (entry, counts) in enumerate(
            zip(LINES, self.order.progress.counts, strict=True)
        ):
            places = [getattr(counts, place) for place in counts.__dataclass_fields__]
            assert min(places) >= 0
            assert self.order.open_quantity(index) >= 0
            assert self.order.open_quantity(index) + sum(places) == entry.quantity

    @invariant()
    def no_more_is_refunded_than_captured_nor_captured_than_authorized(self) -> None:
        payment = self.order.payments
        assert payment.captured + payment.voided <= payment.authorized <= payment.each[0].amount
        assert payment.refunded + payment.refund_pending <= payment.captured

    @invariant()
    def what_is_reserved_is_what_is_allocated(self) -> None:
        allocated = sum(entry.quantity for entry in self.order.progress.allocations)
        assert allocated == sum(counts.reserved for counts in self.order.progress.counts)

    @invariant()
    def the_fold_of_the_events_is_the_order(self) -> None:
        first, *rest = (self.stored(event) for event in self.log)
        assert isinstance(first, OrderCaptured)
        assert evolve_all(begin(first), rest).progress == self.order.progress
        assert from_json(to_json(self.order.progress), Progress) == self.order.progress

    @invariant()
    def a_completed_order_was_paid_for_and_delivered(self) -> None:
        if self.order.state is State.COMPLETED:
            assert self.order.payments.captured.minor == self.total
            assert all(
                counts.delivered == entry.quantity
                for entry, counts in zip(LINES, self.order.progress.counts, strict=True)
            )

    @invariant()
    def a_cancelled_order_keeps_nothing_of_the_customers(self) -> None:
        payment = self.order.payments
        if self.order.state is State.CANCELLED:
            failed = sum(r.amount for r in self.order.progress.refunds if r.state == "failed")
            assert payment.kept.minor == payment.refund_pending.minor + failed

    @invariant()
    def an_order_of_which_all_was_taken_back_holds_nothing(self) -> None:
        if self.order.progress.taken_back and self.order.state is not State.CANCELLED:
            assert self.order.state is State.CAPTURED
            assert not self.order.progress.allocations
            assert not self.order.live_fulfillments

    @invariant()
    def the_order_always_has_a_status(self) -> None:
        assert self.order.status

    @staticmethod
    def stored(event: Event) -> Event:
        """The event as it comes back out of the table."""
        return from_plain(to_plain(event), CLASS_BY_TYPE[TYPE_BY_CLASS[type(event)]])


TestAnOrder = AnOrder.TestCase
