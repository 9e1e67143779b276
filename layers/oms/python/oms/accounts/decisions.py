"""What an account allows. Every function answers with the change, and changes nothing itself.

Refusals are ``Conflict`` (409) with what is allowed in their context, as decimal strings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from oms.accounts.ids import invoice_number
from oms.accounts.model import (
    Account,
    AccountEntry,
    AccountEntryKind,
    AccountState,
    Hold,
    Invoice,
)
from oms.kernel.clock import rfc3339
from oms.kernel.errors import Conflict, Invalid
from oms.kernel.events import Cause
from oms.kernel.money import Money

# What is given back to a card that has expired, or is about to, can be spent for so long.
VALID_AFTER_GIVING_BACK = timedelta(days=90)

# That one payment or refund settles: with its other writes they fit one transaction. What is left
# of it is unapplied, and goes to others with the next.
MOST_INVOICES = 30


@dataclass(frozen=True, slots=True)
class Change:
    """The account, and of what belongs to it only that which is new or has changed."""

    account: Account
    entry: AccountEntry | None = None
    hold: Hold | None = None
    invoices: tuple[Invoice, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for under a key: a ``reason`` that people give is no part of it."""

    key: str
    kind: AccountEntryKind
    amount: int = 0
    of: str = ""

    @property
    def text(self) -> str:
        return f"{self.kind}:{self.amount}:{self.of}"


def put_in(account: Account, asked: Asked, cause: Cause) -> Change:
    """``issue`` or ``top_up``. Refused with ``account_blocked``, ``account_closed``,
    ``account_expired``, and with ``not_prepaid`` for terms."""
    _refuse_terms(account)
    _refuse_unless_open(account)
    _refuse_expired(account, cause.at)
    return _moved(account, asked, cause, amount=asked.amount)


def credit(account: Account, asked: Asked, cause: Cause) -> Change:
    """Money that the customer is given as credit: also while the account is blocked. Refused with
    ``account_closed``, ``not_prepaid``."""
    _refuse_terms(account)
    _refuse_closed(account)
    return _moved(_valid_for_long_enough(account, cause.at), asked, cause, amount=asked.amount)


def hold(account: Account, asked: Asked, order_id: str, cause: Cause) -> Change:
    """All of the amount, or ``insufficient_funds`` with what is available. Refused also with
    ``account_blocked``, ``account_closed``, ``account_expired``."""
    _refuse_unless_open(account)
    _refuse_expired(account, cause.at)
    _refuse_above(
        account, asked.amount, account.available, code="insufficient_funds", allowed="available"
    )
    held = Hold(asked.of, asked.amount, order_id, asked.amount)
    return _moved(account, asked, cause, held=asked.amount, hold=held)


def spend(account: Account, held: Hold, asked: Asked, cause: Cause) -> Change:
    """Of what is held, also after the card has expired or was blocked: it was promised. On terms an
    invoice is raised. Refused with ``capture_above_held``."""
    _refuse_above(account, asked.amount, held.left, code="capture_above_held", allowed="capturable")
    after = replace(held, left=held.left - asked.amount, returnable=held.returnable + asked.amount)
    if account.kind != "terms":
        return _moved(account, asked, cause, amount=-asked.amount, held=-asked.amount, hold=after)
    return _invoiced(account, after, asked, cause)


def release(account: Account, held: Hold, asked: Asked, cause: Cause) -> Change:
    """All that is left of the hold."""
    after = replace(held, left=0)
    return _moved(account, asked, cause, held=-held.left, hold=after)


def give_back(
    account: Account, held: Hold, invoices: Sequence[Invoice], asked: Asked, cause: Cause
) -> Change:
    """A refund to where it came from: also while it is blocked, and a card that has expired lives
    on. On terms it lowers what ``invoices`` have open, in their order; what is over is unapplied.
    Refused with ``account_closed``, ``refund_above_captured``."""
    _refuse_closed(account)
    _refuse_above(
        account, asked.amount, held.returnable, code="refund_above_captured", allowed="refundable"
    )
    after = replace(held, returnable=held.returnable - asked.amount)
    if account.kind == "terms":
        credited, settled = _applied(account, asked.amount, invoices)
        return _moved(credited, asked, cause, amount=asked.amount, hold=after, invoices=settled)
    return _moved(
        _valid_for_long_enough(account, cause.at), asked, cause, amount=asked.amount, hold=after
    )


def adjust(account: Account, asked: Asked, cause: Cause) -> Change:
    """Never takes what is held, nor more than there is: ``adjustment_above_available``. On terms it
    moves what is of no invoice."""
    _refuse_closed(account)
    if not asked.amount:
        raise Invalid("an adjustment of nothing adjusts nothing", code="amount_zero")
    terms = account.kind == "terms"
    most = min(account.unapplied, account.available) if terms else account.available
    _refuse_above(
        account, -asked.amount, most, code="adjustment_above_available", allowed="available"
    )
    if terms:
        account = replace(account, unapplied=account.unapplied + asked.amount)
    return _moved(account, asked, cause, amount=asked.amount)


def write_off_expired(account: Account, asked: Asked, cause: Cause) -> Change:
    """What an expired card has left, but for what payments hold. Refused with ``not_expired``."""
    if not account.is_expired(cause.at):
        expires_at = rfc3339(account.expires_at) if account.expires_at else None
        raise Conflict(
            "the account has not expired", code="not_expired", context={"expires_at": expires_at}
        )
    return _moved(account, asked, cause, amount=-account.available)


def pay_invoices(
    account: Account, invoices: Sequence[Invoice], asked: Asked, cause: Cause
) -> Change:
    """What the company has paid, over ``invoices`` as a refund is. What is more than these have
    open has arrived all the same: it is unapplied. Refused with ``not_on_terms``."""
    refuse_unless_terms(account)
    paid, settled = _applied(account, asked.amount, invoices)
    return _moved(paid, asked, cause, amount=asked.amount, invoices=settled)


def change_state(account: Account, state: AccountState, cause: Cause) -> Change | None:
    """None when it is so already. One that holds or has anything is not closed
    (``account_not_empty``), and a closed one stays so (``account_closed``), but for store credit:
    its customer has no other."""
    if account.state == state:
        return None
    if not (account.kind == "store_credit" and state == "open"):
        _refuse_closed(account)
    if state == "closed" and (account.balance or account.held):
        raise Conflict(
            "an account is closed when nothing is in it, held or owed",
            code="account_not_empty",
            context={
                "balance": _text(account, account.balance),
                "held": _text(account, account.held),
            },
        )
    return _changed(replace(account, state=state), state, cause)


def change_terms(
    account: Account,
    credit_limit: int,
    days_to_pay: int,
    customers: tuple[str, ...],
    cause: Cause,
) -> Change | None:
    """From now on; invoices stay due when they are. None when nothing differs. Refused with
    ``not_on_terms``, ``account_closed``, and with ``limit_below_used`` for less than is owed and
    held: to stop a company from buying, block its account."""
    refuse_unless_terms(account)
    after = replace(
        account, credit_limit=credit_limit, days_to_pay=days_to_pay, customers=customers
    )
    if after == account:
        return None
    _refuse_closed(account)
    if after.available < 0:
        least = credit_limit - after.available
        raise Conflict(
            "the limit is below what is owed and held",
            code="limit_below_used",
            context={"least": _text(account, least), "currency": account.currency},
        )
    said = f"limit {_text(account, credit_limit)}, {days_to_pay} days, customers:"
    return _changed(after, " ".join((said, *customers)), cause)


def refuse_unless_terms(account: Account) -> None:
    if account.kind != "terms":
        raise Conflict("the account is not on terms", code="not_on_terms")


def _invoiced(account: Account, held: Hold, asked: Asked, cause: Cause) -> Change:
    """What is unapplied pays it at once."""
    number = invoice_number(account.id, account.invoices + 1)
    paid = min(account.unapplied, asked.amount)
    invoice = Invoice(
        number=number,
        order_id=held.order_id,
        amount=asked.amount,
        open=asked.amount - paid,
        raised_at=cause.at,
        due=cause.at.date() + timedelta(days=account.days_to_pay),
    )
    after = replace(account, invoices=account.invoices + 1, unapplied=account.unapplied - paid)
    return _moved(
        after,
        asked,
        cause,
        amount=-asked.amount,
        held=-asked.amount,
        hold=replace(held, invoices=(*held.invoices, number)),
        invoices=(invoice,),
        reference=number,
    )


def _applied(
    account: Account, amount: int, invoices: Sequence[Invoice]
) -> tuple[Account, tuple[Invoice, ...]]:
    """Those of the invoices that take any of ``amount`` and of what was unapplied, in their order,
    and the account with what they leave of it."""
    left, settled = account.unapplied + amount, list[Invoice]()
    for invoice in invoices:
        part = min(left, invoice.open)
        if part and len(settled) < MOST_INVOICES:
            settled.append(replace(invoice, open=invoice.open - part))
            left -= part
    return replace(account, unapplied=left), tuple(settled)


def _valid_for_long_enough(account: Account, now: datetime) -> Account:
    """Money that is given back must be of use."""
    least = now + VALID_AFTER_GIVING_BACK
    if account.expires_at is None or account.expires_at >= least:
        return account
    return replace(account, expires_at=least)


def _changed(after: Account, what: str, cause: Cause) -> Change:
    """Moves nothing. A key that is sent has no space, so nobody can have used this one."""
    asked = Asked(f"change {after.version + 1}", "change")
    return _moved(after, asked, replace(cause, reason=what))


def _moved(
    account: Account,
    asked: Asked,
    cause: Cause,
    *,
    amount: int = 0,
    held: int = 0,
    hold: Hold | None = None,
    invoices: tuple[Invoice, ...] = (),
    reference: str = "",
) -> Change:
    after = replace(
        account,
        balance=account.balance + amount,
        held=account.held + held,
        version=account.version + 1,
    )
    entry = AccountEntry(
        key=asked.key,
        kind=asked.kind,
        asked=asked.text,
        at=cause.at,
        by=cause.by,
        balance=after.balance,
        held_in_all=after.held,
        amount=amount,
        held=held,
        reason=cause.reason,
        order_id=hold.order_id if hold else "",
        reference=reference,
    )
    return Change(after, entry, hold, invoices)


def _refuse_unless_open(account: Account) -> None:
    _refuse_closed(account)
    if account.state == "blocked":
        raise Conflict("the account is blocked", code="account_blocked", context=_state(account))


def _refuse_closed(account: Account) -> None:
    if account.state == "closed":
        raise Conflict("the account is closed", code="account_closed", context=_state(account))


def _refuse_expired(account: Account, now: datetime) -> None:
    if account.expires_at is not None and account.is_expired(now):
        raise Conflict(
            "the account has expired",
            code="account_expired",
            context={"expires_at": rfc3339(account.expires_at)},
        )


def _refuse_terms(account: Account) -> None:
    if account.kind == "terms":
        raise Conflict(
            "nothing is put on an account on terms: its invoices are paid", code="not_prepaid"
        )


def _refuse_above(account: Account, amount: int, most: int, *, code: str, allowed: str) -> None:
    if amount <= most:
        return
    context: Mapping[str, object] = {
        allowed: _text(account, max(0, most)),
        "currency": account.currency,
    }
    raise Conflict(
        f"{_text(account, amount)} is more than {_text(account, max(0, most))}",
        code=code,
        context=context,
    )


def _state(account: Account) -> dict[str, object]:
    return {"state": account.state}


def _text(account: Account, minor: int) -> str:
    return str(Money(minor, account.currency))
