"""DynamoDB's expressions, as far as the stores write them: conditions, and updates of numbers and
texts at the top of an item. Anything else is refused, so that nothing passes that would not there.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

Item = dict[str, Any]
Values = Mapping[str, Any]
Operand = Callable[[Item, Values], Any]
Condition = Callable[[Item, Values], bool]

_TOKEN = re.compile(r"\s*(<=|>=|[=<>(),+-]|[#:]?\w+)")
_CLAUSES = ("SET", "ADD", "REMOVE")


class NotUnderstood(Exception):
    """DynamoDB would refuse the request, or these tables do not know what it means."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """``holds`` of a condition; ``changed`` of an update. ``names`` and ``values`` are the
    placeholders it has."""

    holds: Condition
    names: frozenset[str]
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class ParsedUpdate:
    changed: Callable[[Item, Values], Item]
    attributes: frozenset[str]
    names: frozenset[str]
    values: frozenset[str]


def condition(text: str, names: Mapping[str, str]) -> Parsed:
    return _condition(text, tuple(names.items()))


def update(text: str, names: Mapping[str, str]) -> ParsedUpdate:
    return _update(text, tuple(names.items()))


@cache
def _condition(text: str, names: tuple[tuple[str, str], ...]) -> Parsed:
    reading = _Reading(text, dict(names))
    holds = reading.any_of()
    reading.end()
    return Parsed(holds, *reading.used())


@cache
def _update(text: str, names: tuple[tuple[str, str], ...]) -> ParsedUpdate:
    reading = _Reading(text, dict(names))
    changed, attributes = reading.clauses()
    return ParsedUpdate(changed, attributes, *reading.used())


class _Reading:
    """Reads an expression from its first token to its last."""

    def __init__(self, text: str, names: Mapping[str, str]) -> None:
        self.tokens = _TOKEN.findall(text)
        if "".join(self.tokens) != re.sub(r"\s", "", text):
            raise NotUnderstood(text)
        self.text = text
        self.names = names
        self.at = 0

    def used(self) -> tuple[frozenset[str], frozenset[str]]:
        of = {sign: frozenset(t for t in self.tokens if t.startswith(sign)) for sign in "#:"}
        return of["#"], of[":"]

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1] if self.at <= len(self.tokens) else ""

    def took(self, token: str) -> bool:
        if self.peek() != token:
            return False
        self.at += 1
        return True

    def must(self, token: str) -> None:
        if not self.took(token):
            raise NotUnderstood(f"{self.text}: no {token} where one belongs")

    def end(self) -> None:
        if self.peek():
            raise NotUnderstood(f"{self.text}: {self.peek()}")

    # --- conditions -----------------------------------------------------------------------------

    def any_of(self) -> Condition:
        parts = [self.all_of()]
        while self.took("OR"):
            parts.append(self.all_of())
        return parts[0] if len(parts) == 1 else lambda i, v: any(part(i, v) for part in parts)

    def all_of(self) -> Condition:
        parts = [self.part()]
        while self.took("AND"):
            parts.append(self.part())
        return parts[0] if len(parts) == 1 else lambda i, v: all(part(i, v) for part in parts)

    def part(self) -> Condition:
        if self.took("("):
            inner = self.any_of()
            self.must(")")
            return inner
        if self.peek() in {"attribute_exists", "attribute_not_exists", "begins_with"}:
            return self.function(self.next())
        return self.comparison()

    def function(self, which: str) -> Condition:
        self.must("(")
        name = self.name()
        if which != "begins_with":
            self.must(")")
            there = which == "attribute_exists"
            return lambda item, _: (name in item) is there
        self.must(",")
        start = self.value()
        self.must(")")
        return lambda item, values: (
            name in item and _text(item[name]).startswith(_text(values[start]))
        )

    def comparison(self) -> Condition:
        name, sign = self.name(), self.next()
        low = self.value()
        if sign == "BETWEEN":
            self.must("AND")
            high = self.value()
            return lambda item, values: (
                (order := _order(item.get(name), values[low])) is not None
                and order >= 0
                and (order := _order(item.get(name), values[high])) is not None
                and order <= 0
            )
        if sign not in _COMPARED:
            raise NotUnderstood(self.text)
        compared = _COMPARED[sign]
        return lambda item, values: (
            (order := _order(item.get(name), values[low])) is not None and compared(order)
        )

    # --- updates --------------------------------------------------------------------------------

    def clauses(self) -> tuple[Callable[[Item, Values], Item], frozenset[str]]:
        steps: list[tuple[str, Callable[[Item, Values], Any]]] = []
        seen: list[str] = []
        while self.peek():
            clause = self.next()
            if clause not in _CLAUSES or clause in seen:
                raise NotUnderstood(self.text)
            seen.append(clause)
            steps.append(self.step(clause))
            while self.took(","):
                steps.append(self.step(clause))
        attributes = frozenset(name for name, _ in steps)
        if not steps or len(attributes) != len(steps):
            raise NotUnderstood(f"{self.text}: changes nothing, or one attribute twice")

        def changed(item: Item, values: Values) -> Item:
            """Every step reads the item as it was before."""
            after = {name: step(item, values) for name, step in steps}
            return {name: v for name, v in {**item, **after}.items() if v is not None}

        return changed, attributes

    def step(self, clause: str) -> tuple[str, Operand]:
        name = self.name()
        if clause == "REMOVE":
            return name, lambda _, __: None
        if clause == "ADD":
            by = self.value()
            return name, lambda item, values: _sum(item.get(name, _ZERO), values[by], 1)
        self.must("=")
        first = self.operand()
        if self.peek() not in {"+", "-"}:
            return name, first
        sign = 1 if self.next() == "+" else -1
        second = self.operand()
        return name, lambda item, values: _sum(first(item, values), second(item, values), sign)

    def operand(self) -> Operand:
        if self.peek().startswith(":"):
            value = self.value()
            return lambda _, values: values[value]
        name = self.name()

        def read(item: Item, _: Values) -> Any:
            if name not in item:
                raise NotUnderstood(f"{self.text}: the item has no {name}")
            return item[name]

        return read

    # --- words ----------------------------------------------------------------------------------

    def name(self) -> str:
        token = self.next()
        if token.startswith("#"):
            if token not in self.names:
                raise NotUnderstood(f"{self.text}: {token} is not defined")
            return self.names[token]
        reserved = token.upper() in _reserved()
        if reserved or not token.isidentifier() or token in _CLAUSES:
            raise NotUnderstood(f"{self.text}: {token or 'its end'} is no attribute's name")
        return token

    def value(self) -> str:
        token = self.next()
        if not token.startswith(":"):
            raise NotUnderstood(f"{self.text}: {token or 'its end'} is no value")
        return str(token)


_ZERO = {"N": "0"}
_COMPARED: Mapping[str, Callable[[int], bool]] = {
    "=": lambda order: order == 0,
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}


@cache
def _reserved() -> frozenset[str]:
    return frozenset(ReservedKeywords.get_reserved_keywords())


def _order(there: Any, asked: Any) -> int | None:
    """-1, 0 or 1; None when the two cannot be compared."""
    if there is None or there.keys() != asked.keys():
        return None
    if "N" in there:
        one, other = int(there["N"]), int(asked["N"])
        return (one > other) - (one < other)
    first, second = _text(there), _text(asked)
    return (first > second) - (first < second)


def _sum(one: Any, other: Any, sign: int) -> dict[str, str]:
    try:
        return {"N": str(int(one["N"]) + sign * int(other["N"]))}
    except KeyError:
        raise NotUnderstood("only numbers are added") from None


def _text(value: Any) -> str:
    """Python compares texts by code point, as DynamoDB compares their UTF-8."""
    try:
        return str(value["S"])
    except KeyError:
        raise NotUnderstood(f"neither text nor whole number: {value}") from None
