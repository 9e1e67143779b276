"""Cases about orders whose lines come from places that are told: what becomes of stock there."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from oms.catalog.model import Node
from oms.inventory.model import Need
from oms.kernel.errors import OmsError
from oms.kernel.events import Cause
from oms.routing.policy import NodeFilter, Rule
from oms.routing.request import Want
from tests.cases.availability.ledgers import outcome
from tests.cases.reading import SCALE, Keys, NotUnderstoodError, Step, number, steps_of, units
from tests.cases.sourcing.network import Facts, Network, Stock, decide
from tests.integration.world import World
from tests.samples import CAUSE

_VERBS = frozenset(
    """pay authorize_payment settle_payment place_order cancel cancel_order cancel_fulfilment
    cancel_fulfillment create_fulfilment create_fulfillment fulfil fulfill ship restock refund
    return""".split()
)
# How much could be sold, of all places or of one.
_QUESTIONS = frozenset(
    """stock_level saleable_stock salable_stock available_stock saleable salable
    get_available_stock""".split()
)


class _Levels:
    """An order over the stock of several places; ``held`` and ``gone`` by SKU and place."""

    def __init__(self, network: Network, order: list[tuple[Want, str]], oms: World) -> None:
        self.network = network
        self.order = order
        self.oms = oms
        self.held: dict[tuple[str, str], int] = {}
        self.gone: dict[tuple[str, str], int] = {}
        self.times = 0

    def cause(self) -> Cause:
        self.times += 1
        return replace(CAUSE, at=CAUSE.at + timedelta(hours=self.times))

    def pay(self) -> str:
        """Each line is sourced at its place, and reserved there."""
        needs: list[Need] = []
        for want, place in self.order:
            nodes = NodeFilter(nodes=(place,)) if place else NodeFilter()
            decision = decide(self.network, [want], Rule("case", nodes=nodes))
            if decision.left:
                return "insufficient_stock"
            needs += [Need(one.sku, one.node, one.quantity) for one in decision.allocations]
        for need in needs:
            key = (need.sku, need.node)
            self.held[key] = self.held.get(key, 0) + need.quantity
        return self.write(self.oms.stock.reserve(needs, "order", self.cause()))

    def cancel(self, sku: str, quantity: int) -> str:
        """What is still held is given back; what has left comes back to where it left from."""
        for key in [key for key in self.held if key[0] == sku]:
            many = min(quantity, self.held[key])
            if many:
                self.held[key] -= many
                quantity -= many
                needs = [Need(*key, many)]
                self.write(self.oms.stock.unreserve(needs, "order", self.cause()))
        for key in [key for key in self.gone if key[0] == sku]:
            many = min(quantity, self.gone[key])
            if many:
                self.gone[key] -= many
                quantity -= many
                self.oms.receive(sku, many, self.network.nodes[key[1]])
        return "nothing_to_cancel" if quantity else ""

    def fulfil(self, sku: str, quantity: int) -> str:
        for key in [key for key in self.held if key[0] == sku]:
            many = min(quantity, self.held[key])
            if many:
                needs = [Need(*key, many)]
                if refused := self.write(self.oms.stock.ship(needs, "order", self.cause())):
                    return refused
                self.held[key] -= many
                self.gone[key] = self.gone.get(key, 0) + many
                quantity -= many
        return "insufficient_stock" if quantity else ""

    def write(self, writes: Any) -> str:
        try:
            self.oms.stock.transact(writes)
        except OmsError as refused:
            return refused.problem_code
        return ""

    def levels(self) -> dict[str, dict[str, Facts]]:
        found: dict[str, dict[str, Facts]] = {}
        for sku in self.network.skus():
            found[sku] = {
                each.node: {
                    "on_hand": number(each.on_hand),
                    "allocated": number(each.reserved),
                    "available": number(each.available),
                }
                for each in self.oms.stock.balances_of(sku, consistent=True)
            }
        return found


def multi_location(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    levels = _Levels(_network(given, oms), _ordered(given), oms)
    refused = ""
    only: str | None = None
    for step in steps_of(when, _VERBS | _QUESTIONS):
        if step.verb in _QUESTIONS:
            only = _asked_of(step)
        else:
            refused = _act(levels, step) or refused
        step.more.done()
    found = levels.levels()
    salable = {
        sku: number(
            sum(units(each["available"]) for place, each in at.items() if only in (None, place))
        )
        for sku, at in found.items()
    }
    one = next(iter(salable.values()), None)
    names = ("salable", "saleable", "stock_level", "available")
    return {
        **outcome(refused, then),
        "levels": found,
        **{name: salable if isinstance(then.value(name), Mapping) else one for name in names},
    }


def _asked_of(step: Step) -> str | None:
    """The place that is asked of, when it is one alone."""
    said = Keys(step.verb, step.value) if isinstance(step.value, Mapping) else step.more
    place = said.first("from", "at", "location", "from_location")
    said.first("sku", "variant")
    if said is not step.more:
        said.done()
    return None if place is None else str(place)


def _network(given: Keys, oms: World) -> Network:
    network = Network()
    for code, stock in given.keys("stock", "levels", "locations").named():
        network.nodes[code] = node = Node(code, code, "warehouse", "")
        network.stock[code] = {}
        oms.catalog.put_node(node)
        for sku, there in stock.items():
            on_hand = units(there["on_hand"] if isinstance(there, Mapping) else there)
            network.stock[code][sku] = Stock(on_hand)
            if on_hand:
                oms.receive(sku, on_hand, node)
    return network


def _ordered(given: Keys) -> list[tuple[Want, str]]:
    found = []
    for place, line in enumerate(given.each("order", "lines")):
        want = Want(f"{place}", str(line.first("sku")), line.units("qty"), scale=SCALE)
        found.append((want, str(line.first("from", "at", "location", default=""))))
        line.done()
    return found


def _act(levels: _Levels, step: Step) -> str:
    match step.verb:
        case "pay" | "authorize_payment" | "settle_payment" | "place_order":
            return "" if levels.held else levels.pay()
        case "create_fulfilment" | "create_fulfillment" | "fulfil" | "fulfill" | "ship":
            return _each(levels, step, levels.fulfil, levels.held)
        case "cancel" | "cancel_order":
            return _each(levels, step, levels.cancel, levels.held)
        case "cancel_fulfilment" | "cancel_fulfillment" | "restock" | "refund" | "return":
            return _each(levels, step, levels.cancel, levels.gone)
        case _:
            raise NotUnderstoodError(f"when: {step.verb}")


_ALL = ("all", "for all remaining", "for all", "all remaining", None)


def _each(levels: _Levels, step: Step, act: Any, of: Mapping[tuple[str, str], int]) -> str:
    """For the lines that are told, or for all there is."""
    if isinstance(step.value, list):
        lines = [Keys(step.verb, line) for line in step.value]
        named = [(str(line.first("sku")), line.units("qty", "quantity")) for line in lines]
        for line in lines:
            line.done()
    elif step.value in _ALL:
        named = [(sku, many) for (sku, _), many in of.items() if many]
    else:
        raise NotUnderstoodError(f"{step.verb}: {step.value!r}")
    refused = ""
    for sku, many in named:
        refused = act(sku, many) or refused
    return refused
