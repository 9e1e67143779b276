"""From the validation library's errors to ours.

Codes are part of the public contract; the names of the library's errors are not.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from oms.kernel.errors import Fault, Invalid

_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
}


def invalid(errors: Iterable[Mapping[str, Any]]) -> Invalid:
    """``errors`` as ``pydantic.ValidationError.errors()`` gives them, at least one. The first one
    names the problem; what was sent is not repeated."""
    faults = tuple(_fault(error) for error in errors)
    return Invalid("the request breaks a rule of its fields", code=faults[0].code, faults=faults)


def _fault(error: Mapping[str, Any]) -> Fault:
    location = error["loc"]
    inside = location[1:] if location and location[0] == "body" else location
    kind = str(error["type"])
    return Fault(".".join(map(str, inside)), _CODES.get(kind, kind), str(error["msg"]))
