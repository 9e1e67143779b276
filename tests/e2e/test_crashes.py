"""A handler that dies between two steps: its process is killed, for real, and nothing is lost,
taken twice or told twice."""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from local.redrive import redrive
from tests.e2e.bus import DeadLetters, reason_of
from tests.e2e.interposer import between, operation
from tests.e2e.provider import Provider, by_stripe
from tests.e2e.shop import Placed, Shop
from tests.e2e.stack import Stack, eventually
from tests.e2e.workers import kill, kill_one, workers
from tests.integration.payments.servers import Answer, Answering, Asked

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="finds the functions' processes in /proc"
)

# What works on an order behind the API. The supervision function is left out: on AWS a wait fails
# with it and is begun again, the local engine lets the wait run into its time-out.
BEHIND_THE_API = (
    "relay",
    "lifecycle",
    "sourcing",
    "payment",
    "release",
    "notifications",
    "projections",
)
BURST = 8
KILLS = 25
# What waiting for others, and a person's help, may add to a history more than once.
MAY_REPEAT = {"fulfillment_overdue", "exception_raised", "lifecycle_resumed"}


def test_a_burst_of_orders_ends_right_whoever_dies_meanwhile(shop: Shop, stack: Stack) -> None:
    sku = shop.item(BURST)
    with killing(stack):
        orders = [shop.place(sku) for _ in range(BURST)]
    for order in orders:
        _comes_to(order, "released")
        order.fulfil()

    for order in orders:
        _comes_to(order, "completed")
        assert order.now()["payment"]["captured"] == "50.00"
        kinds = order.event_types()
        assert all(kinds.count(kind) == 1 for kind in set(kinds) - MAY_REPEAT), kinds
        subjects = [mail["Subject"] for mail in order.mails()]
        assert len(subjects) == len(set(subjects))
    assert shop.stock(sku) == {"on_hand": 0, "reserved": 0, "available": 0}
    assert len(shop.ledger(sku)) == 1 + 2 * BURST


def test_a_customer_is_told_by_a_handler_that_died_of_it(died_after_mailing: Placed) -> None:
    died_after_mailing.is_told("Recebemos o seu pedido")


def test_a_payment_handler_that_dies_after_the_provider_was_asked_charges_once(
    shop: Shop, provider: Provider, stack: Stack
) -> None:
    asked: list[str | None] = []

    def charge_and_die(request: Asked, behind: Answering) -> Answer:
        answer = behind(request)
        asked.append(request.key)
        if len(asked) == 1:
            assert kill(stack.engine, "payment")
        return answer

    order = shop.place(shop.item(1), payment=by_stripe(provider.card(charge_and_die)))
    order.fulfil()

    assert order.becomes("completed")["payment"]["captured"] == "50.00"
    (charge,) = provider.charges_of(order.id)
    assert (charge.status, charge.amount) == ("succeeded", 5000)
    assert len(asked) > 1 and len(set(asked)) == 1
    assert order.event_types().count("payment_authorized") == 1


def test_a_sourcing_handler_that_dies_after_its_transaction_reserves_once(
    shop: Shop, stack: Stack
) -> None:
    sku = shop.item(3)
    died = Event()

    def die_once(asked: Asked) -> None:
        if operation(asked) == "TransactWriteItems" and not died.is_set():
            died.set()
            kill(stack.engine, "sourcing")

    with between(stack, "sourcing", die_once):
        order = shop.place(sku)
        order.becomes("released")

    assert died.is_set()
    assert shop.stock(sku) == {"on_hand": 3, "reserved": 1, "available": 2}
    assert [entry["kind"] for entry in shop.ledger(sku)] == ["receipt", "reserve"]


def test_a_relay_that_dies_after_it_has_published_causes_nothing_twice(
    shop: Shop, stack: Stack
) -> None:
    died = Event()

    def die_once(asked: Asked) -> None:
        if operation(asked) == "PutEvents" and not died.is_set():
            died.set()
            kill(stack.engine, "relay")

    with between(stack, "relay", die_once):
        order = shop.place(shop.item(1))
        order.fulfil()
        order.becomes("completed")
        order.is_told("Recebemos o seu pedido", "Seu pedido", "Seu pedido")

    assert died.is_set()
    assert len(order.history()) == len({event["id"] for event in order.history()})


def test_a_mail_that_may_have_been_sent_is_not_sent_again(
    died_after_mailing: Placed, dead_letters: DeadLetters
) -> None:
    order = died_after_mailing

    parked = dead_letters.gets("notifications", order.id, seconds=60)

    assert reason_of(parked) == "delivery_unknown"
    order.is_told("Recebemos o seu pedido")


@pytest.fixture(scope="module")
def died_after_mailing(shop: Shop, stack: Stack) -> Placed:
    """An order whose confirmation was sent by a handler that could not say so any more. Its message
    comes back when the queue thinks that it is time."""
    document = shop.document(shop.item(1))
    document["customer"]["email"] = "told-once@example.com"
    died = Event()

    def die_once(asked: Asked) -> None:
        if b"told-once" in asked.body and not died.is_set():
            died.set()
            kill(stack.engine, "notifications")

    with between(stack, "notifications", die_once):
        order = shop.send(document)
        assert died.wait(timeout=30)
    return order


@contextmanager
def killing(stack: Stack) -> Iterator[None]:
    """Begin to kill one process after the other; when this ends, so has the killing."""
    fate, given_up = random.Random(4711), Event()

    def kill_some() -> None:
        for _ in range(KILLS):
            if living := workers(stack.engine, *BEHIND_THE_API):
                kill_one(fate.choice(living))
            if given_up.wait(timeout=0.1):
                return

    killer = Thread(target=kill_some)
    killer.start()
    try:
        yield
    except BaseException:
        given_up.set()
        raise
    finally:
        killer.join()


def _comes_to(order: Placed, state: str) -> None:
    """Return once it is there, though a person may have to send on what died too often."""
    sqs = order.stack.aws("sqs")

    def there() -> bool:
        for queue in ("starts", "signals", "projections"):
            redrive(sqs, order.stack.deployment.dead_letter_queues[queue])
        view = order.now()
        if view["status"] == "exception":
            order.resume()
        return bool(view["state"] == state)

    eventually(there, seconds=60)
