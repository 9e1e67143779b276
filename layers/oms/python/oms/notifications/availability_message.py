"""The message that a SKU should be looked at, and what it is known by."""

from dataclasses import dataclass
from hashlib import sha256

# Seconds in which all changes of a SKU become one message.
WINDOW = 5


@dataclass(frozen=True, slots=True)
class Look:
    """The SKU changed before ``until``, in whole Unix seconds. Without a channel it is for all that
    want to know."""

    sku: str
    until: int
    channel: str = ""


def window_end(at: float) -> int:
    """The end of the window that holds a moment, both in Unix seconds."""
    return (int(at) // WINDOW + 1) * WINDOW


def key(*names: str) -> str:
    """SKUs and channel ids are longer, and of more characters, than queues and headers take."""
    return sha256("#".join(names).encode()).hexdigest()
