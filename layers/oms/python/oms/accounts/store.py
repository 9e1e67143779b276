"""What the use cases need of accounts. ``oms.aws.account_store`` implements it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from oms.accounts.decisions import Change
from oms.accounts.model import Account, AccountEntry, Hold, Invoice
from oms.kernel.writes import Write


@dataclass(frozen=True, slots=True)
class AccountPage:
    accounts: tuple[Account, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class AccountEntryPage:
    entries: tuple[AccountEntry, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class InvoicePage:
    invoices: tuple[Invoice, ...]
    cursor: str | None


class Accounts(Protocol):
    def find(self, account_id: str) -> Account | None: ...

    def by_code(self, digest: str) -> str:
        """The id of the gift card whose code has this digest; empty when there is none."""

    def open(self, change: Change, code_digest: str = "") -> bool:
        """False when an account has this id already. Raises ``Conflict`` (``code_taken``) when
        another gift card has the code."""

    def done(self, account_id: str, key: str) -> AccountEntry | None:
        """The entry that was made under ``key``."""

    def hold(self, account_id: str, hold_id: str) -> Hold | None: ...

    def numbered(self, account_id: str, numbers: Sequence[str]) -> Sequence[Invoice]:
        """Those that there are, in the order of the numbers."""

    def open_invoices(self, account_id: str, limit: int) -> Sequence[Invoice]:
        """The oldest due first."""

    def commit(self, before: Account, change: Change) -> None:
        """All of the change or nothing. Raises ``VersionConflict`` when the account is no longer
        ``before``, or the entry's key was used meanwhile. What belongs to an account has to be read
        after ``before``: then its version guards that too."""

    def committing(self, before: Account, change: Change) -> list[Write]:
        """The writes of ``commit``, for the transaction of what the change is for; each is refused
        with ``VersionConflict``."""

    def of_customer(self, customer: str, limit: int, cursor: str | None) -> AccountPage: ...

    def entries(self, account_id: str, limit: int, cursor: str | None) -> AccountEntryPage:
        """Newest first."""

    def invoices(
        self,
        account_id: str,
        due_before: date | None,
        open_only: bool,
        limit: int,
        cursor: str | None,
    ) -> InvoicePage:
        """By number; only those that are open, or were due before a day, by the day they are due
        on."""

    def count_guess(self, who: str, most: int, now: datetime) -> bool:
        """Count a guess that is about to be looked at; false when there were too many of late."""

    def forgive_guess(self, who: str, now: datetime) -> None:
        """It was right: it does not count. ``now`` is that of the count."""
