"""Where we differ from one peer on purpose: ``differences.json``, which docs/cases.md shows.

A row is about a kind of cases, and of these the ones with its ``verb`` or that say what it
``says`` (``*`` stands for any name). The ``keys`` are not held against what the peer does, ``ours``
is instead: the same for all of them, or ``by`` a member of what is given (of a machine by its
state). General behaviour has no row: a case that follows from definitions is agreed with.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.cases.reading import NotUnderstoodError, same

ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "differences.json").read_text())


def difference_of(case: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if case["portability"] != "peer_policy":
        return None
    return next((row for row in ROWS if _is_about(row, case)), None)


def ours_of(row: Mapping[str, Any], case: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is expected of us instead of the peer's ``keys``."""
    ours: Mapping[str, Any] = row["ours"]
    if "by" not in row:
        return ours
    value = case["given"].get(row["by"])
    if value not in ours:
        raise NotUnderstoodError(f"{row['by']}: {value!r}")
    found: Mapping[str, Any] = ours[value]
    return found


def _is_about(row: Mapping[str, Any], case: Mapping[str, Any]) -> bool:
    if row["kind"] != case["kind"]:
        return False
    if "verb" in row and not any(_mentions(case["when"], verb) for verb in verbs_of(row)):
        return False
    said = row.get("says", {})
    return all(_says((case["given"], case["when"]), name, value) for name, value in said.items())


def verbs_of(row: Mapping[str, Any]) -> Sequence[str]:
    verb = row.get("verb", ())
    return [verb] if isinstance(verb, str) else verb


def _mentions(when: Any, verb: str) -> bool:
    if isinstance(when, str):
        return when == verb
    if isinstance(when, Mapping):
        return verb in when
    return any(_mentions(action, verb) for action in when)


def _says(within: Any, name: str, value: Any) -> bool:
    if isinstance(within, Mapping):
        found = any(name in ("*", key) and same(value, told) for key, told in within.items())
        return found or any(_says(member, name, value) for member in within.values())
    if isinstance(within, Sequence) and not isinstance(within, str):
        return any(_says(member, name, value) for member in within)
    return False


def table() -> str:
    """The rows as docs/cases.md shows them."""
    lines = [
        "| kind | when | keys | theirs | ours | why |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in ROWS:
        keys = ", ".join(f"`{key}`" for key in row["keys"])
        said = [f"`{name}`: {json.dumps(value)}" for name, value in row.get("says", {}).items()]
        when = ", ".join([*(f"`{verb}`" for verb in verbs_of(row)), *said])
        theirs = f"{row['peer']}: {row['theirs']}"
        answer = f"{row['answer']}{_by_state(row)}"
        cells = (f"`{row['kind']}`", when, keys, theirs, answer, row["reason"])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _by_state(row: Mapping[str, Any]) -> str:
    """Our table, in the words of the peer."""
    if "by" not in row:
        return ""
    steps = (
        f"`{state}` → {', '.join(f'`{to}`' for to in ours['next']) or 'nothing'}"
        for state, ours in row["ours"].items()
    )
    return f" {'; '.join(steps)}."
