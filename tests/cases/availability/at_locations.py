"""Cases about units that are reserved at one location or another."""

from collections.abc import Mapping, Sequence
from typing import Any

from oms.inventory.backorders import Room
from tests.cases.availability.ledgers import Facts, outcome
from tests.cases.availability.shelf import Shelf
from tests.cases.reading import Keys, Step, number, steps_of
from tests.integration.world import World

_AT_LOCATION = frozenset(
    """reserve change_reservation update_reservation move_reservation release_line release_location
    release_reservation delete_reservation restore_line can_sell confirm adjust
    available_quantity stocked_quantity reserved_quantity remove_location""".split()
)


def location_reservation(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    shelf = Shelf(oms)
    names = _reserved(shelf, given)
    refused = ""
    asked: Facts = {}
    released: dict[str, dict[str, int]] = {}
    for step in steps_of(when, _AT_LOCATION):
        refused = _at_location(shelf, step, names, released, asked) or refused
        step.more.done()
    available = {node: number(shelf.balance(node).available) for node in shelf.nodes}
    total = number(sum(shelf.balance(node).available for node in shelf.nodes))
    facts = {
        **outcome(refused, then),
        "reserved": {node: number(shelf.balance(node).reserved) for node in shelf.nodes},
        "stocked": {node: number(shelf.balance(node).on_hand) for node in shelf.nodes},
        "available": available if isinstance(then.value("available"), Mapping) else total,
    }
    return facts | asked


def _reserved(shelf: Shelf, given: Keys) -> list[str]:
    """What is reserved at the start, each under a name: its line's, when it has one."""
    said = [*given.each("reservations")]
    wanted: list[tuple[str, str, int]] = []
    for place, one in enumerate(said):
        name = str(one.first("line", "line_item", "id", default=f"r{place}"))
        wanted.append((name, str(one.first("at", "location")), one.units("qty", "quantity")))
        one.done()
    for place, location in enumerate(given.each("locations")):
        node = str(location.value("code"))
        shelf.open(node, location.units("stocked", "on_hand"))
        if reserved := location.units("reserved"):
            wanted.append((f"l{place}", node, reserved))
        location.done()
    for _, node, _ in wanted:
        if node not in shelf.nodes:
            shelf.open(node, sum(many for _, at, many in wanted if at == node))
    for name, node, many in wanted:
        assert not shelf.hold(name, {node: many})
    return [name for name, _, _ in wanted]


def _at_location(
    shelf: Shelf,
    step: Step,
    names: list[str],
    released: dict[str, dict[str, int]],
    asked: Facts,
) -> str:
    match step.verb:
        case "reserve":
            return _reserve(shelf, step, names)
        case "change_reservation" | "update_reservation" | "move_reservation":
            return _change(shelf, step, names)
        case "release_line" | "release_reservation" | "delete_reservation":
            name = str(step.value) if str(step.value) in shelf.lines else names[0]
            released[name] = dict(shelf.line(name).held)
            shelf.release(name, shelf.line(name).units)
            return ""
        case "restore_line":
            return shelf.hold(str(step.value), released.pop(str(step.value)))
        case "release_location":
            for name in names:
                shelf.release(name, shelf.line(name).units, only_at=str(step.value))
            return ""
        case "remove_location":
            shelf.nodes.remove(str(step.value))
            return ""
        case "can_sell" | "confirm":
            return _confirm(shelf, step)
        case "adjust":
            said = step.said()
            node = str(said.first("at", "location", default=shelf.nodes[0]))
            many = said.units("qty", "by", "quantity")
            said.done()
            return shelf.move("adjustment", many, "a case", node)
        case _:
            return _ask(shelf, step, asked)


def _reserve(shelf: Shelf, step: Step, names: list[str]) -> str:
    """One, or several together: all of them or none."""
    if isinstance(step.value, list):
        return _reserve_together(shelf, [Keys(step.verb, one) for one in step.value], names)
    said = step.said()
    node = str(said.first("at", "location", default=shelf.nodes[0]))
    many = said.units("qty", "quantity")
    name = str(said.first("line", "line_item", "id", default=f"n{len(names)}"))
    beyond = said.first("allow_backorder", default=False)
    said.done()
    names.append(name)
    there = min(many, max(0, shelf.balance(node).available)) if beyond else many
    if refused := shelf.hold(name, {node: there}):
        return refused
    shelf.wait(name, many - there, Room())
    return ""


def _reserve_together(shelf: Shelf, several: Sequence[Keys], names: list[str]) -> str:
    where: dict[str, int] = {}
    for one in several:
        node = str(one.first("at", "location", default=shelf.nodes[0]))
        where[node] = where.get(node, 0) + one.units("qty", "quantity")
        one.first("line", "line_item", "id")
        one.done()
    names.append("together")
    return shelf.hold("together", where)


def _change(shelf: Shelf, step: Step, names: list[str]) -> str:
    said = step.said()
    name = str(said.first("line", "reservation", "id", default=names[0]))
    held = shelf.line(name).held
    before = next(node for node, many in held.items() if many)
    node = str(said.first("at", "location", "to_location", "to_at", default=before))
    many = said.units("qty", "to", "quantity", default=held[before])
    said.done()
    if node != before:
        refused = shelf.hold(name, {node: many})
        return refused or ("" if shelf.release(name, held[before], only_at=before) else "nothing")
    if many > held[before]:
        return shelf.hold(name, {node: many - held[before]})
    shelf.release(name, held[before] - many, only_at=before)
    return ""


def _confirm(shelf: Shelf, step: Step) -> str:
    said = step.said()
    nodes = _nodes(shelf, said.first("at", "locations", "location"))
    many = said.units("qty", "quantity")
    said.done()
    there = sum(max(0, shelf.balance(node).available) for node in nodes)
    return "" if many <= there else "insufficient_stock"


def _nodes(shelf: Shelf, at: Any) -> Sequence[str]:
    if at is None:
        return shelf.nodes
    return [at] if isinstance(at, str) else [*at]


def _ask(shelf: Shelf, step: Step, asked: Facts) -> str:
    at = step.value if step.value is not None else step.more.first("at", "locations")
    at = at.get("at", at.get("locations")) if isinstance(at, Mapping) else at
    balances = [shelf.balance(node) for node in _nodes(shelf, at)]
    asked["available"] = number(sum(each.available for each in balances))
    asked["stocked"] = number(sum(each.on_hand for each in balances))
    asked["reserved"] = number(sum(each.reserved for each in balances))
    asked["quantity"] = asked[step.verb.removesuffix("_quantity")]
    return ""
