"""What is asked for once, by a key of the caller's.

The key is kept with a digest of what was asked for, so that the same again is told from something
else under the same key. Both together are called the name of what was asked for.
"""

import hashlib
from collections.abc import Mapping

from oms.kernel.errors import Conflict


def named(key: str, content: object) -> str:
    """``content`` is anything whose ``repr`` says all of it."""
    return f"{key}:{hashlib.sha256(repr(content).encode()).hexdigest()[:16]}"


def asked_before(name: str, ids: Mapping[str, str], what: str) -> str:
    """The id of the ``what`` (refund, payment, …) of that name; empty when there is none. ``ids``:
    those there are, by their names. Raises ``Conflict`` (``content_differs``, with the id) when
    the key was used for another."""
    if not name:
        return ""
    key = name.rpartition(":")[0]
    for other, known in ids.items():
        if other == name:
            return known
        if other.rpartition(":")[0] == key:
            raise Conflict(
                f"this key was used for another {what}",
                code="content_differs",
                context={f"{what}_id": known},
            )
    return ""
