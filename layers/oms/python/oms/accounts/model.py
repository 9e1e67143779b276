"""Gift cards, store credit, and what companies owe on terms: each account is a ledger.

An entry is immutable and moves ``balance`` and ``held`` by signed amounts, in minor units of the
account's currency. Always, and whatever happens at once::

    balance   = the sum of the entries' amounts     what the customer has; below zero: what it owes
    held      = the sum of what its holds have left what payments may still take
    available = credit_limit + balance - held       never made negative by anything asked for

``credit_limit`` is zero but for terms, where spending is invoiced: the open parts of all invoices,
less what was paid or credited and is of no invoice yet (``unapplied``), are what is owed.

===============  =========  ======  ==============================================================
entry            balance    held    what it is
===============  =========  ======  ==============================================================
``issue``        +                  what an account was opened with
``top_up``       +                  more was put on it
``hold``                    +       a payment was authorised
``release``                 -       what a payment did not take
``spend``        -          -       a payment was captured
``invoice``      -          -       the same on terms: it is owed, and due on a day
``give_back``    +                  a refund
``adjust``       + or -             a correction, or goodwill, with its reason
``expire``       -                  what an expired card had left was written off
``pay_invoice``  +                  the company has paid
``change``                          its state or its terms, as its reason says
===============  =========  ======  ==============================================================
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

AccountKind = Literal["gift_card", "store_credit", "terms"]
AccountState = Literal["open", "blocked", "closed"]
AccountEntryKind = Literal[
    "issue",
    "top_up",
    "hold",
    "release",
    "spend",
    "invoice",
    "give_back",
    "adjust",
    "expire",
    "pay_invoice",
    "change",
]


@dataclass(frozen=True, slots=True)
class Account:
    """``customer`` is whose it is; of terms the company, and ``customers`` who else may buy on
    them. ``unapplied`` is what was paid or credited on terms and is of no invoice yet, ``invoices``
    how many were raised. ``asked`` is what it was opened by: the same again changes nothing.
    """

    id: str
    kind: AccountKind
    currency: str
    opened_at: datetime
    asked: str
    customer: str = ""
    customers: tuple[str, ...] = ()
    state: AccountState = "open"
    expires_at: datetime | None = None
    credit_limit: int = 0
    days_to_pay: int = 0
    balance: int = 0
    held: int = 0
    unapplied: int = 0
    invoices: int = 0
    version: int = 1

    @property
    def available(self) -> int:
        return self.credit_limit + self.balance - self.held

    @property
    def owed(self) -> int:
        return max(0, -self.balance)

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def spendable(self, now: datetime) -> int:
        """What a new payment may hold: nothing while it is blocked, closed or expired."""
        usable = self.state == "open" and not self.is_expired(now)
        return max(0, self.available) if usable else 0

    def may_be_used_by(self, customer: str) -> bool:
        """A gift card by whoever has its code; the others by those they are for."""
        if self.kind == "gift_card":
            return True
        return bool(customer) and customer in (self.customer, *self.customers)


@dataclass(frozen=True, slots=True)
class Hold:
    """What one payment may take. ``left`` can still be spent or released, ``returnable`` was spent
    and not given back; ``invoices`` are the numbers of those it raised."""

    id: str
    amount: int
    order_id: str
    left: int
    returnable: int = 0
    invoices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """``amount`` and ``held`` are signed; ``balance`` and ``held_in_all`` are what they led to.

    ``key`` names it once within its account, and ``asked`` says what was asked for under that key.
    """

    key: str
    kind: AccountEntryKind
    asked: str
    at: datetime
    by: str
    balance: int
    held_in_all: int
    amount: int = 0
    held: int = 0
    reason: str = ""
    order_id: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Invoice:
    """``open`` is what of ``amount`` is neither paid nor credited; ``number`` counts within its
    account, without a gap."""

    number: str
    order_id: str
    amount: int
    open: int
    raised_at: datetime
    due: date

    def is_overdue(self, today: date) -> bool:
        """The day it is due on is the last that is in time."""
        return self.open > 0 and self.due < today
