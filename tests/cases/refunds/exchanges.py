"""Cases of exchanges and claims: asked for, answered, received, settled with one new order.

An exchange or a claim in a peer's state is one that our steps have brought there. What a peer calls
*fulfilling* it is confirming it here, and sending the order that is made with it. What is not said
costs what it cost before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from oms.aws.expected_return_store import ExpectedReturnStore
from oms.catalog.model import Channel, Item
from oms.orders import fulfillment, payment, sourcing
from oms.orders.giving_back import give_back
from oms.orders.model import FulfillmentState, Line, Order
from oms.payments.simulator import Simulator
from oms.returns import exchanging, returning
from oms.returns.contract import ReturnAnswerDocument
from oms.returns.exchange_contract import (
    ClaimDocument,
    ConfirmExchangeDocument,
    ExchangeDocument,
    asked_claim,
    asked_exchange,
)
from oms.returns.exchanging import Drafted, ExchangeDesk
from oms.returns.model import Return, ReturnState
from oms.routing.policies import BuiltIn
from tests.cases.lifecycle.shop import HERE
from tests.cases.reading import Keys, NotUnderstoodError, Step, steps_of
from tests.cases.refunds.paid import CURRENCY, usd
from tests.cases.refunds.returns import Returned
from tests.integration.world import World

Facts = dict[str, Any]
Kind = Callable[[Keys, Any, Keys, World], Facts]

_LINE, _OTHER = "L1", "other"
_PRICE = 1000
_CARD = {"method": "card", "provider": "simulator", "token": "4242424242424242"}

_CAME = frozenset({ReturnState.RECEIVED, ReturnState.INSPECTED, ReturnState.RESOLVED})
_STATES: Mapping[str, frozenset[ReturnState]] = {
    **dict.fromkeys(
        ("requested", "open", "created", "pending"), frozenset({ReturnState.REQUESTED})
    ),
    **dict.fromkeys(("approved", "accepted", "authorized"), frozenset({ReturnState.APPROVED})),
    **dict.fromkeys(("rejected", "denied", "declined"), frozenset({ReturnState.REJECTED})),
    **dict.fromkeys(("canceled", "cancelled"), frozenset({ReturnState.CANCELLED})),
    "received": _CAME,
    **dict.fromkeys(
        ("resolved", "refunded", "replaced", "completed", "closed", "settled"),
        frozenset({ReturnState.RESOLVED}),
    ),
}
_FULFILLED = ("fulfilled", "confirmed", "exchanged")

# Ways to end a claim with the same goods again; another word is for ``resolve``, or nobody's.
_REPLACED = (
    "replace replacement reship resend exchange send_replacement reshipment replaced".split()
)
_METHODS: Mapping[str, str] = {
    **dict.fromkeys(
        "original original_payment original_payment_method original_method refund card".split(),
        "original",
    ),
    "store_credit": "store_credit",
}


def _price(value: Any) -> int:
    """In minor units; or the least that is above a bound, which is written as people write it."""
    if isinstance(value, int):
        return value
    word, _, bound = str(value).partition(" ")
    if word not in (">", ">=", "<", "<=") or not bound:
        raise NotUnderstoodError(f"a price: {value!r}")
    step = {">": 1, ">=": 0, "<": -1, "<=": 0}[word]
    return int(Decimal(bound) * 100) + step


@dataclass
class Bargain:
    """One exchange or claim of an order that is with its customer, and is paid."""

    case: Returned
    oms: World
    claims: bool = False
    price: int = _PRICE
    quote: Drafted | None = None
    sent: list[str] = field(default_factory=list)
    drafted: bool = False

    @property
    def desk(self) -> ExchangeDesk:
        return ExchangeDesk(self.case.desk, ExpectedReturnStore(self.oms.client, "work"))

    @property
    def found(self) -> Return | None:
        return self.case.found

    @property
    def order(self) -> Order:
        return self.case.order

    # --- the steps --------------------------------------------------------------------------

    def request(self, units: Mapping[str, int], want: str = "replace", goods: str = "") -> None:
        if not self.claims:
            return self.case.request(units, resolution="exchange")
        lines = [{"line_id": name, "quantity": many} for name, many in units.items()]
        said: dict[str, Any] = {"goods": goods} if goods else {}
        document = _read(ClaimDocument, lines=lines, want=want, **said)
        done = returning.request(
            self.order.order_id,
            lambda order: asked_claim(document, order, self.case.policy, ""),
            self.case.desk,
            self.case.cause(),
        )
        self.case.last = done.found.id
        return None

    def draft(self, document: Mapping[str, Any]) -> None:
        asked = _read(ExchangeDocument, **document)
        self.quote = exchanging.draft(self.case.last, asked, self.desk, self.case.cause())
        self.drafted = True

    def draft_something(self) -> None:
        """As many of something else as come back."""
        many = sum(self.found.asked.values()) if self.found else 1
        line = {"sku": _OTHER, "quantity": many, "unit_price": _shown(self.price)}
        self.draft({"lines": [line]})

    def receive(self) -> None:
        self.case.receive(None)
        self.case.inspect_rest()

    def deny(self, reason: str) -> None:
        answer = _read(ReturnAnswerDocument, reason=reason)
        returning.reject(self.case.last, answer.reason, self.case.desk, self.case.cause())

    def confirm(self, **said: Any) -> None:
        """And the order that is made leaves."""
        document = _read(ConfirmExchangeDocument, payments=[_CARD], **said)
        if not self.drafted and not self.claims:
            self.draft_something()
        asked = asked_exchange(document)
        done = exchanging.confirm(
            self.case.last, asked, document.payments, self.desk, self.case.cause()
        )
        if done.created:
            self.sent.append(done.found.exchanged_for)
            self._send(done.found.exchanged_for)
        self.pay_back()

    def _send(self, order_id: str) -> None:
        orders, stock, cause = self.oms.orders, self.oms.stock, self.case.cause()
        for line in orders.load(order_id).content.lines:
            self.oms.receive(line.sku, line.quantity, self.case.paid.shop.node(HERE))
        sourcing.reserve(order_id, orders, stock, self.oms.catalog, BuiltIn(), cause)
        payment.authorize(order_id, orders, lambda name: Simulator(), cause)
        for part in fulfillment.release(order_id, orders, cause).progress.fulfillments:
            fulfillment.accept(part.id, orders, stock, cause)
            fulfillment.advance(part.id, "pick", orders, cause)
            fulfillment.advance(part.id, "pack", orders, cause)
            fulfillment.ship(part.id, "carrier", f"T-{part.id}", orders, stock, cause)

    def resolve(self, how: str, amount: int | None) -> None:
        if how in _REPLACED:
            return self.confirm()
        said: dict[str, Any] = {"resolution": how}
        if amount is not None:
            said["amount"] = _shown(amount)
        self.case.resolve(**said)
        return self.pay_back()

    def pay_back(self) -> None:
        """As ``PaidOrder.pay_back``, and customers have an account."""
        for refund in self.case.paid.refunds:
            if refund.state == "requested":
                give_back(
                    self.order.order_id,
                    refund.id,
                    self.oms.orders,
                    lambda name: self.case.paid.provider,
                    lambda account, customer, amount, key: f"account of {customer}",
                    self.case.cause(),
                )

    # --- what became of it ------------------------------------------------------------------

    @property
    def parcels(self) -> int:
        parts = [
            part for name in self.sent for part in self.oms.orders.load(name).live_fulfillments
        ]
        return sum(part.state is FulfillmentState.SHIPPED for part in parts)

    @property
    def units_sent(self) -> int:
        return sum(
            sum(part.units.values())
            for name in self.sent
            for part in self.oms.orders.load(name).live_fulfillments
        )

    def state(self, expected: Any) -> str:
        """In the peer's word, where ours says the same."""
        found, word = self.found, str(expected)
        if found is None:
            return ""
        if word in _FULFILLED and self.parcels:
            return word
        return word if found.state in _STATES.get(word, ()) else str(found.state)


def _read(model: type[Any], **said: Any) -> Any:
    """As the API reads it."""
    document: BaseModel = model.model_validate(said)
    return document


def _shown(minor: int) -> str:
    return str(usd(minor))


# --- what is given --------------------------------------------------------------------------------


def _opened(given: Keys, oms: World, *, claims: bool) -> Bargain:
    price = _price(given.first("original_price", "unit_price", "price", default=_PRICE))
    lines, brought = _lines(given, price)
    taken = given.first("captured", "charged", "paid")
    given.first("order_total", "total", "total_gross")
    case = Returned(oms, lines, captured=None if taken is None else int(taken))
    state = given.first("exchange", "claim", "state", "status")
    if state is None or _STATES.get(str(state)) in (_STATES["requested"], _STATES["rejected"]):
        case.set_policy(replace(case.policy, approval_above=(usd(0),)))
    if given.value("order_state", "placed") in ("placed", "complete", "completed", "delivered"):
        case.bring(brought)
    oms.catalog.put_item(Item(_OTHER, "Something else"))
    oms.catalog.put_channel(Channel("web", "Web shop", (CURRENCY,)))
    replacement = given.first("replacement_price", "new_price")
    made = Bargain(case, oms, claims, price if replacement is None else _price(replacement))
    if asked := given.first("requested_elsewhere", "claimed_elsewhere", "returned_elsewhere"):
        case.request({lines[0].line_id: int(asked)})
        case.last = ""
    if state is not None:
        _bring(made, str(state), {lines[0].line_id: brought[lines[0].line_id]})
    return made


def _lines(given: Keys, price: int) -> tuple[list[Line], dict[str, int]]:
    """And what of them is with the customer."""
    lines: list[Line] = []
    brought: dict[str, int] = {}
    for said in given.each("lines"):
        name = str(said.first("id", "line", default=_LINE))
        each = _price(said.first("unit_gross", "unit_price", "price", default=price))
        many = int(said.first("qty", "quantity", default=1))
        there = [said.value(word) for word in ("delivered", "shipped", "fulfilled")]
        brought[name] = int(next((one for one in there if one is not None), many))
        said.done()
        lines.append(_line(name, many, each))
    if lines:
        return lines, brought
    ordered = given.first("ordered", "order_qty", "line_qty")
    there = given.first("shipped_units", "shipped", "delivered", "fulfilled", "qty")
    units = int(there if there is not None else ordered if ordered is not None else 1)
    return [_line(_LINE, max(units, int(ordered or units), 1), price)], {_LINE: units}


def _line(name: str, quantity: int, price: int) -> Line:
    return Line(name, name, f"The {name}", quantity, usd(price), usd(0), usd(0))


def _bring(made: Bargain, state: str, units: dict[str, int]) -> None:
    """A claim whose goods come back only where a case says that they came."""
    came = state == "received"
    made.request(units, goods="return" if came else "")
    if state in ("requested", "open", "created", "pending"):
        return None
    if state in ("canceled", "cancelled"):
        return made.case.cancel()
    if state in ("rejected", "denied", "declined"):
        return made.deny("no")
    made.case.approve()
    if state in ("approved", "accepted", "authorized"):
        return None
    if state not in _STATES and state not in _FULFILLED:
        raise NotUnderstoodError(f"state: {state!r}")
    if made.claims and not came:
        return made.resolve("replace" if state in ("replaced", *_FULFILLED) else "refund", None)
    made.receive()
    return None if came else made.confirm()


# --- what is done ---------------------------------------------------------------------------------

_VERBS = frozenset(
    """exchange request_exchange open_exchange claim request_claim open_claim approve
    approve_exchange approve_claim reject reject_exchange deny deny_claim deny_exchange reject_claim
    receive receive_exchange receive_claim fulfil fulfill fulfil_exchange fulfill_exchange confirm
    confirm_exchange cancel cancel_exchange cancel_claim resolve resolve_claim""".split()
)


def _do(made: Bargain, step: Step) -> None:
    verb = step.verb.removesuffix("_exchange").removesuffix("_claim")
    case = made.case
    if verb in ("exchange", "claim", "request", "open"):
        _ask(made, step)
    elif verb in ("fulfil", "fulfill", "confirm"):
        said = _confirmed(step)
        case.attempt(lambda: made.confirm(**said))
    elif verb == "resolve":
        how, amount = _resolved(step)
        case.attempt(lambda: made.resolve(how, amount))
    elif verb in ("deny", "reject"):
        reason = step.more.value("reason", "no" if step.value is None else step.value)
        step.more.done()
        case.attempt(lambda: made.deny(str(reason)))
    else:
        step.more.first("reason", "note")
        step.more.done()
        answers = {"approve": case.approve, "receive": made.receive, "cancel": case.cancel}
        case.attempt(answers[verb])


def _ask(made: Bargain, step: Step) -> None:
    """What comes back, and what is wanted for it."""
    said = Keys(step.verb, step.value if isinstance(step.value, Mapping) else {})
    back = said.first("return", "items", "lines", "claim", "qty", default=step.value)
    units = _units(back)
    want = str(said.first("type", "want", "resolution", default="replace"))
    goods = said.first("goods", default="return" if "return" in said and made.claims else "")
    wanted = _wanted(made, said, sum(units.values()))
    said.first("reason", "note", "proof")
    said.done()
    step.more.first("reason", "note", "proof")
    step.more.done()
    resolution = "replace" if want in _REPLACED else want
    if made.case.attempt(lambda: made.request(units, resolution, goods)) and wanted:
        made.case.attempt(lambda: made.draft(wanted))


def _units(value: Any) -> dict[str, int]:
    if isinstance(value, int):
        return {_LINE: value}
    if isinstance(value, Mapping):
        return {str(name): int(many) for name, many in value.items()}
    found: dict[str, int] = {}
    for number, each in enumerate(value or ()):
        said = Keys(f"return.{number}", each)
        name = str(said.first("line", "id", "line_id", default=_LINE))
        found[name] = found.get(name, 0) + int(said.first("qty", "quantity", default=1))
        said.first("reason", "note")
        said.done()
    return found


def _wanted(made: Bargain, said: Keys, units: int) -> dict[str, Any]:
    """The new order's document; nothing where nothing is said of it."""
    lines = [_new_line(each, number) for number, each in enumerate(said.each("add", "new"))]
    if said.first("for", "variant", "sku") is not None and not lines:
        price = _price(said.first("price", "unit_price", default=made.price))
        line = {"sku": _OTHER, "quantity": units, "unit_price": _shown(price)}
        lines = [line]
    out, back = (said.first(*names, default=0) for names in _SHIPPINGS)
    if not lines:
        return {}
    return {"lines": lines, "shipping": _shown(out), "return_shipping": _shown(back)}


_SHIPPINGS: Sequence[tuple[str, ...]] = (
    ("outbound_shipping", "shipping", "new_shipping"),
    ("return_shipping", "inbound_shipping", "return_fee"),
)


def _new_line(said: Keys, number: int) -> dict[str, Any]:
    line = {
        "line_id": f"new-{number}",
        "sku": _OTHER,
        "quantity": int(said.first("qty", "quantity", default=1)),
        "unit_price": _shown(_price(said.first("unit_price", "price", default=_PRICE))),
    }
    said.first("id", "line", "sku", "variant")
    said.done()
    return line


def _confirmed(step: Step) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if (method := step.more.first("refund_method", "refund_to", "method")) is not None:
        said["refund_to"] = _METHODS.get(str(method), str(method))
    if step.more.first("advance", "before_receipt", default=False):
        said["advance"] = True
    step.more.done()
    return said


def _resolved(step: Step) -> tuple[str, int | None]:
    said = Keys(step.verb, step.value) if isinstance(step.value, Mapping) else step.more
    how = step.value if isinstance(step.value, str) else None
    how = said.first("resolution", "type", "with", default=how)
    amount = said.first("amount", "refund_amount")
    said.first("reason", "note")
    said.done()
    step.more.done()
    return str(how if how is not None else "refund"), None if amount is None else int(amount)


# --- what is seen ---------------------------------------------------------------------------------

_ERRORS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        ("refund_exceeds_paid", "cannot_refund", "exceeds_captured", "amount_too_large"),
        frozenset({"above_worth", "refund_above_captured"}),
    ),
    **dict.fromkeys(
        ("invalid_quantity", "quantity_exceeded", "more_than_ordered", "quantity_exceeds_ordered"),
        frozenset({"above_delivered", "not_delivered", "quantity_not_positive"}),
    ),
    **dict.fromkeys(
        ("invalid_state", "invalid_transition", "wrong_state", "not_received", "not_cancelable"),
        frozenset({"illegal_transition", "not_received", "not_inspected"}),
    ),
    **dict.fromkeys(
        ("unknown_method", "invalid_method", "unknown_refund_method", "unknown_resolution"),
        frozenset({"literal_error"}),
    ),
}


_DIFFERENCE = ("difference", "difference_due", "pending_difference", "price_difference")
_COLLECTED = tuple("charged charge collected collect amount_due balance_due outstanding".split())
_REFUNDED = tuple("refunded refund refund_amount refund_total refund_due to_refund".split())


def _facts(made: Bargain, then: Keys) -> Facts:
    case, found, order = made.case, made.found, made.order
    exchange = found.exchange if found else None
    error, refused = str(then.value("error")), case.refused
    refunds = case.paid.refunds
    to_customer = sum(one.amount for one in refunds if not one.pays_another_order)
    credit = sum(one.amount for one in refunds if one.is_credit)
    collected = exchange.collected if exchange and exchange.order_id else 0
    quote = made.quote.quote if made.quote else None
    return {
        "accepted": all(case.accepted),
        "error": error if refused in _ERRORS.get(error, ()) else refused or None,
        **{
            word: made.state(then.value(word))
            for word in ("state", "status", "exchange_status", "claim_status")
        },
        "requested": found.expected if found else {},
        "order_total_after": quote.total_after if quote else order.due.minor,
        **dict.fromkeys(_DIFFERENCE, quote.difference if quote else 0),
        **dict.fromkeys(_COLLECTED, collected),
        **dict.fromkeys(_REFUNDED, to_customer),
        **dict.fromkeys(("store_credit", "store_credit_issued", "credit"), credit),
        "refunds": sum(bool(one.amount) and not one.pays_another_order for one in refunds),
        **dict.fromkeys(("replacement_parcel", "replacement_fulfilled"), made.parcels > 0),
        "replacement_parcels": made.parcels,
        **dict.fromkeys(("replacement_order", "replacement"), bool(made.sent)),
        "replacement_total": exchange.total if exchange and exchange.order_id else 0,
    }


def _run(given: Keys, when: Any, then: Keys, oms: World, *, claims: bool) -> Facts:
    there, new = given.value("original_on_hand"), given.value("replacement_on_hand")
    made = _opened(given, oms, claims=claims)
    sku = made.order.content.lines[0].sku
    before = made.case.on_hand(sku)
    made.case.accepted.clear()
    for step in steps_of(when, _VERBS):
        _do(made, step)
    change = made.case.on_hand(sku) - before
    return {
        **_facts(made, then),
        "original_on_hand": int(there or before) + change,
        "replacement_on_hand": int(new or 0) - made.units_sent,
    }


def exchanged(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    return _run(given, when, then, oms, claims=False)


def claimed(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    return _run(given, when, then, oms, claims=True)


KINDS: Mapping[str, Kind] = {
    "exchange": exchanged,
    "exchange.settlement": exchanged,
    "claim": claimed,
}
GUARDS: Mapping[str, Kind] = {"guard.exchange": exchanged, "guard.claim": claimed}
