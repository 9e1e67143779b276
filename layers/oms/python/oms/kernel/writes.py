"""A write that one capability prepares and another commits, so that both happen or neither."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oms.kernel.errors import OmsError


@dataclass(frozen=True, slots=True)
class Write:
    """``request`` is a member of a DynamoDB transaction; ``refusal`` is raised when its condition
    fails. Use cases pass it on and never look inside."""

    request: Mapping[str, Any]
    refusal: OmsError
