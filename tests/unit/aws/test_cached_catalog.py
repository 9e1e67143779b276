"""What is remembered of the catalogue, and for how long."""

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

from oms.aws.catalog_store import CachedCatalog
from oms.catalog.delivery import Band, CarrierService
from oms.catalog.model import Node

SP = Node("sp-dc", "Cajamar", "warehouse", "BR")
RJ = Node("rj-store", "Ipanema", "store", "BR")
GROUND = CarrierService("ground", "Ground", "Correios", ("BR",), (Band(5000, 3, 1500),), "BRL")
EXPRESS = CarrierService("express", "Express", "Correios", ("BR",), GROUND.bands, "BRL")


@dataclass
class Store:
    stored: list[Node] = field(default_factory=lambda: [SP])
    reads: int = 0

    def nodes(self, among_them: Set[str] = frozenset()) -> tuple[Node, ...]:
        self.reads += 1
        return tuple(self.stored)


def test_nodes_are_read_once_for_a_while() -> None:
    store, now = Store(), [0.0]
    catalog = cached(store, now)

    seen = [catalog.nodes(), catalog.nodes({SP.id})]
    now[0] = 31
    seen.append(catalog.nodes())

    assert seen == [(SP,)] * 3
    assert store.reads == 2


def test_a_new_node_that_is_asked_for_is_found_at_once() -> None:
    store = Store()
    catalog = cached(store, [0.0])
    catalog.nodes()

    store.stored.append(RJ)

    assert catalog.nodes({RJ.id}) == (SP, RJ)


@dataclass
class Services:
    stored: list[CarrierService] = field(default_factory=list)

    def carrier_services(self) -> tuple[CarrierService, ...]:
        return tuple(self.stored)


def test_the_first_carrier_service_counts_at_once_and_the_next_within_a_while() -> None:
    store, now = Services(), [0.0]
    catalog = cached(store, now)
    assert catalog.carrier_services() == ()

    store.stored.append(GROUND)
    assert catalog.carrier_services() == (GROUND,)

    store.stored.append(EXPRESS)
    assert catalog.carrier_services() == (GROUND,)
    now[0] = 31
    assert catalog.carrier_services() == (GROUND, EXPRESS)


def cached(store: Any, now: list[float]) -> CachedCatalog:
    return CachedCatalog(store, seconds=30, clock=lambda: now[0])
