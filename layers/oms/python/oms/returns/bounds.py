"""How much of returns an order can hold: all of it is written at every step of the order, and what
customers write must never keep their order from going on. Pure."""

from collections.abc import Iterable

from oms.kernel.errors import TooLarge
from oms.orders.model import Order
from oms.returns.model import Return, ReturnLine

MOST_RETURNS = 100
# Characters of notes and proofs, in all returns of an order.
MOST_WORDS = 50_000
# Of one return; inspections likewise.
MOST_RECEIPTS = 100


def check_room(order: Order, lines: Iterable[ReturnLine]) -> None:
    """For one more return. Raises ``TooLarge`` (``too_many_returns``, ``too_large``)."""
    returns = order.progress.returns
    if len(returns) >= MOST_RETURNS:
        raise TooLarge("the order has too many returns", code="too_many_returns")
    words = sum(_words(one.lines) for one in returns) + _words(lines)
    if words > MOST_WORDS:
        raise TooLarge("the notes and proofs of the order's returns are too long")


def check_receipts(found: Return) -> None:
    """For one more receipt, or inspection. Raises ``TooLarge`` (``too_many_receipts``)."""
    if max(len(found.receipts), len(found.inspections)) >= MOST_RECEIPTS:
        raise TooLarge("it came in too many parts", code="too_many_receipts")


def _words(lines: Iterable[ReturnLine]) -> int:
    return sum(len(line.note) + sum(map(len, line.proof)) for line in lines)
