"""Cases of money that goes back: how much, over which payments, and what is refused.

What a peer calls *granting* a refund is asking for one here: it is carried out as soon as it is
asked for. A payment that several orders share is a payment of each of them, for its share.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

from oms.kernel.money import Money
from oms.orders.model import Line, Refund
from oms.orders.repaying import left_to_repay
from oms.orders.suggesting import Asked, AskedLine, suggest
from tests.cases.reading import Keys, NotUnderstoodError, Step, schema, steps_of
from tests.cases.refunds.paid import Means, PaidOrder, usd
from tests.integration.world import World

Facts = dict[str, Any]

# Where a case says that something is shipped for money, and not for how much.
_SOME_SHIPPING = 900
_SOME_PRICE = 10_000
_LINE = "L1"


# --- what is given --------------------------------------------------------------------------------


@cache
def _standard_orders() -> Mapping[str, Mapping[str, Any]]:
    """Orders that the file describes once, by the name that cases call them."""
    known = schema("refunds_returns.json").values()
    described = (each for each in known if isinstance(each, dict) and "lines" in each)
    return {each["id"]: each for each in described}


def _orders(given: Keys, then: Keys, oms: World) -> dict[str, PaidOrder]:
    """By name. An order that is not named is the only one."""
    shares = _shares(given)
    if not shares:
        return {"": _order(given, then, oms)}
    return {
        name: PaidOrder(oms, [_line(_LINE, 1, means.amount)], [means], name=name)
        for name, means in shares.items()
    }


def _order(given: Keys, then: Keys, oms: World) -> PaidOrder:
    described = dict(_standard_orders().get(str(given.value("order", "")), {}))
    speaks_of_units = "fulfilled" in given or any(
        key in then for key in ("unfulfilled_after", "allocations_change")
    )
    shipping = _shipping(given, described)
    lines = _lines(given, described)
    stated = given.first(
        "total_gross", "order_total", "total", default=described.get("total_gross")
    )
    if not lines:
        price = stated if stated is not None else _paid_in_all(given)
        lines = [_line(_LINE, 1, int(price) - shipping)]
    total = sum(line.net.minor for line in lines) + shipping
    order = PaidOrder(oms, lines, _means(given, total, shipping), shipping=shipping)
    order.stays = not speaks_of_units
    word = given.first("provider", "gateway")
    order.provider.declines, order.provider.later = _says_no(word), _says_later(word)
    order.fulfil({name: int(many) for name, many in (given.value("fulfilled") or {}).items()})
    return order


def _says_no(word: Any) -> bool:
    """A provider that fails for good; without a word it does what it is asked."""
    if word in (None, "approves", "accepts", "ok", "automatic") or _says_later(word):
        return False
    if any(part in str(word) for part in ("fail", "declin", "error", "reject", "refus")):
        return True
    raise NotUnderstoodError(f"provider: {word!r}")


def _says_later(word: Any) -> bool:
    """Somebody settles its refunds by hand, or a notification does."""
    return any(part in str(word) for part in ("manual", "pending", "later", "async", "two-stage"))


def _shipping(given: Keys, described: Mapping[str, Any]) -> int:
    stated = given.first("shipping_gross", "shipping", default=described.get("shipping_gross"))
    if stated is not None:
        return int(stated)
    named = json.dumps(given.value("payments", []), default=str)
    return _SOME_SHIPPING if "shipping" in named else 0


def _lines(given: Keys, described: Mapping[str, Any]) -> list[Line]:
    other = given.value("line_qty_override") or {}
    price, units = given.first("unit_gross", "unit_price"), given.first("line_qty", "qty")
    if price is not None:
        return [_line(_LINE, int(units or 1), int(price))]
    found = []
    for number, each in enumerate(given.value("lines") or described.get("lines", ())):
        said = Keys(f"lines.{number}", each)
        name = str(said.first("id", "line", default=_LINE))
        gross = int(said.first("unit_gross", "unit_price", "price", default=_SOME_PRICE))
        net, _rate = said.value("unit_net", gross), said.first("tax_rate", "rate")
        quantity = int(other.get(name, said.first("qty", "quantity", default=1)))
        said.done()
        found.append(_line(name, quantity, gross, (gross - int(net)) * quantity))
    return found


def _line(name: str, quantity: int, price: int, tax: int = 0) -> Line:
    return Line(name, name, f"The {name}", quantity, usd(price), usd(0), usd(tax))


def _paid_in_all(given: Keys) -> int:
    """What an order came to of which only payments are said."""
    payment, payments = given.value("payment"), given.value("payments")
    if isinstance(payment, Mapping):
        return int(payment["amount"])
    if payments:
        return max(int(each["amount"]) for each in payments)
    return int(given.first("captured", "charged", "authorized", default=_SOME_PRICE))


# --- how it was paid ------------------------------------------------------------------------------

_TAKEN = frozenset(
    {"settled", "completed", "captured", "paid", "charged", "refunded", "fully_charged"}
)
_GONE = frozenset({"canceled", "cancelled", "voided", "void"})
_REFUSED = frozenset({"failed", "declined", "error"})


def _means(given: Keys, total: int, shipping: int) -> list[Means]:
    payments, payment = given.value("payments"), given.value("payment")
    if payments:
        return [
            _one_of(Keys(f"payments.{number}", each), number, shipping)
            for number, each in enumerate(payments, start=1)
        ]
    if isinstance(payment, Mapping):
        return [_one_of(Keys("payment", payment), 1, shipping)]
    taken = given.first("captured", "charged")
    held = given.value("authorized")
    if "payment" in given and str(payment).lower() in ("none", "false", "missing", ""):
        return [Means("1", total, 0)]
    if taken is not None:
        whole = max(total, int(taken))
        return [Means("1", whole, int(whole if held is None else held), int(taken))]
    if held is not None:
        return [Means("1", max(total, int(held)), int(held))]
    state = given.first("charge_status", "payment_state", "payment_status", default="settled")
    return [_in_state("1", total, payment or state)]


def _one_of(said: Keys, number: int, shipping: int) -> Means:
    name = str(said.first("id", "name", default=number))
    amount = _amount(said.first("amount", "total"), shipping)
    state = said.first("status", "state")
    taken = _summed(said.first("captured", "charged", "captures"))
    back = _summed(said.first("refunded", "refunds", "credits"))
    said.value("shares")
    said.done()
    if taken is not None:
        return Means(name, amount, amount, int(taken), back=int(back or 0))
    found = _in_state(name, amount, state or "completed")
    return Means(
        name,
        found.amount,
        found.authorized,
        found.captured,
        found.voided,
        found.declined,
        int(back or 0),
    )


def _summed(value: Any) -> int | None:
    """An amount, or amounts one by one."""
    if isinstance(value, list):
        return sum(int(each["amount"] if isinstance(each, Mapping) else each) for each in value)
    return None if value is None else int(value)


def _amount(value: Any, shipping: int) -> int:
    """A sum of amounts, where *shipping* stands for what that costs."""
    terms = [term.strip() for term in str(value).split("+")]
    return sum(shipping if term == "shipping" else int(term) for term in terms)


def _in_state(name: str, amount: int, state: Any) -> Means:
    word = str(state).lower()
    if word in _TAKEN:
        return Means(name, amount, amount, amount)
    if word == "authorized":
        return Means(name, amount, amount)
    if word in _GONE:
        return Means(name, amount, amount, voided=True)
    if word in _REFUSED:
        return Means(name, amount, 0, declined=True)
    if word in ("pending", "created", "requested", "new", "not_charged", "unpaid", "checkout"):
        return Means(name, amount, 0)
    raise NotUnderstoodError(f"payment: {state!r}")


def _shares(given: Keys) -> dict[str, Means]:
    """What each of several orders has of one payment."""
    payment, share = given.value("payment"), given.value("share")
    if share is not None:
        return {_name_of(share): _share("1", Keys("share", share))}
    if not isinstance(payment, Mapping) or "shares" not in payment:
        return {}
    said = Keys("payment", payment)
    state = said.first("status", "state")
    said.first("amount", "id", "shares")
    said.done()
    return {
        _name_of(each): _share("1", Keys(f"shares.{number}", each), state)
        for number, each in enumerate(payment["shares"])
    }


def _name_of(share: Mapping[str, Any]) -> str:
    return str(share.get("order", "the order"))


def _share(name: str, said: Keys, state: Any = None) -> Means:
    said.value("order")
    taken, held = said.first("captured", "charged"), said.first("authorized", "amount")
    back = int(said.value("refunded", 0) or 0)
    said.done()
    if taken is None and held is not None:
        found = _in_state(name, int(held), state or "authorized")
        return Means(name, found.amount, found.authorized, found.captured, back=back)
    whole = int(taken if held is None else held)
    return Means(name, whole, whole, int(taken or 0), back=back)


# --- what is done ---------------------------------------------------------------------------------

_VERBS = frozenset(
    {
        "refund",
        "grant_refund",
        "cancel_lines",
        "cancel_order",
        "refundable_balance",
        "credit_allowed",
        "apply_coupon",
        "set_line_qty",
        "add_surcharge",
        "capture",
        "settle_refund",
        "fail_refund",
    }
)


class _Case:
    """The orders of a case, and what became of each step."""

    def __init__(self, given: Keys, then: Keys, oms: World) -> None:
        self.coupon = given.value("coupon")
        self.orders = _orders(given, then, oms)
        self.accepted: list[bool] = []
        self.refused = ""
        self.last = next(iter(self.orders.values()))
        earlier = given.first("already_granted", "already_refunded", "refunded")
        for each in earlier if isinstance(earlier, list) else [earlier]:
            if each:
                asked = each if isinstance(each, Mapping) else {"amount": each}
                self._grant(Step("already", asked, Keys("already", {})))
        self.reserved = self.last.reserved()
        self.before = len(self.last.refunds)

    def order(self, name: Any) -> PaidOrder:
        """Where only one is given, it has any name."""
        if name in self.orders:
            self.last = self.orders[name]
        elif name not in (None, "", True) and len(self.orders) > 1:
            raise NotUnderstoodError(f"order: {name!r}")
        return self.last

    def do(self, step: Step) -> None:
        acts: Mapping[str, Callable[[Step], None]] = {
            "refund": self._refund,
            "grant_refund": self._grant,
            "cancel_lines": self._cancel_lines,
            "cancel_order": self._cancel_order,
            "apply_coupon": self._apply_coupon,
            "set_line_qty": self._set_quantity,
            "add_surcharge": self._surcharge,
            "capture": self._capture,
            "settle_refund": lambda step: self._decided(step, arrived=True),
            "fail_refund": lambda step: self._decided(step, arrived=False),
        }
        if step.verb not in acts:
            step.only()
            return
        order = self.last
        order.shop.refused = ""
        self.accepted.append(order.attempt(lambda: acts[step.verb](step)))
        self.refused = self.refused or self.last.shop.refused

    def _refund(self, step: Step) -> None:
        said = Keys("refund", step.value or {})
        order = self.order(said.value("order"))
        step.more.done()
        if order.is_closed:
            # What was cancelled as a whole has been given back as a whole.
            said.read |= said.members.keys()
            return
        asked = _asked(said, order, stays=order.stays)
        if asked is not None:
            order.refund(asked)

    def _grant(self, step: Step) -> None:
        said = Keys("grant_refund", step.value or {})
        order = self.order(said.value("order"))
        step.more.done()
        asked = _asked(said, order, stays=True)
        if asked is not None:
            # To grant nothing is not to grant all.
            order.ask(replace(asked, goodwill=usd(0)) if asked.is_whole else asked)

    def _cancel_lines(self, step: Step) -> None:
        step.more.done()
        self.last.cancel_lines(dict(_units(step.value)))

    def _cancel_order(self, step: Step) -> None:
        order = self.order(step.value)
        amount, give_back = step.more.first("refund_amount", "amount"), True
        give_back = bool(step.more.value("refund_payments", give_back))
        step.more.value("reason")
        step.more.done()
        if amount is not None and give_back:
            lines = tuple(AskedLine(line.line_id) for line in order.order.content.lines)
            order.refund(Asked(lines, amount=usd(int(amount))))
            return
        order.cancel()

    def _apply_coupon(self, step: Step) -> None:
        order = self.last
        off = _gross_of(self.coupon)
        order.refund(Asked(goodwill=usd(off), payments=_first(step.more, order)))
        step.more.done()

    def _decided(self, step: Step, *, arrived: bool) -> None:
        """Whoever settles refunds by hand says what became of the last one."""
        step.more.read |= step.more.members.keys()
        self.last.decide_refund(arrived=arrived)

    def _surcharge(self, step: Step) -> None:
        """Below zero it is money back; what is to be paid in addition is asked for elsewhere."""
        order, amount = self.last, int(step.value)
        first = _first(step.more, order)
        step.more.done()
        if amount >= 0:
            raise NotUnderstoodError(f"add_surcharge: {amount}")
        order.refund(Asked(goodwill=usd(-amount), payments=first))

    def _capture(self, step: Step) -> None:
        said = Keys("capture", step.value if isinstance(step.value, Mapping) else {})
        whole = step.value if isinstance(step.value, int) else None
        amount = said.value("amount", whole)
        said.done()
        step.more.done()
        self.last.capture(None if amount is None else int(amount))

    def _set_quantity(self, step: Step) -> None:
        """Fewer units are wanted of the only line: the others are cancelled, and refunded."""
        order = self.last
        line = order.order.content.lines[0]
        line_id = str(step.more.value("line", line.line_id))
        fewer = order.order.content.line(line_id).quantity - int(step.value)
        asked = Asked((AskedLine(line_id, Decimal(fewer)),), payments=_first(step.more, order))
        step.more.done()
        order.refund(asked)


def _gross_of(coupon: Any) -> int:
    """``5.00 net off the order (6.00 gross)``, or minor units."""
    if isinstance(coupon, int):
        return coupon
    found = re.search(r"([0-9]+\.[0-9]{2}) gross", str(coupon))
    if not found:
        raise NotUnderstoodError(f"coupon: {coupon!r}")
    return Money.parse(found.group(1), "USD").minor


def _first(said: Keys, order: PaidOrder) -> tuple[str, ...]:
    name = said.first("refund_to", "payment", "payment_id")
    return () if name is None else (order.payment_named(str(name)),)


def _asked(said: Keys, order: PaidOrder, *, stays: bool) -> Asked | None:
    """What is to be given back; nothing of it when all that is named was cancelled, and given back
    with that. What names nothing by name asks for nothing, and not for all."""
    named = said.members.keys() - {"order", "reason", "note", "payment", "payment_id", "refund_to"}
    lines = [
        *_asked_lines(said.value("lines"), None, order),
        *_asked_lines(said.first("unfulfilled_lines", "order_lines"), True, order),
        *_asked_lines(said.first("fulfilled_lines", "fulfillment_lines"), False, order),
    ]
    shipping = said.first("shipping", "include_shipping", "shipping_costs", default=False)
    amount = said.first("amount", "total")
    extra = int(said.first("adjustment", "goodwill") or 0)
    first = _first(said, order)
    for ignored in ("reason", "order", "note"):
        said.value(ignored)
    said.done()
    asked = Asked(
        lines=tuple(line for line in lines if line is not None),
        shipping=shipping if isinstance(shipping, bool) else _some(shipping),
        goodwill=usd(extra) if extra > 0 else None,
        amount=None if amount is None else usd(int(amount)),
        payments=first,
        cancel=not stays,
    )
    if extra < 0:
        computed = suggest(order.order, asked).computed
        return replace(asked, amount=usd(computed + extra))
    if named and asked.is_whole:
        return None if lines else replace(asked, goodwill=usd(0))
    return asked


def _some(minor: Any) -> Money | bool:
    return usd(int(minor)) if minor else False


def _asked_lines(value: Any, unshipped: bool | None, order: PaidOrder) -> list[AskedLine | None]:
    """What was cancelled has been given back with that, and stands as none."""
    found: list[AskedLine | None] = []
    for name, units in _units(value or ()):
        gone = min(units, order.cancelled.get(name, 0))
        order.cancelled[name] = order.cancelled.get(name, 0) - gone
        left = units - gone
        found.append(AskedLine(name, Decimal(left), unshipped) if left or not gone else None)
    return found


def _units(value: Any) -> list[tuple[str, int]]:
    if isinstance(value, Mapping):
        return [(str(name), int(many)) for name, many in value.items()]
    found = []
    for number, each in enumerate(value):
        said = Keys(f"lines.{number}", each)
        name = str(said.first("line", "id", "order_line", "line_id"))
        found.append((name, int(said.first("qty", "quantity", default=1))))
        said.value("reason")
        said.done()
    return found


# --- what is seen ---------------------------------------------------------------------------------

# What peers call our refusals.
_TOO_MUCH = {"refund_above_captured", "nothing_to_refund"}
_DECLINED = {"refund_declined"}
_UNITS = {"line_above_available", "quantity_not_positive", "unknown_line"}
_ERRORS: Mapping[str, frozenset[str]] = {
    "cannot_refund": frozenset(_TOO_MUCH | _DECLINED),
    **dict.fromkeys(
        (
            "exceeds_refundable",
            "exceeds_captured",
            "exceeds_charged",
            "refund_amount_exceeds_balance",
            "amount_greater_than_available",
            "nothing_to_refund",
            "order_state",
            "refund_order_state",
            "already_refunded",
            "payment_not_refundable",
            "not_captured",
            "no_payment",
        ),
        frozenset(_TOO_MUCH | {"shipping_above_available", "line_above_available"}),
    ),
    **dict.fromkeys(
        ("invalid_quantity", "quantity_greater_than_available", "quantity_too_great", "not_found"),
        frozenset(_UNITS),
    ),
    "shipping_costs_already_granted": frozenset({"shipping_above_available"}),
    "payment_order_mismatch": frozenset({"unknown_payment"}),
    **dict.fromkeys(("payment_declined", "gateway_error"), frozenset(_DECLINED)),
    **dict.fromkeys(
        ("required", "invalid", "nothing_named"),
        frozenset({"nothing_to_refund", "amount_not_positive", "line_twice"}),
    ),
    **dict.fromkeys(("duplicated", "duplicated_input", "duplicate"), frozenset({"line_twice"})),
    **dict.fromkeys(
        ("invalid_amount", "negative_amount", "zero_quantity"),
        frozenset({"amount_not_positive", "quantity_not_positive"}),
    ),
}

# By parts of words that are not listed.
_BY_PART: Mapping[str, frozenset[str]] = {
    "quantity": frozenset(_UNITS),
    "line": frozenset(_UNITS | {"line_twice"}),
    "shipping": frozenset({"shipping_above_available"}),
    "positive": frozenset({"amount_not_positive"}),
    **dict.fromkeys(("transition", "final"), frozenset({"illegal_transition"})),
    "currency": frozenset({"wrong_currency"}),
    **dict.fromkeys(("declin", "gateway", "provider", "payment_error"), frozenset(_DECLINED)),
    **dict.fromkeys(
        ("exceed", "greater", "above", "too_large", "too_much", "over", "captured", "refundable"),
        frozenset(_TOO_MUCH | {"shipping_above_available"}),
    ),
}


def _meant_by(word: str) -> frozenset[str]:
    """Our codes that a peer's word stands for."""
    if word in _ERRORS:
        return _ERRORS[word]
    return next((codes for part, codes in _BY_PART.items() if part in word), frozenset())


# What our states of a refund mean to them.
_STATES: Mapping[str, frozenset[str]] = {
    "refunded": frozenset({"refunded", "settled", "completed", "success", "succeeded"}),
    "requested": frozenset({"pending", "requested", "none", "created"}),
    "failed": frozenset({"failed", "failure", "error"}),
}
_ORDINALS = ("first", "second", "third", "fourth", "fifth")


def _state_called(expected: Any, state: str) -> str:
    return str(expected) if str(expected).lower() in _STATES.get(state, ()) else state


def _facts(case: _Case, then: Keys) -> Facts:
    order = case.last
    made = order.refunds[case.before :]
    last = made[-1] if made else None
    orders = case.orders
    gone = order.order.state == "cancelled"
    accepted = all(case.accepted)
    error = then.value("error")
    payments = order.order.payments
    reserved = order.reserved()
    return {
        "accepted": accepted,
        **{f"{word}_accepted": done for word, done in zip(_ORDINALS, case.accepted, strict=False)},
        "error": str(error) if case.refused in _meant_by(str(error)) else case.refused,
        "refund_amount": last.amount if last else 0,
        "refund_total": sum(refund.amount for refund in made),
        "total": sum(refund.amount for refund in made),
        "credited": sum(refund.amount for refund in made),
        "shipping_refund": last.shipping if last and last.shipping else None,
        "items": sum(line.amount for line in last.lines) if last else 0,
        "shipping": last.shipping if last else 0,
        "adjustment": last.goodwill if last else 0,
        "refund_state": _state_called(then.value("refund_state"), last.state if last else ""),
        "refunded": sum(refund.amount for refund in order.arrived),
        "charge_status": _charge_called(then.value("charge_status"), order),
        "state": _state_called(then.value("state"), last.state if last else ""),
        "refunds": _refunds(case, then.value("refunds")),
        "refundable": left_to_repay(order.order),
        "unfulfilled_after": order.unfulfilled(),
        "fulfilled_not_refunded_after": order.fulfilled_not_refunded(),
        "allocations_change": {name: reserved[name] - case.reserved[name] for name in reserved},
        "total_equals_payments_minus_refunds": order.order.due == payments.kept,
        "granted_amount": _granted(order, last) if accepted else 0,
        "granted_total": order.order.progress.granted,
        "total_granted": order.order.progress.granted,
        "shipping_included": bool(last and last.shipping),
        "granted_status": _granted_status(then.value("granted_status"), last is not None),
        "order_status": _order_called(then.value("order_status"), gone=gone),
        "share_authorized": (payments.authorized - payments.voided).minor,
        "refunded_for": {
            name: sum(refund.amount for refund in one.arrived) for name, one in orders.items()
        },
    }


def _refunds(case: _Case, expected: Any) -> Any:
    """How many arrived; of each how much; or of each payment what by it."""
    if isinstance(expected, Mapping):
        return case.last.given_back()
    arrived = [refund.amount for refund in case.last.arrived[case.before :]]
    return arrived if isinstance(expected, list) else len(arrived)


def _charge_called(expected: Any, order: PaidOrder) -> str:
    kept, back = order.order.payments.kept, order.order.payments.refunded
    words: tuple[str, ...] = ("charged", "fully_charged", "captured", "settled")
    if back:
        words = ("partially_refunded", "partial", "partially_charged")
    if back and not kept:
        words = ("fully_refunded", "refunded", "none")
    return str(expected) if str(expected).lower() in words else words[0]


def _granted(order: PaidOrder, last: Refund | None) -> int:
    """How much less is due, as far as that was paid."""
    return min(last.granted, order.order.payments.kept.minor) if last else 0


def _granted_status(expected: Any, made: bool) -> str:
    """Nothing was tried when it was granted: that comes with the refund itself."""
    return str(expected) if made and str(expected).lower() in ("none", "pending") else ""


def _order_called(expected: Any, *, gone: bool) -> str:
    word = "cancelled" if gone else "open"
    return str(expected) if gone and str(expected) in ("canceled", "cancelled") else word


def money_back(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    case = _Case(given, then, oms)
    for step in steps_of(when, _VERBS):
        case.do(step)
    return _facts(case, then)


KINDS: Mapping[str, Callable[[Keys, Any, Keys, World], Facts]] = dict.fromkeys(
    (
        "refund.amount",
        "refund.limits",
        "refund.multi_payment",
        "refund.shared_payment",
        "grant",
        "cancel.credit",
    ),
    money_back,
)
