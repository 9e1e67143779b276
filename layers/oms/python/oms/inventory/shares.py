"""Demand classes: which channel may have how many units of a SKU. Pure.

The free units of a SKU lie in parts. A channel with a share is granted that part of whatever comes;
a channel with a cap has units set aside up to its cap, out of what no share claims; the rest is
``EVERYBODY``'s. A channel takes from its own part, then from everybody's, then it borrows from the
channels its rule names. One with a cap does not take from everybody's part: the cap is a ceiling.
One without a rule takes from everybody's part only.

What is borrowed is owed. It goes back when its holder gives the units back; if they are sold, the
next units that come for the borrower repay it, before the borrower has any for itself.

A channel whose rule goes and comes back has a new part: what was taken or borrowed of the old one
is everybody's when it comes back.

In each part ``granted = left + lent + what holders took of it``; nothing here makes any negative.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from oms.inventory.model import Entry, MovementKind
from oms.inventory.position import Position, Share, ShareRule
from oms.kernel.errors import Faults

# Not a name that a channel can have.
EVERYBODY = "*"
MOST_RULES = 20
# A SKU then takes at most nine writes of a transaction: five parts, three borrows, one holding.
MOST_LENDERS = 3


@dataclass(frozen=True, slots=True)
class Part:
    """Units taken, and of which channel's part; ``EVERYBODY`` for what is nobody's own."""

    source: str
    units: int


@dataclass(frozen=True, slots=True)
class Holding:
    """What an order or a reservation took of a SKU for its channel."""

    sku: str
    holder: str
    channel: str
    at: datetime
    parts: tuple[Part, ...]


def further(holder: str, number: int) -> str:
    """The name under which a holder takes some more of what it holds some of already. ``number``
    is another one each time."""
    return f"{holder}#{number}"


@dataclass(frozen=True, slots=True)
class Borrow:
    """``units`` that ``borrower`` had from ``lender`` for a holder; ``open`` are still owed."""

    sku: str
    holder: str
    borrower: str
    lender: str
    units: int
    open: int
    at: datetime
    returned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one part, signed."""

    source: str
    granted: int = 0
    left: int = 0
    lent: int = 0


@dataclass(frozen=True, slots=True)
class Repayment:
    borrow: Borrow
    units: int


# --- rules ----------------------------------------------------------------------------------


def check_rules(rules: Sequence[ShareRule], faults: Faults) -> None:
    """Raises ``Invalid`` with every fault, those found before included."""
    channels = [rule.channel for rule in rules]
    if sum(rule.share or Decimal(0) for rule in rules) > 1:
        faults.add("rules", "share_above_whole", "the shares are more than the whole")
    for number, rule in enumerate(rules):
        path = f"rules.{number}"
        if (rule.share is None) == (rule.cap is None):
            faults.add(path, "share_or_cap", "a channel has a share or a cap, one of them")
        if rule.channel in channels[:number]:
            faults.add(f"{path}.channel", "channel_twice", f"{rule.channel!r} has a rule already")
        for lender in rule.borrows_from:
            if lender == rule.channel:
                faults.add(f"{path}.borrows_from", "own_lender", "nobody borrows from itself")
            elif lender not in channels:
                message = f"{lender!r} has no rule, and nothing to lend"
                faults.add(f"{path}.borrows_from", "unknown_lender", message)
        if len(set(rule.borrows_from)) < len(rule.borrows_from):
            faults.add(f"{path}.borrows_from", "lender_twice", "a lender is named once")
    faults.refuse("the shares break a rule")


# --- what a channel may have ----------------------------------------------------------------


def available_to(channel: str, position: Position) -> int:
    """Units that a channel may be promised now: of what is available where it is sold, what is not
    held back from it and not somebody else's part."""
    policy = position.policy
    sold = (balance for balance in position.balances if balance.node not in policy.not_sold_at)
    free = sum(max(0, balance.available) for balance in sold)
    free -= policy.held_back.get(channel, 0)
    if position.shares:
        free = min(free, sum(part.units for part in _reach(channel, position.shares)))
    return max(0, free)


def owed_ahead(channel: str, position: Position) -> int:
    """Units that orders wait for and will have before anybody else of the channel. Of a SKU with
    shares only those count that wait for the same part."""
    parts = {share.channel for share in position.shares}
    if not parts:
        return position.owed
    if channel in parts:
        return position.owed_to.get(channel, 0)
    return sum(units for other, units in position.owed_to.items() if other not in parts)


def parts_for(channel: str, units: int, shares: Sequence[Share]) -> tuple[Part, ...] | None:
    """Whose units a channel takes; None when all it may have is less."""
    taken: list[Part] = []
    for part in _reach(channel, shares):
        if most := min(part.units, units):
            taken.append(Part(part.source, most))
            units -= most
    return tuple(taken) if not units else None


def borrowed(channel: str, parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(part for part in parts if part.source not in (channel, EVERYBODY))


def _reach(channel: str, shares: Sequence[Share]) -> Iterator[Part]:
    """What it may take of each part, in the order it takes them."""
    by_channel = {share.channel: share for share in shares}
    everybody = by_channel.get(EVERYBODY, Share(EVERYBODY, 0, 0))
    own = by_channel.get(channel)
    if own is None:
        yield Part(EVERYBODY, everybody.left)
        return
    yield Part(channel, own.left)
    if own.rule.cap is None:
        yield Part(EVERYBODY, everybody.left)
    for lender in own.rule.borrows_from:
        if lender in by_channel:
            yield Part(lender, _lendable(by_channel[lender]))


def _lendable(lender: Share) -> int:
    if lender.rule.lends is None:
        return lender.left
    return max(0, min(lender.left, lender.rule.lends - lender.lent))


# --- taking and giving back -----------------------------------------------------------------


def take(channel: str, parts: Sequence[Part]) -> tuple[Change, ...]:
    lenders = {part.source for part in borrowed(channel, parts)}
    return tuple(
        Change(part.source, left=-part.units, lent=part.units if part.source in lenders else 0)
        for part in parts
    )


def give_back(
    holding: Holding, owed: Mapping[str, int], shares: Sequence[Share]
) -> tuple[Change, ...]:
    """Every unit goes to the part it came from. ``owed``: by lender, what is still owed of the
    holding's borrows; what has been repaid since is the channel's own by now."""
    changes = _Changes(shares, holding.at)
    lenders = {part.source for part in borrowed(holding.channel, holding.parts)}
    for part in holding.parts:
        if part.source not in lenders:
            changes.put_back(part.source, part.units)
            continue
        open_units = owed.get(part.source, 0)
        changes.return_to(part.source, open_units)
        changes.put_back(holding.channel, part.units - open_units)
    return changes.made()


def give_back_unknown(units: int) -> tuple[Change, ...]:
    """Units that were taken before there were rules are everybody's."""
    return (Change(EVERYBODY, granted=units, left=units),) if units else ()


def parted(parts: Sequence[Part], units: int) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """What is kept of a holding's parts, and the ``units`` that are returned: those that were the
    last to be taken."""
    kept: list[Part] = []
    returned: list[Part] = []
    for part in reversed(parts):
        back = min(part.units, units)
        units -= back
        if back:
            returned.append(Part(part.source, back))
        if back < part.units:
            kept.append(Part(part.source, part.units - back))
    return tuple(reversed(kept)), tuple(reversed(returned))


def together(changes: Iterable[Change]) -> tuple[Change, ...]:
    """One change for each part: a transaction writes an item once."""
    made: dict[str, Change] = {}
    for by in changes:
        was = made.get(by.source, Change(by.source))
        made[by.source] = Change(
            by.source, was.granted + by.granted, was.left + by.left, was.lent + by.lent
        )
    return tuple(one for one in made.values() if one.granted or one.left or one.lent)


# --- what comes and goes --------------------------------------------------------------------


def free_units(entries: Iterable[Entry]) -> dict[str, int]:
    """By SKU, how many more units the entries of a movement let be sold, signed. What travels
    between nodes stays in its parts, until some of it does not arrive."""
    units: dict[str, int] = {}
    for entry in entries:
        travels = entry.kind in (MovementKind.TRANSFER, MovementKind.ARRIVAL)
        free = entry.available + (entry.incoming if travels else 0)
        units[entry.sku] = units.get(entry.sku, 0) + free
    return {sku: free for sku, free in units.items() if free}


def receive(
    units: int, shares: Sequence[Share], debts: Sequence[Borrow]
) -> tuple[tuple[Change, ...], tuple[Repayment, ...]]:
    """Grant ``units`` that came; what a borrower is granted repays its ``debts`` first, in the
    order they are given."""
    changes = _Changes(shares)
    repayments: list[Repayment] = []
    for channel, granted in distribute(units, shares).items():
        rest = granted
        for debt in debts:
            repaid = min(rest, debt.open) if debt.borrower == channel else 0
            if repaid:
                rest -= repaid
                changes.return_to(debt.lender, repaid, debt.at)
                repayments.append(Repayment(debt, repaid))
        changes.change(Change(channel, granted=granted, left=rest))
    return changes.made(), tuple(repayments)


def distribute(units: int, shares: Sequence[Share]) -> dict[str, int]:
    """``units`` over the parts, by largest remainder; of equals the earlier rule's. What no share
    claims fills the caps, in the order of the rules, and is everybody's then."""
    rules = [share.rule for share in shares if share.channel != EVERYBODY]
    weights = {rule.channel: Fraction(rule.share) for rule in rules if rule.share is not None}
    weights[EVERYBODY] = 1 - sum(weights.values(), Fraction(0))
    parts = _by_largest_remainder(units, weights)
    for share in shares:
        if share.rule.cap is not None:
            room = max(0, share.rule.cap - share.left)
            parts[share.channel] = min(room, parts[EVERYBODY])
            parts[EVERYBODY] -= parts[share.channel]
    return {channel: part for channel, part in parts.items() if part}


def withdraw(units: int, shares: Sequence[Share]) -> tuple[Change, ...]:
    """Units are gone: out of everybody's part first, then out of the others in proportion to what
    is left in them. More than is left in all was not in any part."""
    left = {share.channel: share.left for share in shares if share.left}
    first = min(units, left.pop(EVERYBODY, 0))
    gone = {EVERYBODY: first} if first else {}
    if rest := min(units - first, sum(left.values())):
        weights = {channel: Fraction(own) for channel, own in left.items()}
        gone |= _by_largest_remainder(rest, weights)
    return tuple(Change(source, granted=-most, left=-most) for source, most in gone.items() if most)


def rearrange(
    units: int, rules: Sequence[ShareRule], shares: Sequence[Share], at: datetime | None = None
) -> tuple[Share, ...]:
    """The parts under new rules: ``units`` that are free now are granted anew; what holders took
    and what is lent stays with the channel it was counted for."""
    before = {share.channel: share for share in shares}
    empty = [
        Share(rule.channel, 0, 0, 0, rule, since=at) for rule in (*rules, ShareRule(EVERYBODY))
    ]
    parts = distribute(units, empty)
    return tuple(
        _rearranged(part, parts.get(part.channel, 0), before.get(part.channel)) for part in empty
    )


def _rearranged(part: Share, left: int, before: Share | None) -> Share:
    if before is None:
        return replace(part, granted=left, left=left)
    taken_or_lent = before.granted - before.left
    return replace(
        part, granted=left + taken_or_lent, left=left, lent=before.lent, since=before.since
    )


def changed(shares: Sequence[Share], changes: Iterable[Change]) -> tuple[Share, ...]:
    by_source = {change.source: change for change in changes}
    return tuple(
        _changed(share, by_source[share.channel]) if share.channel in by_source else share
        for share in shares
    )


def _changed(share: Share, change: Change) -> Share:
    return replace(
        share,
        granted=share.granted + change.granted,
        left=share.left + change.left,
        lent=share.lent + change.lent,
    )


def _by_largest_remainder(units: int, weights: Mapping[str, Fraction]) -> dict[str, int]:
    whole = sum(weights.values())
    exact = {name: units * weight / whole for name, weight in weights.items()}
    parts = {name: int(part) for name, part in exact.items()}
    by_remainder = sorted(exact, key=lambda name: parts[name] - exact[name])
    for name in by_remainder[: units - sum(parts.values())]:
        parts[name] += 1
    return parts


class _Changes:
    """One change for each part: a transaction writes an item once. ``at``: when what comes back was
    taken."""

    def __init__(self, shares: Sequence[Share], at: datetime | None = None) -> None:
        self._since = {share.channel: share.since for share in shares}
        self._at = at
        self._made: list[Change] = []

    def change(self, by: Change) -> None:
        self._made.append(by)

    def put_back(self, source: str, units: int) -> None:
        """To the part they were taken from; everybody's when it is no more."""
        if self._was_there(source, self._at):
            self.change(Change(source, left=units))
        else:
            self.change(Change(EVERYBODY, granted=units, left=units))

    def return_to(self, lender: str, units: int, at: datetime | None = None) -> None:
        """``at``: when it was lent, if that is not when all of it was taken."""
        if self._was_there(lender, at or self._at):
            self.change(Change(lender, left=units, lent=-units))
        else:
            self.change(Change(EVERYBODY, granted=units, left=units))

    def _was_there(self, source: str, at: datetime | None) -> bool:
        if source not in self._since:
            return False
        since = self._since[source]
        return since is None or at is None or since <= at

    def made(self) -> tuple[Change, ...]:
        return together(self._made)
