from dataclasses import dataclass, field
from typing import Any

from oms.aws.event_bus import EventBus, Publication
from oms.kernel.events import Envelope
from tests.samples import NOW


@dataclass
class Bus:
    """Takes what it is given, but for the events named in ``refuses``."""

    refuses: frozenset[str] = frozenset()
    requests: list[int] = field(default_factory=list)

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.requests.append(len(Entries))
        refused = {"ErrorCode": "InternalFailure"}
        return {
            "Entries": [
                refused if any(f'"{name}"' in entry["Detail"] for name in self.refuses) else {}
                for entry in Entries
            ]
        }


def publication(name: str, size: int = 10) -> Publication:
    envelope = Envelope(name, "order_captured", "ord_1", 1, NOW, "test", "", "", {"x": "y" * size})
    return Publication("oms.orders", envelope)


def publish(bus: Bus, *publications: Publication) -> set[str]:
    return EventBus(bus, "bus").publish(publications)  # type: ignore[arg-type]


def test_ten_events_go_in_one_request() -> None:
    bus = Bus()
    assert publish(bus, *(publication(f"e{number}") for number in range(23))) == set()
    assert bus.requests == [10, 10, 3]


def test_large_events_are_spread_over_requests() -> None:
    bus = Bus()
    assert publish(bus, *(publication(f"e{number}", 100 * 1024) for number in range(5))) == set()
    assert bus.requests == [2, 2, 1]


def test_what_the_bus_refuses_is_named_and_the_rest_is_published() -> None:
    bus = Bus(refuses=frozenset({"e1"}))
    assert publish(bus, publication("e0"), publication("e1"), publication("e2")) == {"e1"}


def test_nothing_is_sent_for_nothing() -> None:
    bus = Bus()
    assert publish(bus) == set()
    assert bus.requests == []
