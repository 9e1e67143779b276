"""The demo, from an empty stack to orders that have all arrived, and the proof that they have."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial

from local.demo import catalogue, checks, mails
from local.demo.api import Api, Document
from local.demo.board import Board, Watch
from local.demo.carrier import Carrier
from local.demo.counter import StoreCounter
from local.demo.mails import Mail
from local.demo.marketplace import Marketplace
from local.demo.payment_provider import PaymentProvider
from local.demo.play import Part, play
from local.demo.progress import Progress
from local.demo.returns import Returns
from local.demo.samples import SAMPLES, Sample, read
from local.demo.shop import Customers, Shop
from local.demo.signed_webhook import SignedWebhooks
from local.demo.table import Lines, LiveTable, Show
from local.demo.warehouse import GoodsIn, Node, Printer
from local.deploy import Deployment
from local.failure import LocalFailure

MAILS_SECONDS = 30.0
# The node whose first parcel leaves with a label that the OMS buys.
LABELS_AT = "cd-cajamar"


def travel(deployment: Deployment, progress: Progress) -> None:
    """Raises `LocalFailure` with everything that did not come out as the samples say."""
    demo = read(catalogue.FILE)
    webhooks = SignedWebhooks(deployment)
    with progress.step("demo: loading catalogue, nodes, channels and stock", "demo: loaded"):
        _prepare(deployment, demo, webhooks)
    watch = Watch(Api.of(deployment, "orders.read"), SAMPLES)
    printer = Printer()
    place, parts = _places(deployment, webhooks), _parts(deployment, demo, webhooks, printer)
    with _screen(progress) as show:
        play(SAMPLES, place, parts, watch, show)
    with progress.step("demo: checking orders, money, e-mails and stock", "demo: all is well"):
        board = watch.look_at_all()
        sent = _check(deployment, demo, board)
        labelled = _tracked(deployment, printer)
    progress.say(labelled)
    progress.say(summary(board, sent))


def _prepare(deployment: Deployment, demo: Document, webhooks: SignedWebhooks) -> None:
    """Functions that have never run start meanwhile, beside the two that load the catalogue."""
    catalog, inventory = Api.of(deployment, "catalog.write"), Api.of(deployment, "inventory.write")
    with ThreadPoolExecutor(max_workers=2) as pool:
        loaded = pool.submit(catalogue.load, demo, catalog, inventory)
        called = pool.submit(_call_once, deployment, webhooks, next(iter(demo["nodes"])))
        loaded.result()
        called.result()


def _call_once(deployment: Deployment, webhooks: SignedWebhooks, node: str) -> None:
    Api.of(deployment).get("/health")
    webhooks.send("standard", {"webhook-id": "msg_ping"}, {"type": "ping"})
    Api.of(deployment, "orders.read").get("/v1/orders", channel="web")
    Api.of(deployment, "fulfillments.read").get("/v1/fulfillments", node=node)


def _screen(progress: Progress) -> AbstractContextManager[Show]:
    if progress.console.is_terminal:
        return LiveTable(progress.console, SAMPLES)
    return Lines(progress.say)


def _places(deployment: Deployment, webhooks: SignedWebhooks) -> Callable[[Sample], None]:
    marketplace, shop = Marketplace(webhooks), Shop(Api.of(deployment, "orders.write"))

    def place(sample: Sample) -> None:
        (marketplace if sample.by_webhook else shop).place(sample)

    return place


def _parts(
    deployment: Deployment, demo: Document, webhooks: SignedWebhooks, printer: Printer
) -> list[Part]:
    carrier = Carrier(webhooks)
    staff = Api.of(deployment, "fulfillments.read", "fulfillments.write")
    return [
        Customers(Api.of(deployment, "orders.write"), SAMPLES),
        PaymentProvider(webhooks),
        GoodsIn(Api.of(deployment, "inventory.write"), demo["late_stock"]),
        carrier,
        StoreCounter(staff, partial(mails.pickup_code, deployment.endpoint)),
        Returns(
            Api.of(deployment, "orders.write"),
            staff,
            SAMPLES,
            partial(mails.was_told, deployment.endpoint, "return_approved"),
        ),
        *(
            Node(
                node,
                staff,
                carrier.label,
                printer if node == LABELS_AT else None,
                frozenset(sample.number for sample in SAMPLES if sample.refused_by == node),
            )
            for node in demo["nodes"]
        ),
    ]


def _tracked(deployment: Deployment, printer: Printer) -> str:
    """What became of the parcel with a label. Raises `LocalFailure` unless it is delivered."""
    api = Api.of(deployment, "fulfillments.read")
    tracking = api.get(f"/v1/fulfillments/{printer.parcel}/tracking")
    if fault := checks.label_fault(printer.bought, tracking):
        raise LocalFailure(fault)
    return told(printer.bought, tracking)


def told(bought: Document, tracking: Document) -> str:
    """Which service was bought, what for, and the way the parcel went."""
    label, (parcel,) = bought["label"], tracking["parcels"]
    way = " → ".join(report["status"] for report in parcel["reports"])
    others = ", ".join(
        f"{other['service']} {other['cost']}"
        for other in label["compared"]
        if other["service"] != label["service"]
    )
    return (
        f"label {parcel['tracking_number']}: {label['reason']} (others: {others}); tracked: {way}"
    )


def _check(deployment: Deployment, demo: Document, board: Board) -> Counter[Mail]:
    """The e-mails that were sent. Raises `LocalFailure` with every fault there is."""
    orders, inventory = Api.of(deployment, "orders.read"), Api.of(deployment, "inventory.read")
    if faults := checks.order_faults(board, SAMPLES):
        raise LocalFailure("; ".join(faults))
    expected = checks.expected_mails(board, SAMPLES)
    sent = _mails(deployment, expected)
    faults = [
        *checks.mail_faults(sent, expected),
        *checks.history_faults(orders, board, SAMPLES),
        *checks.stock_faults(inventory, tuple(demo["items"])),
        *checks.dead_letter_faults(deployment),
    ]
    if faults:
        raise LocalFailure("; ".join(faults))
    return sent


def _mails(deployment: Deployment, expected: Counter[Mail]) -> Counter[Mail]:
    """Every e-mail so far, once the expected ones are among them or the time is up."""
    deadline = time.monotonic() + MAILS_SECONDS
    while True:
        sent = mails.sent(deployment.endpoint)
        if expected <= sent or time.monotonic() > deadline:
            return sent
        time.sleep(0.25)


def summary(board: Board, sent: Counter[Mail]) -> str:
    states = Counter(order.state for order in board.values())
    refunded = sum(order.status == "refunded" for order in board.values())
    channels = len({order.channel for order in board.values()})
    return (
        f"{len(board)} orders of {channels} channels: {states['completed']} delivered and paid, "
        f"{states['cancelled']} cancelled ({refunded} of them refunded); "
        f"{sent.total()} e-mails, no dead letter, no unit left reserved"
    )
