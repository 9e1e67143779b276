"""What holds of returns whatever is asked for, comes, is found, is sent again, in any order."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from oms.inventory.model import QUANTITIES
from oms.kernel.errors import OmsError
from oms.kernel.money import Money
from oms.orders.decisions import Events
from oms.orders.evolve import evolve, evolve_all
from oms.orders.model import Order
from oms.returns import asking, decisions
from oms.returns.decisions import AskedReceipt, AskedResolution, Findings
from oms.returns.events import ReturnInspected, ReturnReceived
from oms.returns.model import Disposition, Resolution
from oms.returns.policy import BUILT_IN, RefundShipping, RefundWhen, ReturnPolicy
from oms.returns.receiving import entries_of
from oms.returns.transitions import TRANSITIONS
from tests.samples import CAUSE, line
from tests.unit.returns.return_samples import HERE, LATER, THERE, asked, delivered, grounds

NODES = st.sampled_from((HERE, THERE))
NAMES = st.sampled_from(("a", "b", "c", "d", "e", "f"))
LINES = st.sampled_from(("MUG", "TEE"))
FEW = st.integers(1, 4)
UNITS = st.dictionaries(LINES, FEW, min_size=1)


class Returns(RuleBasedStateMachine):
    """One order, of which anything may be asked."""

    order: Order
    start: Order
    policy: ReturnPolicy

    def __init__(self) -> None:
        super().__init__()
        self.log: list[object] = []
        self.ledger: dict[tuple[str, str, str], int] = {}

    @initialize(
        price=st.integers(0, 1999),
        discount=st.integers(0, 7),
        when=st.sampled_from(RefundWhen),
        fee=st.sampled_from((0, 1, 1250, 10_000)),
        shipping=st.sampled_from(RefundShipping),
        limit=st.sampled_from(((), (Money(2500, "BRL"),))),
    )
    def capture(
        self,
        price: int,
        discount: int,
        when: RefundWhen,
        fee: int,
        shipping: RefundShipping,
        limit: tuple[Money, ...],
    ) -> None:
        mug = line("MUG", 5, price)
        mug = replace(mug, discount=Money(min(discount, mug.net.minor), "BRL"))
        self.start = self.order = delivered(mug, line("TEE", 3, 333))
        self.policy = replace(
            BUILT_IN,
            refund_when=when,
            restocking_fee=fee,
            refund_shipping=shipping,
            approval_above=limit,
        )

    def attempt(self, step: str, decide: Callable[[Order], Events]) -> None:
        before = self.order
        try:
            events = decide(before)
        except OmsError:
            return
        self.order = evolve_all(before, events)
        self.log += events
        # What was accepted is accepted again, and changes nothing.
        if step not in ("request", "resolve"):
            assert decide(self.order) == ()
        self._follows_the_table(step, before)

    def _follows_the_table(self, step: str, before: Order) -> None:
        states = {one.id: one.state for one in before.progress.returns}
        for one in self.order.progress.returns:
            if one.id in states and one.state != states[one.id]:
                assert one.state in TRANSITIONS[states[one.id]][step]

    @rule(units=UNITS, resolution=st.sampled_from(Resolution))
    def request(self, units: dict[str, int], resolution: Resolution) -> None:
        wanted = asked(units, resolution=resolution)
        known = grounds(self.order)
        self.attempt(
            "request", lambda order: asking.request(order, wanted, self.policy, known, LATER)
        )

    @rule(number=st.integers(1, 4), step=st.sampled_from(("approve", "reject", "cancel")))
    def answer(self, number: int, step: str) -> None:
        name = self._name(number)
        steps: dict[str, Callable[[Order], Events]] = {
            "approve": lambda order: decisions.approve(order, name),
            "reject": lambda order: decisions.reject(order, name, "no"),
            "cancel": lambda order: decisions.cancel(order, name, "kept it"),
        }
        self.attempt(step, steps[step])

    @rule(
        number=st.integers(1, 4),
        name=NAMES,
        node=NODES,
        units=st.none() | UNITS,
        surplus=st.booleans(),
    )
    def receive(
        self, number: int, name: str, node: str, units: dict[str, int] | None, surplus: bool
    ) -> None:
        receipt = AskedReceipt(name, node, units, surplus)
        self.attempt(
            "receive",
            lambda order: decisions.receive(order, self._name(number), receipt, self.policy, LATER),
        )

    @rule(
        number=st.integers(1, 4),
        name=NAMES,
        node=NODES,
        found=st.dictionaries(
            LINES, st.dictionaries(st.sampled_from(Disposition), FEW, min_size=1), min_size=1
        ),
        all_of_it=st.booleans(),
    )
    def inspect(
        self,
        number: int,
        name: str,
        node: str,
        found: dict[str, dict[Disposition, int]],
        all_of_it: bool,
    ) -> None:
        told = [
            Findings(line_id, kinds, None if all_of_it else sum(kinds.values()))
            for line_id, kinds in found.items()
        ]
        before = len(self.log)
        self.attempt(
            "inspect",
            lambda order: decisions.inspect(
                order, self._name(number), name, node, told, self.policy, LATER
            ),
        )
        for event in self.log[before:]:
            if isinstance(event, ReturnInspected):
                self._book(event)

    @rule(
        number=st.integers(1, 4),
        resolution=st.sampled_from(Resolution),
        amount=st.none() | st.integers(0, 3000),
        close=st.booleans(),
    )
    def resolve(self, number: int, resolution: Resolution, amount: int | None, close: bool) -> None:
        wanted = AskedResolution(resolution, amount, close=close)
        self.attempt(
            "resolve",
            lambda order: decisions.resolve(order, self._name(number), wanted, self.policy),
        )

    def _name(self, number: int) -> str:
        returns = self.order.progress.returns
        return returns[(number - 1) % len(returns)].id if returns else "ret_none"

    def _book(self, event: ReturnInspected) -> None:
        units = event.inspection.units
        entries = entries_of(
            self.order,
            event.inspection.id,
            event.inspection.node,
            units,
            (Disposition.RESTOCK,),
            CAUSE,
        )
        for entry in entries:
            for quantity in QUANTITIES:
                key = (entry.sku, entry.node, quantity)
                self.ledger[key] = self.ledger.get(key, 0) + getattr(entry, quantity)

    @invariant()
    def no_unit_is_lost_or_returned_twice(self) -> None:
        returned = self._received()
        for sold, counts in zip(self.order.content.lines, self.order.progress.counts, strict=True):
            assert counts.delivered + counts.returned == sold.quantity
            assert counts.returned == returned.get(sold.line_id, 0) <= sold.quantity
            assert decisions.returnable(self.order)[sold.line_id] >= 0

    @invariant()
    def what_was_found_is_of_what_has_come_and_what_was_paid_for_too(self) -> None:
        for one in self.order.progress.returns:
            for line_id, units in one.received.items():
                assert one.inspected.get(line_id, 0) <= units <= one.asked[line_id]
                assert one.settled.get(line_id, 0) <= units
            assert set(one.inspected) | set(one.settled) <= set(one.received)

    @invariant()
    def the_ledger_has_what_was_found(self) -> None:
        found: dict[tuple[str, Disposition], int] = {}
        for one in self.order.progress.returns:
            for (line_id, kind), units in one.dispositions.items():
                found[line_id, kind] = found.get((line_id, kind), 0) + units
        for sku in ("MUG", "TEE"):
            for quantity, kind in (
                ("on_hand", Disposition.RESTOCK),
                ("damaged", Disposition.DAMAGED),
                ("quality_hold", Disposition.REFURBISH),
            ):
                booked = sum(self.ledger.get((sku, node, quantity), 0) for node in (HERE, THERE))
                assert booked == found.get((sku, kind), 0)

    @invariant()
    def the_money_adds_up(self) -> None:
        refunds = self.order.progress.refunds
        granted = sum(refund.granted for refund in refunds)
        given = sum(
            settlement.amount
            for one in self.order.progress.returns
            for settlement in one.settlements
            if settlement.resolution in (Resolution.REFUND, Resolution.STORE_CREDIT)
        )
        assert granted == given == sum(refund.amount for refund in refunds)
        assert all(refund.amount == sum(p.amount for p in refund.parts) for refund in refunds)
        assert all(
            refund.granted == sum(part.amount for part in refund.lines) + refund.shipping
            for refund in refunds
        )
        assert granted <= self.start.due.minor
        assert self.order.due.minor == self.start.due.minor - granted

    @invariant()
    def the_events_lead_to_what_is_there(self) -> None:
        folded = self.start
        for event in self.log:
            folded = evolve(folded, event)  # type: ignore[arg-type]
        assert folded == self.order

    def _received(self) -> dict[str, int]:
        units: dict[str, int] = {}
        for event in self.log:
            for one in event.receipt.units if isinstance(event, ReturnReceived) else ():
                units[one.line_id] = units.get(one.line_id, 0) + one.quantity
        return units


TestReturns = Returns.TestCase
TestReturns.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
