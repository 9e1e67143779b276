"""docs/architecture.md says what the code says: its diagram, its tables, its codes."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.functions import FUNCTIONS
from infra.queues import QUEUES
from oms.orders import model
from oms.orders.events import CLASS_BY_TYPE
from oms.orders.model import State

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "architecture.md").read_text()
SOURCES = ROOT / "layers" / "oms" / "python" / "oms"
ASL = ROOT / "infra" / "state_machines" / "order_lifecycle.asl.json"

# What a step's error makes of it: a code that is not written out.
MADE_CODES = {"capture_above_authorized", "void_above_authorized"}

Edge = tuple[str, str, str]


def section(title: str) -> str:
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title: str, columns: int) -> list[list[str]]:
    """The cells of the tables of a section, without their heads."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells[2:] if len(row) == columns]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


# --- the lifecycle's diagram ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def states() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ASL.read_text())["States"]
    return found


def drawn() -> set[Edge]:
    pattern = r"^  (\w+|\[\*\]) --> (\w+|\[\*\])(?:: (.+))?$"
    return set(re.findall(pattern, section("Lifecycle"), re.MULTILINE))


def defined(states: dict[str, Any]) -> Iterator[Edge]:
    for name, state in states.items():
        if state["Type"] in ("Succeed", "Fail"):
            yield name, "[*]", ""
        if "Next" in state:
            yield name, state["Next"], ""
        for choice in state.get("Choices", []):
            yield name, choice["Next"], _in_words(choice["Condition"])
        if "Default" in state:
            yield name, state["Default"], ""
        for catch in state.get("Catch", []):
            for error in catch["ErrorEquals"]:
                if error != "States.ALL":
                    yield name, catch["Next"], error


def _in_words(condition: str) -> str:
    compared = re.search(r"'(\w+)'", condition)
    return compared.group(1) if compared else "fewer than MaxEscalations"


def test_the_diagram_is_the_state_machine(states: dict[str, Any]) -> None:
    start = {("[*]", json.loads(ASL.read_text())["StartAt"], "")}

    assert drawn() == start | set(defined(states))


def test_what_is_not_drawn_is_the_way_to_exception(states: dict[str, Any]) -> None:
    tasks = {name: state for name, state in states.items() if state["Type"] == "Task"}

    for name, task in tasks.items():
        last = task["Catch"][-1]
        expected = "NeedsAttention" if name == "Exception" else "Exception"
        assert (last["ErrorEquals"], last["Next"]) == (["States.ALL"], expected), name


# --- tables --------------------------------------------------------------------------------------


def test_every_function_is_described() -> None:
    described = [quoted(row[0])[0] for row in rows("Functions", 3)]

    assert sorted(described) == sorted(plan.name for plan in FUNCTIONS)


def test_every_function_on_a_queue_names_its_queues() -> None:
    for name, runs_on, _ in rows("Functions", 3):
        consumed = [plan.name for plan in QUEUES if f"`{plan.consumer}`" == name]
        if consumed:
            assert sorted(quoted(runs_on)) == sorted(consumed), name


def test_every_event_is_listed_with_the_queues_it_goes_to() -> None:
    reported, promised = "when a webhook reported it", "of an order with a promise"
    supplied = "of what is drop-shipped"
    listed = {quoted(row[0])[0]: row[2] for row in rows("Events", 3)}
    of_stock = listed.keys() - CLASS_BY_TYPE.keys()

    assert listed.keys() >= CLASS_BY_TYPE.keys()
    sources = [file.read_text() for file in SOURCES.rglob("*.py")]
    assert all(any(f'"{event}"' in source for source in sources) for event in of_stock)
    for event, told in listed.items():
        queues = {plan.name for plan in QUEUES if event in plan.event_types}
        queues |= {plan.name for plan in QUEUES if event in plan.reported_types}
        queues |= {plan.name for plan in QUEUES if event in plan.promised_types}
        queues |= {plan.name for plan in QUEUES if event in plan.drop_ship_types}
        named = told.replace(reported, "").replace(promised, "").replace(supplied, "")
        assert set(re.findall(r"\w+", named)) == queues, event
        assert (reported in told) == any(event in plan.reported_types for plan in QUEUES), event
        assert (promised in told) == any(event in plan.promised_types for plan in QUEUES), event
        assert (supplied in told) == any(event in plan.drop_ship_types for plan in QUEUES), event


def test_every_state_is_listed_in_order() -> None:
    listed = [quoted(row[0])[0] for row in rows("States and statuses", 3) if row[0]]

    assert listed == [*State]


def test_every_status_is_listed() -> None:
    listed = {status for row in rows("States and statuses", 3) for status in quoted(row[1])}
    listed |= set(quoted(section("States and statuses").split("|")[0]))

    assert statuses() <= listed
    assert listed <= statuses() | {f"awaiting_{method}" for method in ("card", "pix")} | {
        "awaiting_boleto",
        "awaiting_channel",
    }


def statuses() -> set[str]:
    """Every literal that the functions which derive a status can return."""
    tree = ast.parse(Path(model.__file__).read_text())
    functions = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.endswith("_status")
    ]
    found = {literal for each in functions for literal in _returned(each)}
    return found | set(model._WORK_STATUS.values()) | {"completed", "cancelled"}


def _returned(function: ast.FunctionDef) -> Iterator[str]:
    """Of ``f"awaiting_{method}" if … == "pending" else "reserved"`` the part that is whole."""
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            tests = [part.test for part in ast.walk(node.value) if isinstance(part, ast.IfExp)]
            compared = {leaf for test in tests for leaf in ast.walk(test)}
            for part in set(ast.walk(node.value)) - compared:
                yield from (text for text in _literal(part) if not text.endswith("_"))


# --- codes ---------------------------------------------------------------------------------------


def test_every_code_of_an_error_is_listed() -> None:
    listed = {code for row in rows("Errors", 2) for code in quoted(row[1])}

    assert codes() | MADE_CODES == listed


def codes() -> set[str]:
    """Every code that is given to an error or a fault as a literal."""
    files = [*(ROOT / "layers" / "oms" / "python" / "oms").rglob("*.py")]
    files += (ROOT / "functions").glob("*/handler.py")
    return {code for file in files for code in _codes(ast.parse(file.read_text())) if code}


def _codes(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "code":
            yield from _literal(node.value)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "code":
            yield from _literal(node.value)
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "code":
            yield from _literal(node.value)
        if isinstance(node, ast.Call) and len(node.args) > 1:
            if getattr(node.func, "attr", getattr(node.func, "id", "")) in ("add", "_invalid"):
                yield from _literal(node.args[1])
            if getattr(node.func, "attr", "") == "_refuse":
                yield from _literal(node.args[0])


def _literal(node: ast.AST | None) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
