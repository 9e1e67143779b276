"""Reading cases strictly: what a case says and the runner does not understand is a failure."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from oms.kernel.quantity import parse_quantity

CARRIED = Path(__file__).parent / "data"
# Decimals that quantities of the cases are counted with.
SCALE = 4


class NotUnderstoodError(Exception):
    """The case says something that this runner has no translation for."""


@dataclass
class Keys:
    """The members of an object, each read by name; ``done`` fails when one was not read."""

    where: str
    members: Mapping[str, Any]
    read: set[str] = field(default_factory=set)

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def value(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return self.members.get(name, default)

    def first(self, *names: str, default: Any = None) -> Any:
        """Of several names for one thing, the one that is used."""
        used = [name for name in names if name in self.members]
        self.read |= {*names}
        return self.members[used[0]] if used else default

    def units(self, *names: str, default: int = 0) -> int:
        value = self.first(*names)
        return default if value is None else units(value)

    def keys(self, *names: str) -> "Keys":
        members = self.first(*names, default={})
        if not isinstance(members, Mapping):
            raise NotUnderstoodError(f"{self.where}.{names[0]}: {members!r}")
        return Keys(f"{self.where}.{names[0]}", members)

    def each(self, *names: str) -> "Iterator[Keys]":
        for number, members in enumerate(self.first(*names, default=())):
            yield Keys(f"{self.where}.{names[0]}.{number}", members)

    def named(self) -> "Iterator[tuple[str, Any]]":
        """Every member, when the names are those of SKUs, nodes or lines."""
        self.read |= self.members.keys()
        yield from self.members.items()

    def done(self) -> None:
        if unread := self.members.keys() - self.read:
            raise NotUnderstoodError(f"{self.where}: {sorted(unread)}")


@dataclass(frozen=True)
class Step:
    """One action: its verb, what it is applied to, and what else is said."""

    verb: str
    value: Any
    more: Keys

    def units(self) -> int:
        return units(self.value)

    def said(self) -> Keys:
        """What the verb is applied to; of a mere quantity also what else is said."""
        if isinstance(self.value, Mapping):
            return Keys(self.verb, self.value)
        self.more.read |= self.more.members.keys()
        return Keys(self.verb, {"qty": self.value, **self.more.members})

    def only(self) -> None:
        """Fails unless the verb is all that is said."""
        self.more.done()
        if self.value is not None:
            raise NotUnderstoodError(f"{self.verb}: {self.value!r}")


def units(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise NotUnderstoodError(f"not a quantity: {value!r}")
    return parse_quantity(Decimal(value), SCALE)


def number(quantity: int | None) -> Decimal | None:
    return None if quantity is None else Decimal(quantity).scaleb(-SCALE)


def steps_of(when: Any, verbs: frozenset[str]) -> list[Step]:
    """``when`` is an action or a list of them; an action is a word or an object with one verb."""
    if isinstance(when, list):
        return [step for action in when for step in steps_of(action, verbs)]
    if isinstance(when, str):
        verb, _, value = when.partition(" ")
        known = verb if verb in verbs else when.replace(" ", "_")
        if known not in verbs:
            raise NotUnderstoodError(f"when: {when!r}")
        return [Step(known, (value or None) if known == verb else None, Keys(verb, {}))]
    said = [name for name in when if name in verbs]
    if not said:
        raise NotUnderstoodError(f"when: {sorted(when)}")
    rest = {name: value for name, value in when.items() if name != said[0]}
    return [Step(said[0], when[said[0]], Keys(said[0], rest))]


def cases(file: str) -> list[dict[str, Any]]:
    """The cases of a file: of ``CASES_DIR`` when it is set and has it, else those that the project
    carries."""
    folder = Path(os.environ.get("CASES_DIR") or CARRIED)
    path = folder / file
    if not path.is_file():
        return carried(file)
    return _read(path)


def carried(file: str) -> list[dict[str, Any]]:
    return _read(CARRIED / file)


def schema(file: str) -> dict[str, Any]:
    """What a file says of itself, of the folder that its cases are read from."""
    path = Path(os.environ.get("CASES_DIR") or CARRIED) / file
    found: dict[str, Any] = _document(path if path.is_file() else CARRIED / file)["schema"]
    return found


def _read(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _document(path)["cases"]
    return found


def _document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(), parse_float=Decimal)
    return found


def same(expected: Any, observed: Any) -> bool:
    """Whether what was observed is what is expected; of an object, in the members that it names."""
    if isinstance(expected, Mapping):
        return isinstance(observed, Mapping) and all(
            name in observed and same(value, observed[name]) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(observed, list | tuple)
            and len(expected) == len(observed)
            and all(same(one, other) for one, other in zip(expected, observed, strict=True))
        )
    if isinstance(expected, bool) or isinstance(observed, bool):
        return expected is observed
    return bool(expected == observed)
