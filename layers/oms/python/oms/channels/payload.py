"""Reading other people's JSON: what is not there or not of the right kind is named by its path."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NoReturn

from oms.kernel.clock import parse_rfc3339
from oms.kernel.errors import Fault, Invalid, MalformedRequest
from oms.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Payload:
    """A value somewhere in a document. ``None`` stands for null and for what is not there."""

    value: object
    path: str = ""

    def at(self, *names: str) -> "Payload":
        """The member reached by ``names``; of nothing, nothing. Raises ``Invalid`` on the way
        through something that has no members."""
        found = self
        for name in names:
            found = found._member(name)
        return found

    def __bool__(self) -> bool:
        return self.value is not None

    def elements(self) -> Iterator["Payload"]:
        """The members of a list, none when it is not there."""
        if self.value is None:
            return
        if not isinstance(self.value, list):
            self._refuse("invalid_type", "is not a list")
        for index, value in enumerate(self.value):
            yield Payload(value, f"{self.path}.{index}")

    def members(self) -> dict[str, object]:
        if not isinstance(self.value, dict):
            self._refuse("invalid_type", "is not an object")
        return self.value

    def text(self) -> str:
        """Text that must be there; identifiers may be written as numbers."""
        if self.value is None or self.value == "":
            self._refuse("required", "is missing")
        return self.text_or_empty()

    def text_or_empty(self) -> str:
        if self.value is None:
            return ""
        if isinstance(self.value, bool) or not isinstance(self.value, str | int):
            self._refuse("invalid_type", "is not text")
        return str(self.value)

    def text_or_none(self) -> str | None:
        return self.text_or_empty() if self else None

    def whole_number(self) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self._refuse("invalid_type", "is not a whole number")
        return self.value

    def flag(self) -> bool:
        """False when it is not there."""
        if not isinstance(self.value, bool | None):
            self._refuse("invalid_type", "is neither true nor false")
        return bool(self.value)

    def moment(self) -> datetime:
        """RFC 3339, with a zone."""
        try:
            return parse_rfc3339(self.text())
        except ValueError:
            self._refuse("invalid_time", "is not a time with a zone")

    def unix_seconds(self) -> datetime:
        try:
            return datetime.fromtimestamp(self.whole_number(), UTC)
        except (ValueError, OverflowError, OSError):
            self._refuse("invalid_time", "is no time in Unix seconds")

    def degrees(self) -> float | None:
        if self.value is None:
            return None
        if isinstance(self.value, bool) or not isinstance(self.value, int | Decimal):
            self._refuse("invalid_type", "is not a number")
        return float(self.value)

    def money(self, currency: str) -> Money:
        """A decimal, as text or number. Zeros beyond the currency's decimals are no fault."""
        if isinstance(self.value, bool) or not isinstance(self.value, str | int | Decimal):
            self._refuse("invalid_amount", "is not an amount")
        try:
            return Money.parse(_without_trailing_zeros(str(self.value)), currency)
        except Invalid as fault:
            self._refuse(fault.problem_code, fault.detail)

    def money_or_zero(self, currency: str) -> Money:
        return self.money(currency) if self else Money.zero(currency)

    def money_or_none(self, currency: str) -> Money | None:
        return self.money(currency) if self else None

    def _member(self, name: str) -> "Payload":
        path = f"{self.path}.{name}".removeprefix(".")
        if self.value is None:
            return Payload(None, path)
        return Payload(self.members().get(name), path)

    def _refuse(self, code: str, what: str) -> NoReturn:
        fault = Fault(self.path, code, what)
        raise Invalid(f"{self.path or 'the body'} {what}", code=code, faults=(fault,))


def parse_payload(body: str) -> Payload:
    """Numbers stay exact. Raises ``MalformedRequest`` for anything but a JSON object."""
    try:
        document = json.loads(body, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        raise MalformedRequest("the body is not JSON") from None
    if not isinstance(document, dict):
        raise MalformedRequest("the body is not a JSON object")
    return Payload(document)


def text_of(body: bytes) -> str:
    """Raises ``Invalid`` (``malformed_request``) for what is not UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Invalid("the body is not UTF-8", code="malformed_request") from None


def _without_trailing_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
