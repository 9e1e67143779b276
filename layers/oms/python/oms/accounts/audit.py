"""Whether every account is the sum of its entries, of its holds, and of its open invoices."""

from collections.abc import Iterable, Sequence

from oms.accounts.model import Account, AccountEntry, Hold, Invoice
from oms.kernel.money import Money


def misbalanced(
    account: Account,
    entries: Iterable[AccountEntry],
    holds: Iterable[Hold],
    invoices: Iterable[Invoice],
) -> list[str]:
    """A line for each thing that does not add up."""
    listed = list(entries)
    sums = [
        ("balance", account.balance, sum(entry.amount for entry in listed)),
        ("held", account.held, sum(entry.held for entry in listed)),
        ("held", account.held, sum(hold.left for hold in holds)),
    ]
    if account.kind == "terms":
        owed = sum(invoice.open for invoice in invoices) - account.unapplied
        sums.append(("balance", account.balance, -owed))
    return [
        *(
            f"{account.id}: {what} is {_text(account, is_now)}, its ledger says"
            f" {_text(account, should_be)}"
            for what, is_now, should_be in sums
            if is_now != should_be
        ),
        *_negative(account, listed),
    ]


def _negative(account: Account, entries: Sequence[AccountEntry]) -> list[str]:
    least = min([0, account.available, account.held, *(entry.held_in_all for entry in entries)])
    return [f"{account.id}: more than there is was held or spent"] if least < 0 else []


def _text(account: Account, minor: int) -> str:
    return str(Money(minor, account.currency))
