"""Orders that were paid in some way and carried out in some part, as the cases say it; what is
done to their money is done by our use cases."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial

from oms.kernel.errors import Conflict, OmsError
from oms.kernel.ids import order_id
from oms.kernel.money import Money
from oms.orders import cancelling, paying, refunding, repaying
from oms.orders import events as happened
from oms.orders.decisions import Events
from oms.orders.events import Event
from oms.orders.giving_back import give_back
from oms.orders.model import (
    FulfillmentState,
    Line,
    Order,
    PaymentRequest,
    Refund,
    RefundPart,
    State,
)
from oms.orders.repaying import REFUND_TRANSITIONS
from oms.orders.suggesting import Asked
from oms.payments.model import Payment
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
from tests.cases.lifecycle.shop import Shop
from tests.integration.world import World
from tests.samples import content, no_credit

CURRENCY = "USD"


def usd(minor: int) -> Money:
    return Money(minor, CURRENCY)


@dataclass(frozen=True)
class Means:
    """One payment: how much it is to bear, and what of that was done; ``back`` was refunded."""

    name: str
    amount: int
    authorized: int
    captured: int = 0
    voided: bool = False
    declined: bool = False
    back: int = 0


@dataclass
class Provider:
    """Says yes; to refunds no when it ``declines``, and ``later`` that somebody else decides."""

    declines: bool = False
    later: bool = False
    keys: list[str] = field(default_factory=list)

    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        return Approved(request.idempotency_key)

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        return Approved(request.idempotency_key)

    def void(self, request: VoidRequest) -> ProviderOutcome:
        return Approved(request.idempotency_key)

    def refund(self, request: RefundRequest) -> ProviderOutcome:
        self.keys.append(request.idempotency_key)
        if self.declines:
            return Declined("refund_declined")
        if self.later:
            return Pending(request.idempotency_key, 3600)
        return Approved(request.idempotency_key)


def _told(refund: str, part: RefundPart, key: str, order: Order) -> Events:
    return repaying.refund_paid(order, refund, part.amount, key, key, part.payment_id)


def _failed(refund: str, part: RefundPart, key: str, order: Order) -> Events:
    return repaying.refund_refused(order, refund, part.amount, "failed", key, part.payment_id)


class PaidOrder:
    """``stays``: units that have not left are not cancelled with a refund, because the case does
    not speak of where they are."""

    def __init__(
        self,
        oms: World,
        lines: Sequence[Line],
        means: Sequence[Means],
        *,
        shipping: int = 0,
        name: str = "1",
        stays: bool = True,
    ) -> None:
        self.means, self.stays = means, stays
        self.provider = Provider()
        self.steps = 0
        self.cancelled: dict[str, int] = {}
        total = sum(line.net.minor for line in lines) + shipping
        made = replace(
            content(*lines, number=name),
            order_id=order_id("web", f"id:{name}"),
            currency=CURRENCY,
            shipping=usd(shipping),
            discount=usd(0),
            total=usd(total),
            prices_include_tax=True,
            payments=tuple(
                PaymentRequest("card", "simulator", usd(0), amount=usd(each.amount))
                for each in means
            ),
        )
        self.shop = Shop(oms, {line.line_id: line.quantity for line in lines}, of=made)
        self.shop.reserve()
        for each, one in zip(means, self.order.payments.each, strict=True):
            self._settle(each, one)
        for each in means:
            if each.back:
                first = (self.payment_named(each.name),)
                self.refund(Asked(goodwill=usd(each.back), payments=first))

    def _settle(self, means: Means, one: Payment) -> None:
        events: list[Event] = []
        if means.declined:
            events.append(happened.PaymentDeclined(one.id, "declined", f"{one.id}:d"))
        if means.authorized:
            events.append(
                happened.PaymentAuthorized(one.id, means.authorized, one.id, f"{one.id}:a")
            )
        if means.captured:
            events.append(happened.PaymentCaptured(one.id, means.captured, one.id, f"{one.id}:c"))
        if means.voided:
            left = means.authorized - means.captured
            events.append(happened.PaymentVoided(one.id, left, one.id, f"{one.id}:v"))
        if events:
            self.shop.decide(lambda order: tuple(events))

    # --- how far it is --------------------------------------------------------------------------

    def fulfil(self, units: Mapping[str, int]) -> None:
        """These units have left."""
        if not any(units.values()):
            return
        self.shop.release()
        wanted = {name: many for name, many in units.items() if many}
        for part in self.shop.carve(wanted, self.shop.open_parts()):
            self.shop.to(part, FulfillmentState.SHIPPED)

    def cancel_lines(self, units: Mapping[str, int], key: str = "") -> None:
        """Once for a ``key``."""
        self.steps += 1
        cancelling.cancel_lines(
            self.order.order_id,
            [cancelling.Asked(name, Decimal(many)) for name, many in units.items()],
            "cancelled",
            key or f"step-{self.steps}",
            self.shop.oms.orders,
            self.shop.oms.stock,
            self.shop.cause(),
        )
        for name, many in units.items():
            self.cancelled[name] = self.cancelled.get(name, 0) + many
        self._close()

    def cancel(self) -> None:
        self.shop.cancel_order()
        self.pay_back()

    def _close(self) -> None:
        """The way down of what nothing is left of."""
        if self.order.cancel_requested:
            self.shop.cancel_order()
        self.pay_back()

    def capture(self, amount: int | None) -> None:
        """All that is held, or an amount; raises what is above it."""
        held = self.order.payments.capturable.minor
        parts = paying.captures(self.order, held if amount is None else amount)
        self.shop.decide(
            lambda order: tuple(
                happened.PaymentCaptured(one, part, f"{one}:{part}", f"{one}:{part}")
                for one, part in parts
            )
        )

    # --- giving back ----------------------------------------------------------------------------

    def refund(self, asked: Asked) -> Refund:
        """Asked for, and carried out. Raises what it is refused with; when the provider says no, a
        refusal with its word."""
        refund_id = self.ask(asked)
        self._close()
        found = self.order.refund(refund_id)
        assert found is not None
        if found.state == "failed":
            raise OmsError("the provider said no", code="refund_declined")
        return found

    def ask(self, asked: Asked) -> str:
        self.steps += 1
        requested = refunding.request(
            self.order.order_id,
            asked,
            f"step-{self.steps}",
            self.shop.oms.orders,
            self.shop.oms.stock,
            self.shop.cause(),
        )
        return requested.refund.id

    def pay_back(self) -> None:
        """What the function behind the queue does with each refund that was asked for."""
        for refund in self.order.progress.refunds:
            if refund.state == "requested":
                give_back(
                    self.order.order_id,
                    refund.id,
                    self.shop.oms.orders,
                    lambda name: self.provider,
                    no_credit,
                    self.shop.cause(),
                )

    def decide_refund(self, *, arrived: bool) -> None:
        """Of the last one, as a callback would say it. Raises ``Conflict`` for what our table does
        not have."""
        refund = self.refunds[-1]
        if ("arrive" if arrived else "fail") not in REFUND_TRANSITIONS[refund.state]:
            raise Conflict(f"the refund is {refund.state}", code="illegal_transition")
        self.steps += 1
        for part in refund.parts:
            key = f"told-{self.steps}-{part.payment_id}"
            self.shop.decide(
                partial(_told, refund.id, part, key)
                if arrived
                else partial(_failed, refund.id, part, key)
            )

    # --- what there is --------------------------------------------------------------------------

    @property
    def order(self) -> Order:
        return self.shop.order

    @property
    def refunds(self) -> tuple[Refund, ...]:
        return self.order.progress.refunds

    @property
    def arrived(self) -> list[Refund]:
        return [refund for refund in self.refunds if refund.state == "refunded"]

    @property
    def is_closed(self) -> bool:
        return self.order.state is State.CANCELLED

    def payment_named(self, name: str) -> str:
        """Our id; a name of none of its payments is that of another order's."""
        for means, one in zip(self.means, self.order.payments.each, strict=False):
            if means.name == name:
                return one.id
        return "pay_of_another_order_1"

    def given_back(self) -> dict[str, list[int]]:
        """What arrived by each payment, by its name."""
        return {
            means.name: [
                part.amount
                for refund in self.arrived
                for part in refund.parts
                if part.payment_id == one.id
            ]
            for means, one in zip(self.means, self.order.payments.each, strict=False)
        }

    def unfulfilled(self) -> dict[str, int]:
        return {
            line.line_id: line.quantity
            - counts.cancelled
            - counts.shipped
            - counts.delivered
            - counts.returned
            for line, counts in zip(
                self.order.content.lines, self.order.progress.counts, strict=True
            )
        }

    def fulfilled_not_refunded(self) -> dict[str, int]:
        left = {}
        for line, counts in zip(self.order.content.lines, self.order.progress.counts, strict=True):
            refunded = sum(
                one.quantity - one.cancelled
                for refund in self.refunds
                for one in refund.lines
                if one.line_id == line.line_id
            )
            left[line.line_id] = counts.shipped + counts.delivered - refunded
        return left

    def reserved(self) -> dict[str, int]:
        return {line.line_id: self.shop.balance(line.sku)[1] for line in self.order.content.lines}

    def attempt(self, act: Callable[[], object]) -> bool:
        return self.shop.attempt(act)
