"""The state machines of docs/fulfillment.md, printed from the tables that the code decides by.

``python -m tests.unit.docs.fulfillment_tables`` writes them anew.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from oms.fulfillment.parcels import PACKING_TRANSITIONS
from oms.fulfillment.picklists import ITEM_TRANSITIONS, PICKLIST_TRANSITIONS
from oms.orders.model import Method
from oms.orders.transitions import STEPS, STEPS_OUT, TRANSITIONS
from oms.purchasing.transitions import PURCHASE_TRANSITIONS

DOCUMENT = Path(__file__).parents[3] / "docs" / "fulfillment.md"
BEGIN = "<!-- The tables below are printed from the code. -->\n"
END = "<!-- So far the printed tables. -->\n"

Machine = Mapping[Any, Mapping[str, Any]]

_TITLES = {
    Method.SHIP: "A fulfilment that is shipped",
    Method.PICKUP: "A fulfilment that is picked up where it lies",
    Method.SHIP_TO_STORE: "A fulfilment that is shipped to a store and picked up there",
}


def machines() -> Iterator[tuple[str, Machine]]:
    for method, table in TRANSITIONS.items():
        yield _TITLES[method], table
    yield "A picklist", PICKLIST_TRANSITIONS
    yield "An item of a picklist", ITEM_TRANSITIONS
    yield "A fulfilment's parcels", PACKING_TRANSITIONS
    yield "A purchase order", PURCHASE_TRANSITIONS


def printed() -> str:
    return "\n".join(f"### {title}\n\n{_table(machine)}" for title, machine in machines())


def _table(machine: Machine) -> str:
    """A row for each state that a step leads on from, a column for each step."""
    steps = _in_order({step for leads in machine.values() for step in leads})
    reached = (to for leads in machine.values() for each in leads.values() for to in led_to(each))
    states = dict.fromkeys([*machine, *reached])
    final = [f"`{state}`" for state in states if not machine.get(state)]
    rows = [
        ["from", *(f"`{step}`" for step in steps)],
        ["---", *("---" for _ in steps)],
        *([f"`{state}`", *_cells(leads, steps)] for state, leads in machine.items() if leads),
    ]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"{table}\nNo step leads on from {', '.join(final)}.\n"


def _cells(leads: Mapping[str, str], steps: Iterable[str]) -> list[str]:
    return [" or ".join(f"`{to}`" for to in led_to(leads.get(step, ()))) for step in steps]


def led_to(to: object) -> tuple[object, ...]:
    """A step may lead to one state, or to one of several."""
    return to if isinstance(to, tuple) else (to,)


def _in_order(steps: Iterable[str]) -> list[str]:
    known = [*STEPS, *STEPS_OUT]
    return sorted(
        steps, key=lambda step: (known.index(step) if step in known else len(known), step)
    )


def with_tables(text: str) -> str:
    """The document with its tables as they are now."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{printed()}\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text()))
