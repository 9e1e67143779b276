"""What we believe was paid, refunded and charged back, against what a provider has settled.

Both are compared in exact minor units. Every line of a file comes out in one place, and so does
every movement that was due in it::

    rows   = matched + amount_differs + currency_differs + unknown_to_us + duplicate_at_provider
    due    = matched + amount_differs + currency_differs + missing_at_provider + in_transit

Beside what is ``due``, a row may be about what another period is about: settled a few days late, or
early by a clock that differs. Such a movement is ``elsewhere``: it is found, and not missed. One
that another report has matched is ``settled``; a row about it is a duplicate.

A row names the operation it is about (``specific`` references) or the payment only. By a specific
reference it is about that movement, whatever its amount. By a payment's reference it is about the
movement of the same kind and amount; about one of another amount only when nothing else is left on
either side, because a payment may be captured and refunded in parts.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from oms.kernel.money import Money


class MovementOfMoney(StrEnum):
    """What moved, as both sides name it."""

    CAPTURE = "capture"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    CHARGEBACK_REVERSED = "chargeback_reversed"
    REFUND_REVERSED = "refund_reversed"


class SettlementOutcome(StrEnum):
    MATCHED = "matched"
    MISSING = "missing_at_provider"
    UNKNOWN = "unknown_to_us"
    AMOUNT = "amount_differs"
    CURRENCY = "currency_differs"
    DUPLICATE = "duplicate_at_provider"
    IN_TRANSIT = "in_transit"


@dataclass(frozen=True, slots=True)
class Belief:
    """A movement as we have it. ``id`` is its event's; ``amount`` is positive, whichever way the
    money went; ``references`` are all names under which the provider may know it."""

    id: str
    kind: MovementOfMoney
    at: datetime
    order_id: str
    payment_id: str
    amount: Money
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SettledRow:
    """A row about one payment. ``number`` is that of its row in the file, the head being the first;
    the first ``specific`` of its ``references`` name the operation, the others the payment.
    ``transaction`` is the provider's id of the row, empty where it has none."""

    number: int
    kind: MovementOfMoney
    amount: Money
    fee: Money
    references: tuple[str, ...]
    specific: int = 0
    transaction: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class OtherRow:
    """A row about no payment: a payout, a fee, a reserve. ``type`` is the provider's word."""

    number: int
    type: str
    amount: Money
    fee: Money


@dataclass(frozen=True, slots=True)
class Difference:
    """``ours`` or ``theirs`` is missing where the other side has nothing like it."""

    bucket: SettlementOutcome
    ours: Belief | None = None
    theirs: SettledRow | None = None

    @property
    def kind(self) -> MovementOfMoney:
        one = self.ours or self.theirs
        assert one is not None
        return one.kind


@dataclass(frozen=True, slots=True)
class Pair:
    ours: Belief
    theirs: SettledRow


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Differences: those of rows in the order of the file, then what is missing or in transit,
    oldest first."""

    matched: tuple[Pair, ...]
    differences: tuple[Difference, ...]

    def count(self) -> dict[SettlementOutcome, int]:
        found = Counter(one.bucket for one in self.differences)
        return {
            **{bucket: found[bucket] for bucket in SettlementOutcome},
            SettlementOutcome.MATCHED: len(self.matched),
        }


@dataclass(frozen=True, slots=True)
class Total:
    """Minor units of one currency and kind: what we have of what was compared, what they have."""

    currency: str
    kind: MovementOfMoney
    ours: int
    theirs: int


def reconcile(
    due: Sequence[Belief],
    elsewhere: Sequence[Belief],
    settled: Sequence[Belief],
    rows: Sequence[SettledRow],
    in_transit_from: datetime,
) -> Reconciliation:
    """``in_transit_from``: what is younger may still be on its way to the provider's file."""
    search = _Search([*due, *elsewhere], settled)
    search.run(rows)
    ends = {
        number: end
        for number, end in search.ended.items()
        if end.bucket is not SettlementOutcome.MATCHED
    }
    by_row = [ends[row.number] for row in rows if row.number in ends]
    left = sorted(
        (one for one in due if one.id not in search.taken), key=lambda one: (one.at, one.id)
    )
    unsettled = [
        Difference(
            SettlementOutcome.IN_TRANSIT
            if one.at >= in_transit_from
            else SettlementOutcome.MISSING,
            ours=one,
        )
        for one in left
    ]
    matched = tuple(
        Pair(end.ours, end.theirs)
        for row in rows
        if (end := search.ended[row.number]).bucket is SettlementOutcome.MATCHED
        and end.ours
        and end.theirs
    )
    return Reconciliation(matched, (*by_row, *unsettled))


def totals(reconciliation: Reconciliation) -> tuple[Total, ...]:
    """By currency and kind, in that order. ``theirs`` is the sum of all rows about payments."""
    ours: Counter[tuple[str, MovementOfMoney]] = Counter()
    theirs: Counter[tuple[str, MovementOfMoney]] = Counter()
    compared: Iterable[Pair | Difference] = (
        *reconciliation.matched,
        *reconciliation.differences,
    )
    for one in compared:
        # A duplicate is shown beside what it repeats, which is counted where it was matched.
        repeats = isinstance(one, Difference) and one.bucket is SettlementOutcome.DUPLICATE
        if one.ours is not None and not repeats:
            ours[one.ours.amount.currency, one.ours.kind] += one.ours.amount.minor
        if one.theirs is not None:
            theirs[one.theirs.amount.currency, one.theirs.kind] += one.theirs.amount.minor
    keys = sorted({*ours, *theirs})
    return tuple(
        Total(currency, kind, ours[currency, kind], theirs[currency, kind])
        for currency, kind in keys
    )


def fees(rows: Sequence[SettledRow], others: Sequence[OtherRow]) -> tuple[Money, ...]:
    """What the provider kept, by currency; negative where it gave more back than it kept."""
    kept: Counter[str] = Counter()
    for fee in (*(row.fee for row in rows), *(other.fee for other in others)):
        kept[fee.currency] += fee.minor
    return tuple(Money(minor, currency) for currency, minor in sorted(kept.items()) if minor)


_Key = tuple[MovementOfMoney, str]


class _Search:
    """The rows of a file, one reference after another, from the most to the least specific."""

    def __init__(self, beliefs: Sequence[Belief], settled: Sequence[Belief]) -> None:
        self.taken: set[str] = {one.id for one in settled}
        self.ended: dict[int, Difference] = {}
        self._known: dict[_Key, list[Belief]] = defaultdict(list)
        for one in sorted((*beliefs, *settled), key=lambda one: (one.at, one.id)):
            for reference in dict.fromkeys(one.references):
                self._known[one.kind, reference].append(one)

    def run(self, rows: Sequence[SettledRow]) -> None:
        repeated = self._end_repeated(rows)
        for depth in range(max((len(row.references) for row in rows), default=0)):
            open_rows = [row for row in self._open(rows) if depth < len(row.references)]
            for row in open_rows:
                self._take_equal(row, depth)
            self._take_unequal(self._open(open_rows), depth)
        for row in self._open(rows):
            self._end_unmatched(row, row.references)
        for row in repeated:
            self._end(row, SettlementOutcome.DUPLICATE, self._like(row, row.references))

    def _open(self, rows: Sequence[SettledRow]) -> list[SettledRow]:
        return [row for row in rows if row.number not in self.ended]

    def _end_repeated(self, rows: Sequence[SettledRow]) -> list[SettledRow]:
        """The provider's own id says that it is the same row again."""
        seen: set[tuple[str, MovementOfMoney]] = set()
        repeated = []
        for row in rows:
            key = (row.transaction, row.kind)
            if row.transaction and key in seen:
                self._end(row, SettlementOutcome.DUPLICATE, None)
                repeated.append(row)
            seen.add(key)
        return repeated

    def _take_equal(self, row: SettledRow, depth: int) -> None:
        reference = row.references[depth]
        known = self._known[row.kind, reference]
        free = [one for one in known if one.id not in self.taken]
        equal = next((one for one in free if one.amount == row.amount), None)
        if equal is not None:
            self._end(row, SettlementOutcome.MATCHED, equal)
        elif known and not free and depth < row.specific:
            self._end_unmatched(row, (reference,))

    def _take_unequal(self, rows: Sequence[SettledRow], depth: int) -> None:
        alike: Counter[_Key] = Counter((row.kind, row.references[depth]) for row in rows)
        for row in rows:
            key = (row.kind, row.references[depth])
            free = [one for one in self._known[key] if one.id not in self.taken]
            is_plain = depth < row.specific or (len(free) == 1 and alike[key] == 1)
            if not free or not is_plain or self._like(row, (key[1],)):
                continue
            same_currency = [one for one in free if one.amount.currency == row.amount.currency]
            bucket = SettlementOutcome.AMOUNT if same_currency else SettlementOutcome.CURRENCY
            self._end(row, bucket, (same_currency or free)[0])

    def _end_unmatched(self, row: SettledRow, references: Sequence[str]) -> None:
        like = self._like(row, references)
        self._end(row, SettlementOutcome.DUPLICATE if like else SettlementOutcome.UNKNOWN, like)

    def _like(self, row: SettledRow, references: Sequence[str]) -> Belief | None:
        """What the row repeats: of its amount, and settled by another row or report."""
        for reference in references:
            for one in self._known[row.kind, reference]:
                if one.id in self.taken and one.amount == row.amount:
                    return one
        return None

    def _end(self, row: SettledRow, bucket: SettlementOutcome, ours: Belief | None) -> None:
        self.ended[row.number] = Difference(bucket, ours, row)
        if ours is not None and bucket is not SettlementOutcome.DUPLICATE:
            self.taken.add(ours.id)
