"""Whatever goes wrong between us and a provider, it does each thing once, and its book is ours.

Answers get lost, are wrong or never come; the process dies before it has written down what it was
told; messages come twice; holds expire. Every step is then taken again, as queues and the state
machine do.
"""

from collections.abc import Callable
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from oms.kernel.errors import PaymentRefused, ProviderUnavailable
from oms.orders import capturing, decisions, paying, payment
from oms.orders import events as happened
from oms.orders import reported as reported_by
from oms.orders.giving_back import give_back
from oms.orders.model import Allocation, Order, State
from oms.orders.repaying import refund_of
from oms.payments.callbacks import PaymentCallback
from tests.integration.orders.test_capture_per_shipment import NODES, an_order, arrive, ship
from tests.integration.payments.bookkeeper import DIES, LOST, SILENT, WRONG, Bookkeeper, Died
from tests.integration.world import World, world_in_memory
from tests.samples import CAUSE, money, no_credit

FAULTS = st.lists(st.sampled_from(["", SILENT, LOST, WRONG, DIES]), max_size=24)
AMOUNTS = st.sampled_from([(None,), (2000, None), (1, None), (3499, None)])


def until_it_is_done(step: Callable[[], object], times: int) -> None:
    """Asked again after every failure, and ``times`` more, as a message may be delivered."""
    done = 0
    while done < times:
        with suppress(ProviderUnavailable, Died):
            step()
            done += 1


def carried_out(oms: World, provider: Bookkeeper, order_id: str) -> None:
    for asked in paying.open_captures(oms.orders.load(order_id)):
        capturing.capture(order_id, asked.key, oms.orders, provider.named, CAUSE)


def reported(oms: World, provider: Bookkeeper, order_id: str, rounds: int) -> None:
    """The provider tells of every capture that it made so far, so many times."""
    for number in range(rounds):
        for each in provider.reports:
            order = oms.orders.load(order_id)
            callback = PaymentCallback(
                f"{each.reference}:{number}",
                "payment.captured",
                each.payment_id,
                money(each.amount),
                each.reference,
            )
            told = reported_by.decide(order, callback, f"stripe:{callback.id}")
            if told:
                oms.orders.commit(order, told, CAUSE)


def books_agree(order: Order, provider: Bookkeeper) -> None:
    """Payment by payment: no more was held, taken or given back than we know of, and no less."""
    by_payment = {account.payment_id: account for account in provider.book.values()}
    assert len(by_payment) == len(provider.book), "a payment is held twice"
    for one in order.payments.each:
        account = by_payment.get(one.id)
        assert one.authorized.minor == (account.held if account else 0)
        assert one.captured.minor == (account.captured if account else 0)
        assert one.refunded.minor == (account.refunded if account else 0)
        assert not one.capture_pending.minor
        assert not (account and account.open and account.held > account.captured)


@settings(max_examples=40, deadline=None)
@given(
    faults=FAULTS,
    amounts=AMOUNTS,
    captures_once=st.booleans(),
    expiring=st.sets(st.integers(0, 3)),
    times=st.integers(1, 2),
    back=st.integers(1, 3500),
    rounds=st.integers(0, 2),
)
def test_each_thing_is_done_once_and_the_books_agree(
    faults: list[str],
    amounts: tuple[int | None, ...],
    captures_once: bool,
    expiring: set[int],
    times: int,
    back: int,
    rounds: int,
) -> None:
    oms = world_in_memory()
    provider = Bookkeeper(captures_once=captures_once, faults=list(faults))
    name = "stripe" if captures_once else "simulator"
    of = an_order(*amounts, provider=name, token="pm_1")
    order_id = oms.capture(of).order_id
    sourced(oms, order_id)

    until_it_is_done(lambda: payment.authorize(order_id, oms.orders, provider.named, CAUSE), times)
    order = oms.orders.load(order_id)
    assert order.state is State.AUTHORIZED
    oms.orders.commit(order, decisions.release(order), CAUSE)
    for number in range(3):
        if number in expiring:
            provider.expire()
        ship(oms, order_id, number)
        with suppress(ProviderUnavailable, Died):
            carried_out(oms, provider, order_id)
        reported(oms, provider, order_id, rounds)
        until_it_is_done(lambda: carried_out(oms, provider, order_id), times)
    if 3 in expiring:
        provider.expire()
    arrive(oms, order_id)
    with suppress(ProviderUnavailable, Died):
        capturing.settle(order_id, oms.orders, provider.named, CAUSE)
    reported(oms, provider, order_id, rounds)
    until_it_is_done(lambda: capturing.settle(order_id, oms.orders, provider.named, CAUSE), times)

    order = oms.orders.load(order_id)
    assert (order.state, provider.total("captured")) == (State.COMPLETED, 3500)
    books_agree(order, provider)

    order = oms.orders.commit(order, (refund_of(order, back, "goodwill"),), CAUSE)
    refund_id = order.progress.refunds[0].id

    def given_back() -> None:
        give_back(order_id, refund_id, oms.orders, provider.named, no_credit, CAUSE)

    until_it_is_done(given_back, times)
    order = oms.orders.load(order_id)
    assert (order.refund_state(refund_id), provider.total("refunded")) == ("refunded", back)
    books_agree(order, provider)


@settings(max_examples=20, deadline=None)
@given(faults=FAULTS, captures_once=st.booleans(), times=st.integers(1, 2))
def test_a_cancelled_order_leaves_nothing_held_anywhere(
    faults: list[str], captures_once: bool, times: int
) -> None:
    oms = world_in_memory()
    provider = Bookkeeper(captures_once=captures_once, faults=list(faults))
    order_id = oms.capture(an_order(2000, None)).order_id
    sourced(oms, order_id)
    with suppress(ProviderUnavailable, Died, PaymentRefused):
        payment.authorize(order_id, oms.orders, provider.named, CAUSE)

    def closed() -> None:
        payment.close_cancelled(order_id, oms.orders, provider.named, "not_wanted", CAUSE)

    def let_go() -> None:
        payment.void_late_authorization(order_id, oms.orders, provider.named, CAUSE)

    until_it_is_done(closed, times)
    until_it_is_done(let_go, times)

    order = oms.orders.load(order_id)
    assert order.state is State.CANCELLED
    assert not any(account.open for account in provider.book.values())
    assert not order.payments.capturable.minor


def sourced(oms: World, order_id: str) -> None:
    order = oms.orders.load(order_id)
    held = tuple(
        Allocation(each.line_id, each.sku, node, each.quantity)
        for each, node in zip(order.content.lines, NODES, strict=True)
    )
    oms.orders.commit(order, (happened.OrderSourced(held, "rule", "why"),), CAUSE)
