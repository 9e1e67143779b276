"""Orders with their stock reserved and their money taken, and what refunds are carried out by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from oms.accounts import opening
from oms.aws.account_store import AccountStore
from oms.kernel.errors import ProviderUnavailable
from oms.kernel.events import Cause
from oms.kernel.money import Money
from oms.orders import events as happened
from oms.orders import sourcing
from oms.orders.giving_back import give_back
from oms.orders.model import Content, Order, PaymentRequest
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    Declined,
    Pending,
    ProviderOutcome,
    RefundRequest,
    VoidRequest,
)
from oms.routing.policies import BuiltIn
from tests.integration.world import World
from tests.samples import CAUSE, content, line, money


def ordered(
    *ways: tuple[str, int | None],
    number: str = "1",
    shipping: int = 0,
    tokens: Sequence[str] = (),
) -> Content:
    """Two mugs of 10.00 and a tee of 10.00, paid by (method, amount) each."""
    made = content(line("MUG", 2), line("TEE", 1), number=number)
    return replace(
        made,
        shipping=money(shipping),
        total=money(made.total.minor + shipping),
        prices_include_tax=True,
        payments=tuple(
            PaymentRequest(
                method,
                "simulator",
                money(0),
                tokens[index] if tokens else "4242424242424242",
                amount=None if amount is None else money(amount),
            )
            for index, (method, amount) in enumerate(ways or (("card", None),))
        ),
    )


@dataclass
class Bank:
    """A provider that gives back at most what it took, once for each key. ``silent``: keys that it
    does not answer, ``deaf`` those that it carries out without answering; ``later``: it answers
    that the result comes later; ``refuses``: that it will not."""

    silent: set[str] = field(default_factory=set)
    deaf: set[str] = field(default_factory=set)
    later: bool = False
    refuses: bool = False
    given: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def named(self, name: str) -> "Bank":
        return self

    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        return Approved(f"a:{request.idempotency_key}")

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        return Approved(f"c:{request.idempotency_key}")

    def void(self, request: VoidRequest) -> ProviderOutcome:
        return Approved(f"v:{request.idempotency_key}")

    def refund(self, request: RefundRequest) -> ProviderOutcome:
        key = request.idempotency_key
        self.asked.append(key)
        if key in self.silent:
            raise ProviderUnavailable("no answer")
        if self.refuses:
            return Declined("closed_account")
        self.given[key] = request.amount.minor
        if key in self.deaf:
            self.deaf.remove(key)
            raise ProviderUnavailable("no answer")
        return Pending(f"r:{key}", 60) if self.later else Approved(f"r:{key}")


class Counter:
    def __init__(self, oms: World) -> None:
        self.oms = oms
        self.bank = Bank()
        self.ticks = 0

    def cause(self) -> Cause:
        self.ticks += 1
        return replace(CAUSE, at=CAUSE.at + timedelta(minutes=self.ticks))

    def paid(self, made: Content | None = None, *, leave: int = 0) -> Order:
        """Reserved, held, and taken, but for ``leave`` of the last payment."""
        made = made or ordered()
        for entry in made.lines:
            self.oms.receive(entry.sku, entry.quantity)
        order = self.oms.capture(made)
        sourcing.reserve(
            order.order_id,
            self.oms.orders,
            self.oms.stock,
            self.oms.catalog,
            BuiltIn(),
            self.cause(),
        )
        order = self.oms.orders.load(order.order_id)
        events: list[happened.Event] = []
        for number, payment in enumerate(order.payments.each, start=1):
            amount = payment.amount.minor
            last = number == len(order.payments.each)
            taken = amount - (leave if last else 0)
            events.append(
                happened.PaymentAuthorized(payment.id, amount, payment.id, f"{payment.id}:a")
            )
            if taken:
                events.append(
                    happened.PaymentCaptured(payment.id, taken, payment.id, f"{payment.id}:c")
                )
        return self.oms.orders.commit(order, events, self.cause())

    def give_back(
        self, order: Order, refund_id: str, credit: Callable[..., str] | None = None
    ) -> Order:
        """What the function behind the queue does."""
        return give_back(
            order.order_id,
            refund_id,
            self.oms.orders,
            self.bank.named,
            credit or self.credit,
            self.cause(),
        )

    def credit(self, account: str, customer: str, amount: Money, key: str) -> str:
        accounts = AccountStore(self.oms.client, "accounts")
        return opening.credit(account, customer, amount, key, accounts, CAUSE).account_id

    def told(self, order: Order) -> list[str]:
        return [event.type for event in self.oms.orders.history(order.order_id)]
