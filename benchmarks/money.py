"""What a capture, a refund and a full return cost, each on an order of its own like that of
``journey``: what all functions consumed from the call to the last thing that followed from it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks import costs, journey
from benchmarks.system import System, eventually


@dataclass(frozen=True, slots=True)
class MoneyStep:
    """Units of DynamoDB, and how many transitions and invocations it took."""

    name: str
    write_units: float
    read_units: float
    transitions: int
    invocations: int
    api_calls: int


def measure(system: System) -> tuple[MoneyStep, ...]:
    """Needs the probe with units, and stock for ``journey``."""
    journey.stock_up(system, "money")
    steps: dict[str, tuple[Callable[[System, str], None], Callable[[System, str], None]]] = {
        "a capture by hand": (_released, _capture),
        "a refund of a part": (_completed, _refund),
        "a full return, restocked and refunded": (_completed, _return),
    }
    found = []
    for number, (name, (prepare, step)) in enumerate(steps.items()):
        _count(system, name, f"money-warm-up-{number}", prepare, step)
        found.append(_count(system, name, f"money-{number}", prepare, step))
    return tuple(found)


def as_text(steps: Iterable[MoneyStep], table: Callable[..., str]) -> str:
    return table(
        ("money step", "writes", "reads", "transitions", "invocations", "calls"),
        [
            (
                one.name,
                f"{one.write_units:g}",
                f"{one.read_units:g}",
                one.transitions,
                one.invocations,
                one.api_calls,
            )
            for one in steps
        ],
    )


def _count(
    system: System,
    name: str,
    number: str,
    prepare: Callable[[System, str], None],
    step: Callable[[System, str], None],
) -> MoneyStep:
    order_id = str(system.call("POST", "/v1/orders", journey.document(number))["id"])
    eventually(lambda: journey.waits_for_the_node(system, order_id))
    prepare(system, order_id)
    system.wait_until_quiet()
    before = journey.transitions(system, order_id)
    mails = system.mails()
    system.forget()
    step(system, order_id)
    system.wait_until_quiet()
    transitions = journey.transitions(system, order_id) - before
    work = costs.work(system.invocations(), system.memory_mb, transitions, system.mails() - mails)
    return MoneyStep(
        name,
        work.write_units,
        work.read_units,
        work.transitions,
        work.invocations,
        work.api_calls,
    )


def _released(system: System, order_id: str) -> None:
    """It waits for its node, and its payment is held."""


def _completed(system: System, order_id: str) -> None:
    work = f"{order_id.replace('ord_', 'ful_')}_1"
    for step in journey.STEPS:
        system.wait_until_quiet(0.2)
        body = journey.SHIPMENT if step == "ship" else None
        system.call("POST", f"/v1/fulfillments/{work}/{step}", body)
    eventually(lambda: journey.is_completed(system, order_id))


def _capture(system: System, order_id: str) -> None:
    payment = f"{order_id.replace('ord_', 'pay_')}_1"
    path = f"/v1/orders/{order_id}/payments/{payment}/capture"
    system.call("POST", path, {"amount": "10.00"}, key="bench")
    eventually(lambda: _moved(system, order_id, "captured"))


def _refund(system: System, order_id: str) -> None:
    body = {"refund_key": "bench", "lines": [{"line_id": "MUG", "quantity": 1}]}
    system.call("POST", f"/v1/orders/{order_id}/refunds", body)
    eventually(lambda: _moved(system, order_id, "refunded"))


def _return(system: System, order_id: str) -> None:
    order = system.call("GET", f"/v1/orders/{order_id}")
    lines = [
        {"line_id": line["line_id"], "quantity": line["quantities"]["delivered"]}
        for line in order["lines"]
    ]
    asked = system.call("POST", f"/v1/orders/{order_id}/returns", {"lines": lines})
    path = f"/v1/returns/{asked['id']}"
    receipt = {"receipt_id": "bench-1", "node": journey.NODE}
    system.call("POST", f"{path}/receive", receipt)
    found = [
        {"line_id": line["line_id"], "dispositions": {"restock": line["quantity"]}}
        for line in lines
    ]
    inspection = {"inspection_id": "bench-1", "node": journey.NODE, "lines": found}
    system.call("POST", f"{path}/inspect", inspection)
    eventually(lambda: _moved(system, order_id, "refunded"))


def _moved(system: System, order_id: str, balance: str) -> bool:
    order = system.call("GET", f"/v1/orders/{order_id}")
    return bool(order["payment"][balance] != "0.00")
