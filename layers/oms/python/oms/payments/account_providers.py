"""Gift cards, store credit and terms as payment providers: each works against an account.

=============  ===================================================================================
provider       token
=============  ===================================================================================
gift_card      the digest of the card's code; the code itself is never kept
store_credit   the account's id; left out, the customer's own account of the order's currency
terms          the id of the company's account, which the order's customer may buy on
=============  ===================================================================================

Authorising holds the amount, all of it or nothing; capturing spends of the hold and keeps the rest;
voiding lets the rest go; refunding gives back to the same account. The idempotency key of a call is
the key of the entry it makes, so the same call has the same answer in every process.
"""

from collections.abc import Callable
from datetime import datetime

from oms.accounts import ledger
from oms.accounts.ids import held_by, hold_reference, store_credit_id
from oms.accounts.ledger import Booked
from oms.accounts.model import Account, AccountKind
from oms.accounts.store import Accounts
from oms.kernel.clock import Clock
from oms.kernel.errors import Conflict, Invalid, NotFound, ProviderUnavailable, Unavailable
from oms.kernel.events import Cause
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    Declined,
    ProviderOutcome,
    RefundRequest,
    VoidRequest,
)

# How many unknown codes a customer, or an order of no name, may be paid with within a quarter of
# an hour.
WRONG_CODES = 5


class AccountPayments:
    """``kind`` is the provider's name, and the kind of account that it takes."""

    def __init__(self, kind: AccountKind, accounts: Accounts, clock: Clock) -> None:
        self._kind = kind
        self._accounts = accounts
        self._clock = clock

    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        """Declined with the code of what the account refuses, e.g. ``insufficient_funds``, and with
        ``unknown_account``, ``not_the_customers_account``, ``wrong_currency``,
        ``too_many_attempts``."""
        if request.method != self._kind:
            raise Invalid(
                f"{self._kind} does not take {request.method!r}", code="unsupported_payment_method"
            )
        account, key, now = self._find(request), request.idempotency_key, self._clock()
        # What is held already is found again, whatever was guessed since.
        known = account is not None and self._accounts.done(account.id, key) is not None
        if not known and not self._may_guess(request, now):
            return Declined("too_many_attempts")
        if account is None:
            return Declined("unknown_account")
        if not known:
            self._forgive(request, now)
        if not account.may_be_used_by(request.customer):
            return Declined("not_the_customers_account")
        if account.currency != request.amount.currency:
            return Declined("wrong_currency")
        return self._answered(
            lambda: ledger.hold(
                account.id,
                key,
                request.amount.minor,
                request.order_id,
                self._accounts,
                self._cause("authorized"),
            ),
            hold_reference(account.id, key),
        )

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        """Declined with ``capture_above_held``, ``unknown_hold``."""
        account_id, hold_id = held_by(request.authorization)
        key = request.idempotency_key
        return self._answered(
            lambda: ledger.spend(
                account_id,
                hold_id,
                request.amount.minor,
                key,
                self._accounts,
                self._cause("captured"),
            ),
            key,
        )

    def void(self, request: VoidRequest) -> ProviderOutcome:
        """Of a hold that has nothing left there is nothing to let go."""
        account_id, hold_id = held_by(request.authorization)
        key = request.idempotency_key
        return self._answered(
            lambda: ledger.release(account_id, hold_id, key, self._accounts, self._cause("voided")),
            key,
        )

    def refund(self, request: RefundRequest) -> ProviderOutcome:
        """Declined with ``refund_above_captured``, ``account_closed``, ``unknown_hold``."""
        account_id, hold_id = held_by(request.authorization)
        key = request.idempotency_key
        return self._answered(
            lambda: ledger.give_back(
                account_id,
                hold_id,
                request.amount.minor,
                key,
                self._accounts,
                self._cause("refunded"),
            ),
            key,
        )

    def _find(self, request: AuthorizationRequest) -> Account | None:
        account = self._accounts.find(account_id) if (account_id := self._id(request)) else None
        return account if account is not None and account.kind == self._kind else None

    def _id(self, request: AuthorizationRequest) -> str:
        if self._kind == "gift_card":
            return self._accounts.by_code(request.token)
        if not request.token and self._kind == "store_credit" and request.customer:
            return store_credit_id(request.customer, request.amount.currency)
        return request.token

    def _may_guess(self, request: AuthorizationRequest, now: datetime) -> bool:
        """Counted by customer, and by order where that names none; beyond that it is the length of
        a code that keeps guesses out."""
        who = self._guesser(request)
        return not who or self._accounts.count_guess(who, WRONG_CODES, now)

    def _forgive(self, request: AuthorizationRequest, now: datetime) -> None:
        if who := self._guesser(request):
            self._accounts.forgive_guess(who, now)

    def _guesser(self, request: AuthorizationRequest) -> str:
        if self._kind != "gift_card":
            return ""
        return f"customer:{request.customer}" if request.customer else f"order:{request.order_id}"

    def _answered(self, book: Callable[[], Booked], reference: str) -> ProviderOutcome:
        """What the account refuses it declines; what it cannot say yet is asked again."""
        try:
            book()
        except (Conflict, NotFound) as refused:
            return Declined(refused.problem_code)
        except Unavailable as unknown:
            raise ProviderUnavailable("the account is changed by many at once") from unknown
        return Approved(reference)

    def _cause(self, reason: str) -> Cause:
        return Cause(self._clock(), "payments", reason)
