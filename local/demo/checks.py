"""Whether everything came out as the samples say. Each check returns its faults, in words."""

from collections import Counter
from collections.abc import Iterator

from local.aws import local_session
from local.demo.api import Api, Document
from local.demo.board import Board, Order
from local.demo.mails import Mail
from local.demo.samples import Sample
from local.deploy import Deployment


def order_faults(board: Board, samples: tuple[Sample, ...]) -> list[str]:
    faults = []
    for sample in samples:
        order = board.get(sample.key)
        if order is None:
            faults.append(f"{name(sample)} is not there")
        else:
            faults += [f"{name(sample)} {fault}" for fault in _differences(order, sample)]
    known = {sample.key for sample in samples}
    faults += [f"nobody sent {order.number}" for key, order in board.items() if key not in known]
    return faults


def name(sample: Sample) -> str:
    return f"order {sample.number} of {sample.channel}"


def _differences(order: Order, sample: Sample) -> Iterator[str]:
    is_now, should_be = (order.state, order.status), (sample.state, sample.status)
    if is_now != should_be:
        yield f"is {'/'.join(is_now)}, not {'/'.join(should_be)} {order.exception}".rstrip()
    elif order.nodes != sample.nodes:
        yield f"went to {', '.join(order.nodes)}, not to {', '.join(sample.nodes)}"
    elif not _balances(order):
        yield f"does not balance: {order.payment}"


def _balances(order: Order) -> bool:
    """Delivered: all was taken, and kept what is due. Cancelled: nothing is kept or held."""
    payment = order.payment
    if order.state == "completed":
        kept = payment.captured - payment.refunded
        return payment.captured == order.total and kept == order.due
    held = payment.authorized - payment.captured - payment.voided
    return payment.refunded == payment.captured and held == 0


def expected_mails(board: Board, samples: tuple[Sample, ...]) -> Counter[Mail]:
    return Counter(
        (board[sample.key].email, board[sample.key].known_as, kind, sample.language)
        for sample in samples
        for kind in sample.mails
    )


def mail_faults(sent: Counter[Mail], expected: Counter[Mail]) -> list[str]:
    return [f"the e-mail {' '.join(mail)} was not sent" for mail in expected - sent] + [
        f"the e-mail {' '.join(mail)} was sent beyond what was expected" for mail in sent - expected
    ]


def dead_letter_faults(deployment: Deployment) -> list[str]:
    sqs = local_session().client("sqs", endpoint_url=deployment.endpoint)
    faults = []
    for queue, url in deployment.dead_letter_queues.items():
        attributes = sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )["Attributes"]
        if number := int(attributes["ApproximateNumberOfMessages"]):
            faults.append(f"the dead-letter queue of {queue} holds {number}")
    return faults


def history_faults(orders: Api, board: Board, samples: tuple[Sample, ...]) -> list[str]:
    """An order that was sent more than once was captured once."""
    faults = []
    for sample in samples:
        if sample.times > 1:
            history = orders.get(f"/v1/orders/{board[sample.key].id}/history")
            types = Counter(event["type"] for event in history["events"])
            if types["order_captured"] != 1:
                faults.append(f"{name(sample)} was captured {types['order_captured']} times")
    return faults


def label_fault(bought: Document, tracking: Document) -> str:
    """Empty when a label was bought, and its parcel tracked to the door in the order of times."""
    if not bought:
        return "no label was bought"
    (parcel,) = tracking["parcels"]
    times = [report["at"] for report in parcel["reports"]]
    if parcel["status"] != "delivered" or len(times) < 4 or times != sorted(times):
        return f"the parcel {parcel['tracking_number']} was tracked as {parcel['status']}: {times}"
    return ""


def stock_faults(inventory: Api, skus: tuple[str, ...]) -> list[str]:
    """When every order is final, no unit may be reserved any more."""
    faults = []
    for sku in skus:
        reserved = inventory.get(f"/v1/inventory/{sku}")["reserved"]
        if reserved:
            faults.append(f"{reserved} of {sku} are still reserved")
    return faults
