"""What our system answers to a case, by the translation that its kind has."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.cases.reading import Keys, NotUnderstoodError
from tests.integration.world import World, world

Case = Mapping[str, Any]
Facts = dict[str, Any]
Pure = Mapping[str, Callable[[Keys, Any, Keys], Facts]]
Stored = Mapping[str, Callable[[Keys, Any, Keys, World], Facts]]


def observe(case: Case, pure: Pure, stored: Stored) -> Facts:
    """``pure`` kinds are worked out by the model, ``stored`` ones by use cases over stores. Fails
    when no kind has it, and when what is given was not all read."""
    given, then = Keys("given", case["given"]), Keys("then", case["then"])
    kind = case["kind"]
    if kind in pure:
        facts = pure[kind](given, case["when"], then)
    elif kind in stored:
        with world() as oms:
            facts = stored[kind](given, case["when"], then, oms)
    else:
        raise NotUnderstoodError(f"kind: {kind}")
    given.done()
    return facts
