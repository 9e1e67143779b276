"""A hot SKU is spread over counters, because one item takes only so many writes a second. Pure.

Counter 0 is the balance itself, *at home*; 1, 2, … hold a part of its units each. A taking begins
at the counter that its id falls on, so that takings spread evenly; then it tries the others; only
when no single one has enough does it take from several.

What is taken is given back, or shipped, from the counter it was taken from, unless that was
gathered meanwhile: then its reserved units are at home. This always adds up. Let L be the units
that are held in the name of a counter, R what it has reserved. Taking adds to both; giving back q
takes min(q, R) from R; gathering sets R to zero. So L ≥ R, and what home has reserved is at least
the sum of L − R over the others: the rest of a giving back, q − min(q, R) ≤ L − R, is there.
"""

import zlib
from collections.abc import Sequence

MOST = 16


def first(key: str, counters: int) -> int:
    """The counter at which whoever ``key`` names begins."""
    return zlib.crc32(key.encode()) % counters


def _then(key: str, counters: int) -> list[int]:
    """The order in which the counters are tried: another one for everybody, so that those who find
    one empty do not all go to the next."""
    return sorted(range(counters), key=lambda one: zlib.crc32(f"{one}:{key}".encode()))


def pick(available: Sequence[int], quantity: int, key: str) -> tuple[tuple[int, int], ...]:
    """(counter, units) to take ``quantity`` from, for whoever ``key`` names; empty when all of them
    together do not have it. ``available`` is by counter."""
    begins = first(key, len(available))
    if available[begins] >= quantity:
        return ((begins, quantity),)
    order = _then(key, len(available))
    for counter in order:
        if available[counter] >= quantity:
            return ((counter, quantity),)
    taken: list[tuple[int, int]] = []
    for counter in sorted(order, key=lambda one: -available[one]):
        units = min(quantity, max(0, available[counter]))
        if units:
            taken.append((counter, units))
            quantity -= units
    return tuple(taken) if not quantity else ()


def is_short(available: Sequence[int], counter: int, key: str) -> bool:
    """Whether whoever took from ``counter`` found too little where it began, while most is at home:
    receipts are booked there, so it is time to share out."""
    return counter != first(key, len(available)) and available[0] > sum(available[1:])


def shares(available: Sequence[int]) -> tuple[int, ...]:
    """Units that each further counter (1, 2, …) is given from home so that all have the same,
    as far as what is at home goes. What does not divide stays at home."""
    fair = sum(max(0, units) for units in available) // len(available)
    spare = max(0, available[0] - fair)
    given: list[int] = []
    for units in available[1:]:
        share = min(spare, max(0, fair - units))
        spare -= share
        given.append(share)
    return tuple(given)
