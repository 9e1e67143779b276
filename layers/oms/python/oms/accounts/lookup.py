"""A gift card by its code, for as many guesses as a person makes."""

from datetime import datetime

from oms.accounts.ledger import find_account
from oms.accounts.model import Account
from oms.accounts.store import Accounts
from oms.kernel.errors import NotFound, TooManyAttempts

# A caller is a shop, or a till: many customers, of whom few mistype.
UNKNOWN_CODES = 20


def find_gift_card(digest: str, caller: str, accounts: Accounts, now: datetime) -> Account:
    """Counted before it is looked at, and only an unknown code stays counted. Raises ``NotFound``
    (``unknown_gift_card``), and ``TooManyAttempts`` once there were too many, for a right code
    too."""
    who = f"caller:{caller}"
    if not accounts.count_guess(who, UNKNOWN_CODES, now):
        raise TooManyAttempts()
    account_id = accounts.by_code(digest)
    if not account_id:
        raise NotFound("no gift card has this code", code="unknown_gift_card")
    accounts.forgive_guess(who, now)
    return find_account(account_id, accounts)
