"""What a split, a reject and a pickup add to what the plain order of ``journey`` costs.

Each has two lines and three units like that order, and the same customer. What is counted is what
the whole order consumed, from its capture to its completion; the table shows the difference.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import httpx

from benchmarks import costs, journey
from benchmarks.prices import Work
from benchmarks.system import System, eventually
from local.engine import ACCOUNT

FAR, STORE = "bench-annex", "bench-store"
_SKUS_AT = {
    "PIN": (FAR,),
    "CUP": (journey.NODE, FAR),
    "CAP": (journey.NODE, FAR),
    "BAG": (STORE,),
    "BOX": (STORE,),
}
_CODE = re.compile(r"(?:código|code): (\d{6})")


@dataclass(frozen=True, slots=True)
class Detour:
    """What it adds to a plain order."""

    name: str
    write_units: float
    read_units: float
    transitions: int
    invocations: int
    api_calls: int


def measure(system: System, plain: Work) -> tuple[Detour, ...]:
    """Needs the probe with units."""
    _stock_up(system)
    routes: dict[str, tuple[Sequence[str], Callable[[System, str], None]]] = {
        "split over two nodes": (("MUG", "PIN"), _both),
        "rejected once, by its only node": (("CUP", "CAP"), _rejected),
        "picked up in a store": (("BAG", "BOX"), _picked_up),
    }
    found = []
    for name, (skus, fulfil) in routes.items():
        number = "-".join(skus)
        _follow(system, f"warm-up-{number}", skus, fulfil)
        found.append(_added(name, _follow(system, number, skus, fulfil), plain))
    return tuple(found)


def as_text(detours: Iterable[Detour], table: Callable[..., str]) -> str:
    return table(
        (
            "added to a plain order by being",
            "writes",
            "reads",
            "transitions",
            "invocations",
            "calls",
        ),
        [
            (
                one.name,
                f"{one.write_units:g}",
                f"{one.read_units:g}",
                one.transitions,
                one.invocations,
                one.api_calls,
            )
            for one in detours
        ],
    )


def _added(name: str, work: Work, plain: Work) -> Detour:
    return Detour(
        name,
        work.write_units - plain.write_units,
        work.read_units - plain.read_units,
        work.transitions - plain.transitions,
        work.invocations - plain.invocations,
        work.api_calls - plain.api_calls,
    )


def _stock_up(system: System) -> None:
    place = {"country": "BR", "region": "RJ", "city": "Rio de Janeiro"}
    system.call("PUT", f"/v1/nodes/{FAR}", {"name": "CD Rio", "kind": "warehouse", **place})
    store = {"name": "Loja Paulista", "kind": "store", "country": "BR", "pickup": "any"}
    system.call("PUT", f"/v1/nodes/{STORE}", store)
    for sku, nodes in _SKUS_AT.items():
        system.call("PUT", f"/v1/items/{sku}", {"name": sku.title()})
        for node in nodes:
            receipt = {"id": f"detour-{sku}-{node}", "kind": "receipt", "quantity": 1000}
            system.call("POST", "/v1/inventory/movements", {**receipt, "sku": sku, "node": node})
    system.wait_until_quiet()


def _follow(
    system: System, number: str, skus: Sequence[str], fulfil: Callable[[System, str], None]
) -> Work:
    system.forget()
    mails = system.mails()
    order_id = str(system.call("POST", "/v1/orders", _document(number, skus))["id"])
    eventually(lambda: journey.waits_for_the_node(system, order_id))
    fulfil(system, order_id)
    eventually(lambda: journey.is_completed(system, order_id))
    system.wait_until_quiet()
    transitions = journey.transitions(system, order_id)
    return costs.work(system.invocations(), system.memory_mb, transitions, system.mails() - mails)


def _document(number: str, skus: Sequence[str]) -> dict[str, object]:
    document = journey.document(number)
    collected = {"method": "pickup", "pickup_node": STORE} if "BAG" in skus else {}
    lines = [
        {**line, **collected, "sku": sku}
        for line, sku in zip(document["lines"], skus, strict=True)  # type: ignore[call-overload]
    ]
    return {**document, "lines": lines}


def _both(system: System, order_id: str) -> None:
    for number in (1, 2):
        _ship(system, order_id, number)


def _rejected(system: System, order_id: str) -> None:
    _step(system, order_id, 1, "reject", {"reason": "closed"})
    _ship(system, order_id, 2)


def _picked_up(system: System, order_id: str) -> None:
    for step in ("accept", "pick", "ready"):
        _step(system, order_id, 1, step)
    # Its mail must have left, or the code read is that of the order before.
    system.wait_until_quiet()
    code = eventually(lambda: _code(system))
    _step(system, order_id, 1, "hand-over", {"code": code})


def _code(system: System) -> str | None:
    """The last that was mailed."""
    answer = httpx.get(f"{system.engine.endpoint}/_ministack/ses/messages", trust_env=False)
    answer.raise_for_status()
    for message in reversed(answer.json()["messages"].get(ACCOUNT, [])):
        if found := _CODE.search(message["BodyText"]):
            return found[1]
    return None


def _ship(system: System, order_id: str, number: int) -> None:
    for step in journey.STEPS:
        _step(system, order_id, number, step, journey.SHIPMENT if step == "ship" else None)


def _step(
    system: System, order_id: str, number: int, step: str, body: object | None = None
) -> None:
    system.wait_until_quiet(0.2)
    work = f"{order_id.replace('ord_', 'ful_')}_{number}"
    system.call("POST", f"/v1/fulfillments/{work}/{step}", body)
