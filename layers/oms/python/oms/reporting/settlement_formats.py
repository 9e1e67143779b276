"""Settlement files, as providers write them: CSV in, rows about payments out. Pure.

A format is a row of ``FORMATS``: which column says what, and which of the provider's words are
which movement. Sources: Stripe, "balance change from activity" and "payout reconciliation", both
itemised; Adyen, settlement details report; PayPal, settlement report (STL), section bodies; Mercado
Pago, account balance report. ``generic`` is ours, see docs/reconciliation.md.

UTF-8, with or without a byte order mark; fields separated by comma, semicolon or tab, quoted where
need be. Amounts have a point or a comma before their decimals; they are exact, or a fault. Rows are
numbered as a spreadsheet shows them: the head is row 1.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from oms.kernel.errors import Faults, Invalid, TooLarge
from oms.kernel.money import Money, exponent, total
from oms.reporting.settlement import MovementOfMoney, OtherRow, SettledRow

MAX_ROWS = 20_000
_FAULTS_SHOWN = 100
_LONGEST_FIELD = 255
# Each has a total in the report.
_MOST_TOTALS = 200
_SEPARATORS = ",;\t"
_CURRENCY = re.compile(r"[A-Z]{3}")

# Money that comes to us; of the others it leaves us.
_TO_US = (
    MovementOfMoney.CAPTURE,
    MovementOfMoney.CHARGEBACK_REVERSED,
    MovementOfMoney.REFUND_REVERSED,
)


@dataclass(frozen=True, slots=True)
class Format:
    """Columns by name. ``kinds`` are the provider's words in the column ``type``, in lower case; a
    word may be the beginning of several, when it ends in ``*``. Rows of other words are about no
    payment. A row of ``reduces`` takes away from the capture with the same first reference.

    ``amount`` is signed as seen from us, unless ``debit`` is set: then one of the two columns has
    it. ``sides`` is a column that says ``CR`` or ``DR`` instead. ``unsigned``: what moved says
    which way. ``minor``: amounts are whole minor units. ``shown`` are the columns of what the
    customer saw, amount and currency, where they are set; ``amount`` says which way.

    ``fees`` add up; ``fee_sign`` is -1 where what is kept is written as negative. ``specific``
    columns name the operation, ``payment`` columns the payment. ``net`` are the columns, in and
    out, of an amount that concerns no payment. ``others`` are all the words that may do so; any,
    when it is ``None``. ``marks`` are the first fields of the head and of the rows that count, in a
    file with other rows beside.
    """

    name: str
    type: str
    kinds: Mapping[str, MovementOfMoney]
    amount: str
    currency: str
    at: tuple[str, ...]
    specific: tuple[str, ...]
    payment: tuple[str, ...]
    debit: str = ""
    sides: str = ""
    unsigned: bool = False
    minor: bool = False
    shown: tuple[str, str] = ("", "")
    fees: tuple[str, ...] = ()
    fee_currency: str = ""
    fee_sides: str = ""
    fee_sign: int = 1
    net: tuple[str, ...] = ()
    others: frozenset[str] | None = None
    transaction: str = ""
    reduces: frozenset[str] = frozenset()
    marks: tuple[str, str] = ("", "")

    @property
    def needed(self) -> tuple[str, ...]:
        """Without these columns nothing can be read; at least one reference comes with them."""
        named = (self.type, self.amount, self.debit, self.sides, self.currency)
        return tuple(dict.fromkeys(name for name in named if name))

    @property
    def read(self) -> tuple[str, ...]:
        """All columns that anything is read from."""
        named = (
            *self.needed,
            *self.shown,
            *self.fees,
            self.fee_currency,
            self.fee_sides,
            *self.net,
            self.transaction,
            *self.at,
            *self.specific,
            *self.payment,
        )
        return tuple(dict.fromkeys(name for name in named if name))


_CAPTURE, _REFUND, _CHARGEBACK = (
    MovementOfMoney.CAPTURE,
    MovementOfMoney.REFUND,
    MovementOfMoney.CHARGEBACK,
)
_WON, _BOUNCED = MovementOfMoney.CHARGEBACK_REVERSED, MovementOfMoney.REFUND_REVERSED

FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format(
            name="generic",
            type="type",
            kinds={kind.value: kind for kind in MovementOfMoney},
            amount="amount",
            unsigned=True,
            currency="currency",
            fees=("fee",),
            others=frozenset({"payout", "fee", "other"}),
            at=("settled_at",),
            specific=("provider_reference",),
            payment=("payment_id",),
        ),
        Format(
            name="stripe",
            type="reporting_category",
            kinds={
                "charge": _CAPTURE,
                "refund": _REFUND,
                "dispute": _CHARGEBACK,
                "dispute_reversal": _WON,
                "refund_failure": _BOUNCED,
            },
            # A capture of less than was held is the whole charge, and what was not captured of it.
            reduces=frozenset({"partial_capture_reversal"}),
            amount="gross",
            currency="currency",
            shown=("customer_facing_amount", "customer_facing_currency"),
            fees=("fee",),
            at=("created_utc", "created"),
            specific=("source_id", "refund_metadata[refund_id]"),
            payment=("payment_intent_id", "charge_id", "payment_metadata[payment_id]"),
            transaction="balance_transaction_id",
        ),
        Format(
            name="adyen",
            type="Type",
            kinds={
                "settled": _CAPTURE,
                "refunded": _REFUND,
                "chargeback": _CHARGEBACK,
                "secondchargeback": _CHARGEBACK,
                "chargebackreversed": _WON,
                "refundedreversed": _BOUNCED,
            },
            amount="Gross Credit (GC)",
            debit="Gross Debit (GC)",
            currency="Gross Currency",
            fees=(
                "Commission (NC)",
                "Markup (NC)",
                "Scheme Fees (NC)",
                "Interchange (NC)",
            ),
            fee_currency="Net Currency",
            net=("Net Credit (NC)", "Net Debit (NC)"),
            at=("Booking Date", "Creation Date"),
            specific=("Modification Reference", "Modification Merchant Reference"),
            payment=("Psp Reference", "Merchant Reference"),
        ),
        Format(
            name="paypal",
            type="Transaction Event Code",
            kinds={
                "t00*": _CAPTURE,
                "t1107": _REFUND,
                "t1106": _CHARGEBACK,
                "t1201": _CHARGEBACK,
                "t1202": _WON,
            },
            amount="Gross Transaction Amount",
            currency="Gross Transaction Currency",
            sides="Transaction Debit or Credit",
            minor=True,
            fees=("Fee Amount",),
            fee_currency="Fee Currency",
            fee_sides="Fee Debit or Credit",
            at=("Transaction Completion Date", "Transaction Initiation Date"),
            specific=("Transaction ID",),
            payment=("PayPal Reference ID", "Invoice ID", "Custom Field"),
            transaction="Transaction ID",
            marks=("CH", "SB"),
        ),
        Format(
            name="mercadopago",
            type="TRANSACTION_TYPE",
            kinds={"settlement": _CAPTURE, "refund": _REFUND, "chargeback": _CHARGEBACK},
            amount="TRANSACTION_AMOUNT",
            unsigned=True,
            currency="TRANSACTION_CURRENCY",
            fees=("FEE_AMOUNT",),
            fee_currency="SETTLEMENT_CURRENCY",
            fee_sign=-1,
            at=("SETTLEMENT_DATE", "TRANSACTION_DATE"),
            specific=(),
            payment=("SOURCE_ID", "EXTERNAL_REFERENCE"),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class SettlementFile:
    """``reduced`` rows were taken off the captures they belong to, and are in neither list."""

    rows: tuple[SettledRow, ...]
    others: tuple[OtherRow, ...]
    reduced: int = 0


def read_settlement(text: str, written: Format) -> SettlementFile:
    """Raises ``Invalid`` with the faults of all rows (at most a hundred are shown), as
    ``csv.<row>.<column>``, and ``TooLarge`` beyond ``MAX_ROWS``, or when there are more types or
    currencies than a provider has."""
    faults = Faults()
    records = list(_records(text.removeprefix("\ufeff"), faults))
    reading = _Reading(written, faults, _head(records, written, faults))
    faults.refuse("the file cannot be read")
    body = [record for record in records[1:] if not written.marks[1] or _is_marked(record, written)]
    if len(body) > MAX_ROWS:
        raise TooLarge(
            f"the file has {len(body)} rows, the limit is {MAX_ROWS}",
            code="too_many_rows",
            context={"limit": "rows", "maximum": MAX_ROWS, "actual": len(body)},
        )
    for number, fields in body:
        reading.take(number, fields)
    if not body:
        faults.add("csv", "no_rows", "the file has a head and no row")
    faults.found = faults.found[:_FAULTS_SHOWN]
    faults.refuse("rows of the file cannot be read")
    file = reading.file()
    for what, count in (("types", len(_words(file))), ("currencies", len(_currencies(file)))):
        if count > _MOST_TOTALS:
            raise TooLarge(
                f"the file has {count} {what}, the limit is {_MOST_TOTALS}",
                code="too_many_rows",
                context={"limit": what, "maximum": _MOST_TOTALS, "actual": count},
            )
    return file


def _words(file: SettlementFile) -> set[str]:
    return {other.type for other in file.others}


def _currencies(file: SettlementFile) -> set[str]:
    rows: tuple[SettledRow | OtherRow, ...] = (*file.rows, *file.others)
    return {money.currency for row in rows for money in (row.amount, row.fee)}


_Record = tuple[int, list[str]]


def _records(text: str, faults: Faults) -> Iterator[_Record]:
    """Numbered from 1, without empty ones."""
    separator = max(_SEPARATORS, key=_first_line(text).count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    while True:
        number += 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            faults.add(f"csv.{number}", "malformed_row", str(error))
            return
        if any(value.strip() for value in fields):
            yield number, [value.strip() for value in fields]


def _first_line(text: str) -> str:
    return re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0]


def _head(records: list[_Record], written: Format, faults: Faults) -> Sequence[str]:
    """The names of the columns. What stands before them is dropped from ``records``."""
    while records and written.marks[0] and records[0][1][0].upper() != written.marks[0]:
        records.pop(0)
    if not records:
        faults.add("csv", "no_rows", "the file has no row with the names of its columns")
        return ()
    head = records[0][1]
    for name in written.needed:
        if name not in head:
            faults.add("csv", "missing_column", f"there is no column {name!r}")
    references = (*written.specific, *written.payment)
    if not any(name in head for name in references):
        faults.add("csv", "missing_column", f"one of these is needed: {', '.join(references)}")
    return head


def _is_marked(record: _Record, written: Format) -> bool:
    return record[1][0].upper() == written.marks[1]


@dataclass(slots=True)
class _Reading:
    written: Format
    faults: Faults
    head: Sequence[str]
    rows: list[SettledRow] = field(default_factory=list)
    others: list[OtherRow] = field(default_factory=list)
    reductions: list[SettledRow] = field(default_factory=list)
    columns: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.columns = self.written.read

    def take(self, number: int, fields: list[str]) -> None:
        if len(fields) != len(self.head):
            self.faults.add(
                f"csv.{number}",
                "wrong_field_count",
                f"{len(fields)} fields, the head has {len(self.head)}",
            )
            return
        row = _Row(self.written, dict(zip(self.head, fields, strict=True)), number, self.faults)
        if row.is_too_long(self.columns):
            return
        word = row.said(self.written.type)
        if not word:
            self.faults.add(f"csv.{number}.{self.written.type}", "required", "it says no type")
            return
        kind = _kind(word.lower(), self.written)
        if kind is None and not self._may_be_beside(word, number):
            return
        amount, fee = row.amount() if kind else row.other_amount(), row.fee()
        if amount is None or fee is None:
            return
        if kind is None:
            self.others.append(OtherRow(number, word, amount, fee))
            return
        self._keep(row, word.lower(), kind, amount, fee)

    def _may_be_beside(self, word: str, number: int) -> bool:
        others = self.written.others
        if others is None or word.lower() in others:
            return True
        known = ", ".join((*self.written.kinds, *sorted(others)))
        path = f"csv.{number}.{self.written.type}"
        self.faults.add(path, "unknown_type", f"{word!r} is none of {known}")
        return False

    def _keep(
        self, row: "_Row", word: str, kind: MovementOfMoney, amount: Money, fee: Money
    ) -> None:
        specific, payment = (
            row.references(self.written.specific),
            row.references(self.written.payment),
        )
        if not (specific or payment):
            self.faults.add(f"csv.{row.number}", "no_reference", "it names no payment")
            return
        found = SettledRow(
            number=row.number,
            kind=kind,
            amount=amount,
            fee=fee,
            references=(*specific, *(one for one in payment if one not in specific)),
            specific=len(specific),
            transaction=row.said(self.written.transaction),
            at=next((said for name in self.written.at if (said := row.said(name))), ""),
        )
        if word in self.written.reduces:
            self.reductions.append(found)
            return
        towards_us = amount.minor if kind in _TO_US else -amount.minor
        if self.written.unsigned:
            towards_us = abs(amount.minor)
        if towards_us < 0 and self.written.sides:
            # The same word is used of what we paid somebody ourselves.
            self.others.append(OtherRow(row.number, word, amount, fee))
            return
        if towards_us <= 0:
            message = f"{amount} is not the amount of a {kind}"
            self.faults.add(f"csv.{row.number}.{self.written.amount}", "wrong_sign", message)
            return
        self.rows.append(replace(found, amount=Money(towards_us, amount.currency)))

    def file(self) -> SettlementFile:
        less: dict[str, list[SettledRow]] = defaultdict(list)
        for reduction in self.reductions:
            less[reduction.references[0]].append(reduction)
        rows = [_reduced(row, less) for row in self.rows]
        # Of a capture in another file: shown beside, so that the file's sums hold.
        alone = [
            OtherRow(one.number, "reduction", one.amount, one.fee)
            for left in less.values()
            for one in left
        ]
        others = sorted((*self.others, *alone), key=lambda other: other.number)
        return SettlementFile(tuple(rows), tuple(others), len(self.reductions) - len(alone))


def _reduced(row: SettledRow, less: dict[str, list[SettledRow]]) -> SettledRow:
    if row.kind is not MovementOfMoney.CAPTURE:
        return row
    amount, fee = row.amount, row.fee
    taken = less.get(row.references[0], [])
    for reduction in list(taken):
        same = reduction.amount.currency == amount.currency
        if same and amount.minor + reduction.amount.minor > 0:
            amount, fee = amount + reduction.amount, fee + reduction.fee
            taken.remove(reduction)
    return replace(row, amount=amount, fee=fee)


def _kind(word: str, written: Format) -> MovementOfMoney | None:
    if word in written.reduces:
        return MovementOfMoney.CAPTURE
    if word in written.kinds:
        return written.kinds[word]
    begun = (name for name in written.kinds if name.endswith("*") and word.startswith(name[:-1]))
    found = next(begun, None)
    return written.kinds[found] if found else None


@dataclass(frozen=True, slots=True)
class _Row:
    written: Format
    fields: Mapping[str, str]
    number: int
    faults: Faults

    def said(self, name: str) -> str:
        return self.fields.get(name, "")

    def references(self, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(said for name in names if (said := self.said(name))))

    def is_too_long(self, columns: Sequence[str]) -> bool:
        """It is not said again then: neither a report nor an answer has the room."""
        long = [name for name in columns if len(self.said(name)) > _LONGEST_FIELD]
        for name in long:
            self._fault(name, "too_long", f"a field has at most {_LONGEST_FIELD} characters")
        return bool(long)

    def amount(self) -> Money | None:
        """As seen from us: negative where the money left."""
        amount = self._moved()
        shown, currency = self.written.shown
        if amount is None or not (self.said(shown) and self.said(currency)):
            return amount
        seen = self._money(shown, self.said(currency), currency)
        if seen is None or (seen.minor < 0) == (amount.minor < 0):
            return seen
        return -seen

    def _moved(self) -> Money | None:
        """On our account with the provider."""
        currency = self.said(self.written.currency)
        if self.written.debit:
            name = self.written.amount if self.said(self.written.amount) else self.written.debit
            amount = self._money(name, currency, self.written.currency)
            return -amount if amount is not None and name == self.written.debit else amount
        amount = self._money(self.written.amount, currency, self.written.currency)
        return amount if amount is None else self._sided(amount, self.written.sides, "CR")

    def other_amount(self) -> Money | None:
        """Of a row about no payment, where the amount may stand in other columns, or in none."""
        if self.said(self.written.amount) or self.said(self.written.debit):
            return self.amount()
        for sign, name in zip((1, -1), self.written.net, strict=False):
            if self.said(name):
                amount = self._money(name, self._currency_of_fees(), self.written.fee_currency)
                return amount if amount is None or sign > 0 else -amount
        return self._money("", self._currency_of_fees(), self.written.currency, missing="0")

    def fee(self) -> Money | None:
        """Positive where the provider keeps it."""
        currency, column = self._currency_of_fees(), self.written.fee_currency
        found = [
            self._money(name, currency, column) for name in self.written.fees if self.said(name)
        ]
        if not found:
            return self._money("", currency, self.written.currency, missing="0")
        kept = [one for one in found if one is not None]
        if len(kept) < len(found):
            return None
        fee = total(kept, kept[0].currency)
        sided = self._sided(fee, self.written.fee_sides, "DR")
        return sided if sided is None or self.written.fee_sign > 0 else -sided

    def _currency_of_fees(self) -> str:
        return self.said(self.written.fee_currency) or self.said(self.written.currency)

    def _sided(self, amount: Money, column: str, positive: str) -> Money | None:
        if not column:
            return amount
        side = self.said(column).upper()
        if side not in ("CR", "DR"):
            self._fault(column, "invalid_side", f"{side!r} is neither CR nor DR")
            return None
        return amount if side == positive else -amount

    def _money(
        self, column: str, currency: str, currency_column: str, missing: str = ""
    ) -> Money | None:
        code = currency.upper()
        if not _CURRENCY.fullmatch(code):
            self._fault(currency_column, "unknown_currency", f"{currency!r} is not a currency code")
            return None
        said = self.said(column) or missing
        try:
            return _minor(said, code) if self.written.minor else read_amount(said, code)
        except Invalid as fault:
            self._fault(column, fault.problem_code, fault.detail)
            return None

    def _fault(self, column: str, code: str, message: str) -> None:
        path = f"csv.{self.number}.{column}" if column else f"csv.{self.number}"
        self.faults.add(path, code, message)


def _minor(text: str, currency: str) -> Money:
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise Invalid(f"{text!r} is not a number of minor units", code="invalid_amount")
    return Money(int(text), currency)


def _sign_and_digits(text: str) -> tuple[str, str]:
    if text.startswith("(") and text.endswith(")"):
        return "-", text[1:-1]
    if text.startswith(("-", "\u2212")):
        return "-", text[1:]
    return "", text.removeprefix("+")


_GROUPED = re.compile(r"[0-9]{1,3}(?:[.,' \u00a0][0-9]{3})+")


def read_amount(text: str, currency: str) -> Money:
    """``1234.56``, ``1.234,56``, ``1,234.56``, ``-12,5``, and ``(12.50)``, which is negative. The
    last point or comma stands before the decimals unless it occurs twice. Raises ``Invalid`` for
    what is not exact in minor units, which ``1,234`` of a currency with two decimals is not."""
    sign, digits = _sign_and_digits(text)
    mark = max(",.", key=digits.rfind)
    whole, found, fraction = digits.rpartition(mark)
    if not found or digits.count(mark) > 1:
        whole, fraction = digits, ""
    if not whole.isdigit():
        if not _GROUPED.fullmatch(whole) or (fraction and mark in whole):
            raise Invalid(f"{text!r} is not a decimal amount", code="invalid_amount")
        whole = re.sub(r"\D", "", whole)
    # Currencies without decimals are written with ".00" by some.
    if len(fraction) > exponent(currency) and fraction == "00":
        fraction = ""
    return Money.parse(f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}", currency)
