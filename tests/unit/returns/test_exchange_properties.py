"""Whatever is edited, confirmed, sent back, too late or never, charged and cancelled: the customer
has paid for what she keeps, to the cent, and nothing twice."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from oms.kernel.errors import Conflict
from oms.kernel.ids import order_id
from oms.orders import events as happened
from oms.orders import paying, repaying, taking
from oms.orders.decisions import Events
from oms.orders.model import Order
from oms.returns import advance, decisions, exchange
from oms.returns.decisions import AskedReceipt, AskedResolution, Findings
from oms.returns.exchange import AskedExchange
from oms.returns.model import Disposition, Resolution, Return
from oms.returns.policy import BUILT_IN, RefundWhen, ReturnPolicy
from tests.samples import line
from tests.unit.returns.return_samples import (
    LATER,
    THERE,
    after,
    delivered,
    last,
    request,
)

MUG, TEE = 1099, 2001
WORTH = {"MUG": MUG, "TEE": TEE}
NEW = order_id("web", "new")
DUE = LATER + timedelta(days=20)


@dataclass
class NewOrder:
    """What the order that was made costs, and how it was paid: it needs no more to be known of."""

    total: int
    by_exchange: int
    by_card: int
    given_back: int = 0

    @property
    def kept(self) -> int:
        return self.by_exchange + self.by_card - self.given_back


@dataclass
class Customer:
    order: Order
    policy: ReturnPolicy
    new: NewOrder | None = None
    names: int = 0
    keys: set[str] = field(default_factory=set)

    @property
    def found(self) -> Return:
        return last(self.order)

    def commit(self, events: Events) -> None:
        self.order = after(self.order, events)

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    def carry_out(self, *, card_is_good: bool = True) -> None:
        """What is asked of providers is done, once."""
        for asked in paying.open_captures(self.order):
            self.capture(asked, card_is_good=card_is_good)
        for refund in self.order.progress.refunds:
            for part in refund.parts:
                if part.state == "requested":
                    key = f"{refund.id}:{part.payment_id}"
                    assert key not in self.keys
                    self.keys.add(key)
                    self.commit(
                        repaying.refund_paid(
                            self.order, refund.id, part.amount, key, key, part.payment_id
                        )
                    )

    def capture(self, asked: paying.Taken, *, card_is_good: bool) -> None:
        if not card_is_good:
            self.commit(taking.give_up(self.order, asked, "declined", LATER))
            return
        assert asked.key not in self.keys
        self.keys.add(asked.key)
        payment = asked.payment_id
        self.commit(
            (happened.PaymentAuthorized(payment, asked.amount, "hold", f"{asked.key}:hold"),)
        )
        self.commit(paying.capture_made(self.order, replace(asked, provider_reference=asked.key)))

    @property
    def received(self) -> dict[str, int]:
        return self.found.received

    @property
    def keeps(self) -> int:
        """What she has of the old order is worth, by its prices."""
        return sum(
            WORTH[each.line_id] * (each.quantity - self.received.get(each.line_id, 0))
            for each in self.order.content.lines
        )


class Exchanges(RuleBasedStateMachine):
    @initialize(
        mugs=some.integers(1, 3),
        tees=some.integers(1, 2),
        when=some.sampled_from(RefundWhen),
        data=some.data(),
    )
    def begin(self, mugs: int, tees: int, when: RefundWhen, data: some.DataObject) -> None:
        units = {
            "MUG": data.draw(some.integers(1, mugs)),
            "TEE": data.draw(some.integers(0, tees)),
        }
        policy = replace(BUILT_IN, refund_when=when)
        order = delivered(line("MUG", mugs, MUG), line("TEE", tees, TEE))
        wanted = {name: many for name, many in units.items() if many}
        order = request(order, wanted, policy, resolution=Resolution.EXCHANGE)
        self.her = Customer(order, policy)
        self.total = order.content.total.minor
        self.price = 0

    @rule(price=some.integers(0, 9000))
    def edit(self, price: int) -> None:
        her = self.her
        quoted = exchange.drafted(her.order, her.found, her.policy, price)
        try:
            events = exchange.draft(her.order, her.found.id, str(price), quoted)
        except Conflict:
            assert her.found.exchanged_for or her.found.state in ("cancelled", "resolved")
            return
        her.commit(events)
        self.price = price
        assert quoted.collected - quoted.repaid == quoted.difference

    @rule(data=some.data())
    def send_back(self, data: some.DataObject) -> None:
        expected = self.her.found.expected
        if not expected or self.her.found.state not in ("approved", "partially_received"):
            return
        name = data.draw(some.sampled_from(sorted(expected)))
        units = {name: data.draw(some.integers(1, expected[name]))}
        receipt = AskedReceipt(self.her.name(), THERE, units)
        her = self.her
        her.commit(decisions.receive(her.order, her.found.id, receipt, her.policy, LATER))

    @rule()
    def look_at_it(self) -> None:
        her = self.her
        waiting = her.found.uninspected_at(THERE)
        if not waiting:
            return
        told = [Findings(name, {Disposition.RESTOCK: many}) for name, many in waiting.items()]
        her.commit(
            decisions.inspect(her.order, her.found.id, her.name(), THERE, told, her.policy, LATER)
        )

    @rule(advance=some.booleans(), close=some.booleans())
    def confirm(self, advance: bool, close: bool) -> None:
        her, asked = self.her, AskedExchange(advance, close)
        try:
            units = exchange.check_confirmed(her.order, her.found.id, her.policy, asked)
        except Conflict:
            return
        quoted = exchange.quote(her.order, her.found, her.policy, units, self.price)
        by = LATER + timedelta(days=14) if advance else None
        her.commit(exchange.confirm(her.order, her.found.id, quoted, NEW, asked, by))
        her.new = NewOrder(quoted.total, quoted.paid, quoted.collected)

    @precondition(lambda self: self.her.new and not self.her.new.given_back)
    @rule(part=some.integers(0, 100))
    def the_new_order_is_cancelled(self, part: int) -> None:
        """All of it, or a part of what it cost."""
        her, new = self.her, self.her.new
        assert new is not None
        amount = new.total * part // 100
        by_card = min(amount, new.by_card)
        new.given_back, new.total = amount, new.total - amount
        if back := amount - by_card:
            for _ in range(2):
                her.commit(advance.given_back(her.order, her.found.id, back, "new:refund", LATER))

    @rule(good=some.booleans())
    def providers_answer(self, good: bool) -> None:
        self.her.carry_out(card_is_good=good)

    @rule(days=some.integers(0, 40))
    def time_passes(self, days: int) -> None:
        self.charge(LATER + timedelta(days=days))

    @rule()
    def cancel(self) -> None:
        her = self.her
        try:
            her.commit(decisions.cancel(her.order, her.found.id, "no"))
        except Conflict:
            assert her.received or her.found.exchanged_for or not her.found.is_live

    def charge(self, at: datetime) -> None:
        for _ in range(2):
            self.her.commit(advance.charge(self.her.order, self.her.found.id, at))

    @invariant()
    def never_charged_above_what_is_missing(self) -> None:
        her = getattr(self, "her", None)
        if her is None or not her.found.exchange:
            return
        missing = advance.outstanding(her.order, her.found, her.found.inspected)
        assert 0 <= her.found.exchange.charged <= missing

    @invariant()
    def what_is_not_confirmed_costs_nothing(self) -> None:
        her = getattr(self, "her", None)
        if her is None or her.found.exchanged_for or her.received:
            return
        assert her.order.due.minor == self.total == her.order.payments.kept.minor

    def teardown(self) -> None:
        if not hasattr(self, "her"):
            return
        her = self.her
        self.look_at_it()
        if not her.new and her.received:
            asked = AskedResolution(Resolution.REFUND, close=True)
            her.commit(decisions.resolve(her.order, her.found.id, asked, her.policy))
        if her.policy.refund_when is RefundWhen.ASKED and her.found.state == "inspected":
            asked = AskedResolution(Resolution.REFUND)
            her.commit(decisions.resolve(her.order, her.found.id, asked, her.policy))
        her.carry_out()
        self.charge(DUE)
        her.carry_out()
        new = her.new.total if her.new else 0
        paid = her.order.payments.kept.minor + (her.new.kept if her.new else 0)
        unpaid = max(0, her.order.due.minor - her.order.payments.kept.minor)
        assert paid + unpaid == her.keeps + new
        assert bool(unpaid) == bool(her.order.progress.unpaid)


TestExchanges = Exchanges.TestCase
TestExchanges.settings = settings(stateful_step_count=12)


@for_all(price=some.integers(0, 9000), edits=some.lists(some.integers(0, 9000)))
def test_only_the_last_edit_counts(price: int, edits: list[int]) -> None:
    order = request(delivered(), {"MUG": 1}, resolution=Resolution.EXCHANGE)
    found = last(order)
    for each in (*edits, price):
        quoted = exchange.drafted(order, found, BUILT_IN, each)
        order = after(order, exchange.draft(order, found.id, str(each), quoted))

    assert last(order).exchange is not None
    assert order.progress.granted == 0
    quoted = exchange.drafted(order, last(order), BUILT_IN, price)
    assert (quoted.collected, quoted.repaid) == (max(0, price - 1000), max(0, 1000 - price))
