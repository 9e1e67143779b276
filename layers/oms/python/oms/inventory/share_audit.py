"""Channels' parts, held against who took of them and what is owed. Pure: what the tables hold is
passed in."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from oms.inventory.ledger import Shortfall
from oms.inventory.position import Share
from oms.inventory.shares import Borrow, Holding, borrowed

Sums = dict[tuple[str, str], int]


def misshared(
    shares: Mapping[str, Sequence[Share]],
    holdings: Iterable[Holding],
    owed: Iterable[Borrow],
) -> Iterator[Shortfall]:
    """Where a part was granted something else than is left of it, lent and taken, and where it lent
    something else than is owed to it. ``shares`` by SKU; ``holdings`` that were not given back;
    ``owed``: borrows that are open. What was taken before a channel had its present part is of no
    part until it comes back."""
    since = {(sku, share.channel): share.since for sku, parts in shares.items() for share in parts}
    held, lent = list(holdings), list(owed)
    lent_by = _lent(lent, since)
    taken_by, unknown = _taken(held, lent, since)
    for sku in sorted(shares):
        for share in shares[sku]:
            part = (sku, share.channel)
            if share.lent != lent_by.get(part, 0):
                told = lent_by.get(part, 0)
                yield Shortfall(sku, "", f"lent by {share.channel}", share.lent, told)
            due = share.left + share.lent + taken_by.get(part, 0)
            if share.granted != due and part not in unknown:
                yield Shortfall(sku, "", f"granted to {share.channel}", share.granted, due)


def _lent(owed: Iterable[Borrow], since: Mapping[tuple[str, str], datetime | None]) -> Sums:
    sums: Sums = {}
    for borrow in owed:
        part = (borrow.sku, borrow.lender)
        if _is_of(part, borrow.at, since):
            sums[part] = sums.get(part, 0) + borrow.open
    return sums


def _taken(
    holdings: Iterable[Holding],
    owed: Iterable[Borrow],
    since: Mapping[tuple[str, str], datetime | None],
) -> tuple[Sums, set[tuple[str, str]]]:
    """What was borrowed and repaid is the borrower's own. Of a part that is newer than a borrow of
    its channel nobody knows how much of it that repaid."""
    still = {(one.sku, one.holder, one.lender, one.at): one.open for one in owed}
    sums: Sums = {}
    unknown: set[tuple[str, str]] = set()
    for holding in holdings:
        lent = borrowed(holding.channel, holding.parts)
        for part in holding.parts:
            units, source = part.units, part.source
            if part in lent:
                units -= still.get((holding.sku, holding.holder, source, holding.at), 0)
                source = holding.channel
            key = (holding.sku, source)
            if _is_of(key, holding.at, since):
                sums[key] = sums.get(key, 0) + units
            elif part in lent:
                unknown.add(key)
    return sums, unknown


def _is_of(
    part: tuple[str, str], at: datetime, since: Mapping[tuple[str, str], datetime | None]
) -> bool:
    if part not in since:
        return False
    begun = since[part]
    return begun is None or begun <= at
