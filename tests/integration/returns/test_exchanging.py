"""Exchanges over HTTP: edited as often as it takes, settled once, and what happens afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.clock import handler as clock
from oms.aws import dynamo, stores
from oms.kernel.clock import utc_now
from oms.kernel.errors import Conflict, ProviderUnavailable, VersionConflict
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.orders import capturing, decisions, fulfillment, paying, payment, sourcing
from oms.orders.command import execute
from oms.orders.giving_back import give_back
from oms.orders.model import Order, State
from oms.payments.providers import RefundRequest
from oms.payments.registry import PaymentProviders, ProviderSettings
from oms.reporting.money_moved import note
from oms.returns import unreturned
from oms.returns.decisions import find
from oms.returns.events import ExchangeConfirmed
from oms.routing.policies import BuiltIn
from tests.integration.gateway import Gateway
from tests.integration.returns.counter import Desk
from tests.integration.world import World
from tests.samples import CAUSE, content, line, money, no_credit


def wants(price: str, **more: Any) -> dict[str, Any]:
    return {"lines": [{"sku": "TEE", "quantity": 1, "unit_price": price}], **more}


CARD = {"method": "card", "provider": "simulator", "token": "4242424242424242"}


@dataclass
class Shop:
    """Exchanges of orders that were delivered; providers stand where they do in a deployment."""

    desk: Desk
    oms: World
    call: Gateway

    def asked(self, units: Mapping[str, float] | None = None, **more: Any) -> dict[str, Any]:
        order = self.desk.delivered()
        return self.desk.ask(order, units or {"MUG": 1}, resolution="exchange", **more)

    def back(self, found: Mapping[str, Any], units: Mapping[str, float] | None = None) -> Any:
        """It came, and is as good as new."""
        lines = [{"line_id": name, "quantity": many} for name, many in (units or {}).items()]
        more: dict[str, Any] = {"lines": lines} if units else {}
        self.desk.receive(found, **more)
        view = self.call("returns", f"GET /v1/returns/{found['id']}")[1]
        waits = {
            each["line_id"]: {"restock": each["received"] - each["inspected"]}
            for each in view["lines"]
            if each["received"] > each["inspected"]
        }
        return self.desk.inspect(found, waits)

    def draft(self, found: Mapping[str, Any], document: object, *, preview: bool = False) -> Any:
        status, answer = self.try_to_draft(found, document, preview=preview)
        assert status == 200, answer
        return answer["quote"]

    def try_to_draft(
        self, found: Mapping[str, Any], document: object, *, preview: bool = False
    ) -> tuple[int, Any]:
        return self.call(
            "returns",
            f"PUT /v1/returns/{found['id']}/exchange",
            document,
            query={"preview": "true"} if preview else None,
        )

    def confirm(self, found: Mapping[str, Any], **more: Any) -> Any:
        status, answer = self.try_to_confirm(found, **more)
        assert status in (200, 201), answer
        return answer

    def try_to_confirm(self, found: Mapping[str, Any], **more: Any) -> tuple[int, Any]:
        query = {"preview": "true"} if more.pop("preview", False) else None
        path = f"POST /v1/returns/{found['id']}/exchange/confirm"
        return self.call("returns", path, more or None, query=query)

    # --- what runs behind ---------------------------------------------------------------------

    def order(self, order_id: str) -> Order:
        return self.oms.orders.load(order_id)

    def providers(self) -> Any:
        def back(request: Any) -> str:
            return unreturned.give_back(request, self.oms.orders, CAUSE)

        settings = ProviderSettings(lambda: "", exchange=back)
        return PaymentProviders(settings).named

    def carry_out(self, order_id: str) -> Order:
        """What the function behind the queue does with all that is asked for."""
        order, providers = self.order(order_id), self.providers()
        for one in order.payments.each[1:]:
            payment.hold_added(order_id, one.id, self.oms.orders, providers, CAUSE)
        for asked in paying.open_captures(self.order(order_id)):
            capturing.capture(order_id, asked.key, self.oms.orders, providers, CAUSE)
        for refund in self.order(order_id).progress.refunds:
            if refund.state == "requested":
                give_back(order_id, refund.id, self.oms.orders, providers, no_credit, CAUSE)
        return self.order(order_id)

    def deliver(self, order_id: str) -> Order:
        """The lifecycle of an order, from its stock to its end."""
        orders, stock = self.oms.orders, self.oms.stock
        for each in self.order(order_id).content.lines:
            self.oms.receive(each.sku, each.quantity)
        sourcing.reserve(order_id, orders, stock, self.oms.catalog, BuiltIn(), CAUSE)
        payment.authorize(order_id, orders, self.providers(), CAUSE)
        order = fulfillment.release(order_id, orders, CAUSE)
        for part in order.progress.fulfillments:
            fulfillment.accept(part.id, orders, stock, CAUSE)
            fulfillment.advance(part.id, "pick", orders, CAUSE)
            fulfillment.advance(part.id, "pack", orders, CAUSE)
            fulfillment.ship(part.id, "carrier", f"T-{part.id}", orders, stock, CAUSE)
            fulfillment.advance(part.id, "deliver", orders, replace(CAUSE, at=utc_now()))
        return capturing.settle(order_id, orders, self.providers(), CAUSE)

    def refund(self, order_id: str, amount: str) -> str:
        status, answer = self.call(
            "payments",
            f"POST /v1/orders/{order_id}/refunds",
            {"amount": amount, "reason": "goodwill"},
            headers={"Idempotency-Key": "refund"},
        )
        assert status in (200, 201, 202), answer
        self.carry_out(order_id)
        return self.order(order_id).progress.refunds[-1].id

    def refund_only_asked(self, order_id: str) -> str:
        """All of it, and no provider has heard of it."""
        status, answer = self.call(
            "payments",
            f"POST /v1/orders/{order_id}/refunds",
            {"reason": "no longer wanted", "cancel": False},
            headers={"Idempotency-Key": "all"},
        )
        assert status in (200, 201, 202), answer
        return self.order(order_id).progress.refunds[-1].id

    def cancel(self, order_id: str) -> Order:
        orders = self.oms.orders
        execute(orders, order_id, lambda found: decisions.request_cancel(found, "no"), CAUSE)
        fulfillment.withdraw(order_id, orders, self.oms.stock.capacity, CAUSE)
        sourcing.unreserve(order_id, orders, self.oms.stock, CAUSE)
        payment.close_cancelled(order_id, orders, self.providers(), "no", CAUSE)
        return self.carry_out(order_id)

    def clock(self, days: int = 15) -> int:
        cause = Cause(utc_now() + timedelta(days=days), "clock", "not_returned")
        return unreturned.charge_unreturned(
            self.oms.orders, stores.expected_returns(), cause, limit=10
        )

    def kept(self, *order_ids: str) -> int:
        """What the customer has paid, for good, over these orders."""
        return sum(self.order(name).payments.kept.minor for name in order_ids)


@pytest.fixture
def shop(desk: Desk, oms: World, call: Gateway) -> Shop:
    return Shop(desk, oms, call)


def test_what_costs_the_same_costs_nothing_more(shop: Shop) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    shop.back(asked)

    done = shop.confirm(asked)

    exchange, old = done["exchange"], shop.order(asked["order_id"])
    new = shop.deliver(exchange["order_id"])
    assert (done["state"], exchange["paid"], exchange["collected"]) == ("resolved", "10.00", "0.00")
    assert new.state is State.COMPLETED
    assert [(one.provider, one.captured.minor) for one in new.payments.each] == [("exchange", 1000)]
    assert new.content.exchange_of == asked["id"]
    assert [(each.amount, each.state) for each in old.progress.refunds] == [(1000, "refunded")]
    assert shop.kept(old.order_id, new.order_id) == 3000
    assert old.due.minor == 2000


def test_what_costs_more_is_collected_once_however_often_it_was_edited(shop: Shop) -> None:
    asked = shop.asked()
    for price in ("12.00", "99.00", "12.00", "15.00"):
        quote = shop.draft(asked, wants(price, shipping="5.00", return_shipping="2.50"))
    shop.back(asked)
    done = shop.confirm(asked, payments=[CARD])

    new = shop.deliver(done["exchange"]["order_id"])

    assert quote == {
        "currency": "BRL",
        "returned": "10.00",
        "lines": "15.00",
        "shipping": "5.00",
        "fees": "2.50",
        "total": "22.50",
        "difference": "12.50",
        "collect": "12.50",
        "refund": "0.00",
        "total_after": "42.50",
    }
    assert done["exchange"]["edits"] == 4
    assert [one.captured.minor for one in new.payments.each] == [1000, 1250]
    assert shop.kept(asked["order_id"], new.order_id) == 4250


def test_what_costs_less_goes_back_once(shop: Shop) -> None:
    asked = shop.asked({"MUG": 2})
    shop.draft(asked, wants("5.00"))
    shop.back(asked)

    done = shop.confirm(asked)
    old = shop.carry_out(asked["order_id"])

    assert (done["exchange"]["paid"], done["exchange"]["refunded"]) == ("5.00", "15.00")
    assert [(each.amount, each.state, each.to[:9]) for each in old.progress.refunds] == [
        (500, "refunded", "exchange:"),
        (1500, "refunded", ""),
    ]
    assert shop.kept(old.order_id, done["exchange"]["order_id"]) == 1500
    assert old.payments.refundable.minor == 1000


@pytest.mark.parametrize(
    ("included", "told"),
    [(True, ("10.00", "5.00", "4.00", "19.00")), (False, ("11.00", "5.50", "4.20", "20.70"))],
)
def test_each_part_of_a_quote_is_told_with_its_tax(
    shop: Shop, included: bool, told: tuple[str, ...]
) -> None:
    made = replace(content(line("MUG", 2), number="tax"), prices_include_tax=included)
    asked = shop.desk.ask(shop.desk.delivered(made=made), {"MUG": 1}, resolution="exchange")
    wanted = wants(
        "10.00",
        shipping="5.00",
        shipping_tax="0.50",
        fees=[{"fee_id": "gift", "name": "Gift", "amount": "2.00", "tax": "0.20"}],
        return_shipping="2.00",
    )
    wanted["lines"][0]["tax"] = "1.00"

    quote = shop.draft(asked, wanted)

    assert tuple(quote[name] for name in ("lines", "shipping", "fees", "total")) == told


def test_what_was_given_back_for_nothing_does_not_come_back_as_worth(shop: Shop) -> None:
    order = shop.desk.delivered()
    shop.refund(order.order_id, "23.00")
    asked = shop.desk.ask(order, {"MUG": 1}, resolution="exchange")
    quote = shop.draft(asked, wants("10.00"))
    shop.back(asked)

    done = shop.confirm(asked, payments=[CARD])

    assert (quote["returned"], quote["collect"], quote["total_after"]) == ("7.00", "3.00", "10.00")
    assert (done["exchange"]["paid"], done["exchange"]["collected"]) == ("7.00", "3.00")
    assert shop.order(order.order_id).due.minor == 0


def test_a_preview_and_a_draft_cost_nothing_and_leave_nothing(shop: Shop) -> None:
    asked = shop.asked()
    before = shop.order(asked["order_id"])

    shop.draft(asked, wants("99.00"), preview=True)
    assert shop.order(asked["order_id"]).version == before.version
    shop.draft(asked, wants("99.00"))
    shop.draft(asked, wants("99.00"))
    assert shop.order(asked["order_id"]).version == before.version + 1
    shop.desk.step(asked, "cancel", {"reason": "kept after all"})

    after = shop.order(asked["order_id"])
    assert (after.progress.refunds, after.progress.granted) == ((), 0)
    assert after.payments == before.payments
    assert shop.try_to_confirm(asked)[1]["code"] == "illegal_transition"


def test_confirmed_twice_there_is_one_order(shop: Shop) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    shop.back(asked)
    assert shop.try_to_confirm(asked, preview=True)[1]["quote"]["total"] == "10.00"

    first, second = shop.try_to_confirm(asked), shop.try_to_confirm(asked)

    assert (first[0], second[0]) == (201, 200)
    assert first[1] == second[1]
    assert len(shop.order(asked["order_id"]).progress.refunds) == 1


def test_confirmed_twice_at_once_there_is_one_order(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    shop.back(asked)
    orders = stores.orders()
    appending, first = orders.appending, list[int]()

    def is_overtaken(self: Any, *args: Any) -> Write:
        if not first:
            first.append(0)
            first[0] = shop.try_to_confirm(asked)[0]
        return appending(*args)

    monkeypatch.setattr(type(orders), "appending", is_overtaken)
    second, done = shop.try_to_confirm(asked)

    assert (first, second) == ([201], 200)
    assert len(shop.order(asked["order_id"]).progress.refunds) == 1
    assert shop.kept(asked["order_id"], done["exchange"]["order_id"]) == 3000


@pytest.mark.parametrize("crashes", ["before", "after"])
def test_a_crash_leaves_both_orders_or_neither(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, crashes: str
) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    shop.back(asked)
    orders = stores.orders()
    add = orders.add

    def dies(*args: Any, **more: Any) -> Any:
        if crashes == "after":
            add(*args, **more)
        raise RuntimeError("the process died")

    with monkeypatch.context() as patched:
        patched.setattr(type(orders), "add", lambda self, *args, **more: dies(*args, **more))
        shop.try_to_confirm(asked)
    done = shop.confirm(asked)

    old = shop.order(asked["order_id"])
    assert len(old.progress.refunds) == 1
    assert shop.kept(old.order_id, done["exchange"]["order_id"]) == 3000


def test_who_loses_the_race_decides_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    shop.back(asked)
    orders = stores.orders()
    appending, lost = orders.appending, list[int]()

    def once_too_late(self: Any, *args: Any) -> Write:
        write = appending(*args)
        if not lost:
            lost.append(1)
            request = {**write.request["Put"], "ConditionExpression": "attribute_exists(pk)"}
            return Write({"Put": request}, VersionConflict("somebody was first"))
        return write

    monkeypatch.setattr(type(orders), "appending", once_too_late)
    done = shop.confirm(asked)

    assert shop.kept(asked["order_id"], done["exchange"]["order_id"]) == 3000


# --- in advance -------------------------------------------------------------------------------


def test_in_advance_the_new_order_leaves_before_the_goods_come(shop: Shop) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))

    done = shop.confirm(asked, advance=True)
    new = shop.deliver(done["exchange"]["order_id"])
    late = shop.back(asked)

    assert (done["state"], late["state"]) == ("approved", "resolved")
    assert done["exchange"]["return_by"]
    assert shop.clock() == 0
    assert shop.kept(asked["order_id"], new.order_id) == 3000
    assert len(shop.order(asked["order_id"]).progress.refunds) == 1


def test_what_never_comes_is_charged_once_and_given_back_when_it_does(shop: Shop) -> None:
    asked = shop.asked({"MUG": 2})
    shop.draft(asked, wants("20.00"))
    new = shop.deliver(shop.confirm(asked, advance=True)["exchange"]["order_id"])
    assert shop.clock(days=13) == 0

    shop.back(asked, {"MUG": 1})
    assert (shop.clock(), shop.clock()) == (1, 0)
    charged = shop.carry_out(asked["order_id"])
    assert shop.kept(asked["order_id"], new.order_id) == 4000
    assert charged.payments.each[-1].captured.minor == 1000

    shop.desk.receive(asked, "late")
    shop.desk.inspect(asked, {"MUG": {"restock": 1}}, "late")
    shop.carry_out(asked["order_id"])
    assert shop.kept(asked["order_id"], new.order_id) == 3000
    assert shop.clock(days=40) == 0


def test_what_was_exchanged_in_advance_can_always_come_late(shop: Shop, desk: Desk) -> None:
    asked = shop.asked({"MUG": 2})
    shop.draft(asked, wants("20.00"))
    new_id = shop.confirm(asked, advance=True)["exchange"]["order_id"]
    shop.back(asked, {"MUG": 1})

    status, answer = desk.try_to(asked, "resolve", {"resolution": "none", "close": True})

    assert (status, answer["code"], answer["expected"]) == (409, "not_received", {"MUG": 1})
    assert shop.clock() == 1
    shop.carry_out(asked["order_id"])
    desk.receive(asked, "late")
    desk.inspect(asked, {"MUG": {"restock": 1}}, "late")
    shop.carry_out(asked["order_id"])
    assert shop.kept(asked["order_id"], new_id) == 3000


def test_a_means_of_payment_is_kept_only_as_long_as_goods_are_to_come(shop: Shop) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    shop.back(asked)

    shop.confirm(asked, advance=True, charge=CARD)

    exchange = find(shop.order(asked["order_id"]), asked["id"]).exchange
    assert exchange is not None
    assert (exchange.charge, exchange.return_by) == (None, None)


def test_what_was_charged_and_given_back_for_nothing_is_not_given_back_again(shop: Shop) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    new_id = shop.confirm(asked, advance=True)["exchange"]["order_id"]
    assert shop.clock() == 1
    shop.carry_out(asked["order_id"])
    shop.refund(asked["order_id"], "25.00")

    shop.back(asked)
    after = shop.carry_out(asked["order_id"])

    assert (after.due.minor, after.payments.kept.minor) == (0, 0)
    assert after.progress.refunds[-1].amount == 500
    assert shop.kept(asked["order_id"], new_id) == 1000


def test_two_exchanges_that_never_come_are_each_charged(shop: Shop) -> None:
    order = shop.desk.delivered()
    new = list[str]()
    for line_id in ("MUG", "TEE"):
        asked = shop.desk.ask(order, {line_id: 1}, resolution="exchange")
        shop.draft(asked, wants("10.00"))
        new.append(shop.confirm(asked, advance=True)["exchange"]["order_id"])

    assert shop.clock() == 2
    charged = shop.carry_out(order.order_id)

    assert [one.captured.minor for one in charged.payments.each] == [3000, 1000, 1000]
    assert (charged.due.minor, charged.payments.kept.minor) == (3000, 3000)
    assert shop.kept(order.order_id, *new) == 5000


def test_a_charge_that_is_declined_is_seen_and_ends_when_the_goods_come(shop: Shop) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    charge = {"method": "card", "provider": "simulator", "token": "4000000000000002"}
    shop.confirm(asked, advance=True, charge=charge)

    assert shop.clock() == 1
    declined = shop.carry_out(asked["order_id"])
    assert declined.progress.unpaid
    assert declined.status == "payment_failed"
    assert shop.kept(asked["order_id"]) == 2000

    shop.back(asked)
    after = shop.carry_out(asked["order_id"])
    assert (after.progress.unpaid, after.due.minor) == ("", 2000)
    assert shop.kept(asked["order_id"]) == 2000


# --- when the new order ends ------------------------------------------------------------------


def test_a_new_order_that_is_cancelled_gives_back_to_the_card_that_paid(shop: Shop) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("15.00"))
    shop.back(asked)
    new_id = shop.confirm(asked, payments=[CARD])["exchange"]["order_id"]

    new = shop.cancel(new_id)
    assert shop.kept(new_id) == 0
    shop.cancel(new_id)
    old = shop.carry_out(asked["order_id"])

    assert new.state is State.CANCELLED
    assert shop.kept(asked["order_id"]) == 2000
    assert [(each.amount, each.to[:8]) for each in old.progress.refunds] == [
        (1000, "exchange"),
        (1000, ""),
    ]


def test_cancelled_before_the_goods_came_the_money_is_kept_until_they_do(shop: Shop) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    new_id = shop.confirm(asked, advance=True)["exchange"]["order_id"]

    shop.cancel(new_id)
    shop.carry_out(asked["order_id"])
    assert shop.kept(asked["order_id"], new_id) == 3000
    assert shop.clock() == 0
    shop.back(asked)
    shop.carry_out(asked["order_id"])
    assert shop.kept(asked["order_id"], new_id) == 2000


def test_the_same_money_given_back_twice_goes_back_once(shop: Shop) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    shop.back(asked)
    new_id = shop.confirm(asked)["exchange"]["order_id"]
    providers = shop.providers()
    request = RefundRequest(new_id, "pay", "rfd", "", money(600), "k1")
    for _ in range(2):
        providers("exchange").refund(request)
    old = shop.carry_out(asked["order_id"])
    assert [refund.amount for refund in old.progress.refunds] == [1000, 600]

    with pytest.raises(Conflict) as refused:
        providers("exchange").refund(replace(request, idempotency_key="k2"))
    assert refused.value.problem_code == "refund_above_captured"
    assert refused.value.context == {"refundable": "4.00"}


# --- in several ways --------------------------------------------------------------------------


def test_an_exchange_can_be_exchanged_and_all_of_it_goes_back_to_the_first_card(
    shop: Shop,
) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    shop.back(asked)
    second = shop.deliver(shop.confirm(asked)["exchange"]["order_id"])
    status, again = shop.desk.request(second, {"TEE": 1}, resolution="exchange")
    assert status == 201
    shop.draft(again, wants("4.00"))
    shop.back(again)
    third = shop.confirm(again)["exchange"]["order_id"]
    for order_id in (second.order_id, asked["order_id"]):
        shop.carry_out(order_id)
    everything = (asked["order_id"], second.order_id, third)
    assert shop.kept(*everything) == 2400

    shop.cancel(third)
    for order_id in (second.order_id, asked["order_id"]):
        shop.carry_out(order_id)

    assert shop.kept(*everything) == 2000
    assert shop.order(asked["order_id"]).payments.each[0].kept.minor == 2000


def test_what_comes_after_the_exchange_was_closed_over_it_is_refunded(shop: Shop) -> None:
    asked = shop.asked({"MUG": 2})
    shop.draft(asked, wants("10.00"))
    shop.back(asked, {"MUG": 1})
    refused = shop.try_to_confirm(asked)
    assert (refused[0], refused[1]["code"]) == (409, "not_received")
    assert refused[1]["expected"] == {"MUG": 1}

    done = shop.confirm(asked, close=True)

    assert (done["state"], done["closed"]) == ("resolved", True)
    assert done["exchange"]["paid"] == "10.00"
    assert shop.kept(asked["order_id"], done["exchange"]["order_id"]) == 3000


def test_the_origin_is_on_both_orders(shop: Shop, call: Gateway) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    shop.back(asked)

    exchange = shop.confirm(asked)["exchange"]

    new = call("orders", f"GET /v1/orders/{exchange['order_id']}")[1]
    assert new["exchange_of"] == asked["id"]
    assert new["customer"] == call("orders", f"GET /v1/orders/{asked['order_id']}")[1]["customer"]
    assert call("returns", f"GET /v1/returns/{asked['id']}")[1]["exchange"] == exchange


def test_no_provider_is_believed_to_have_moved_what_an_exchange_paid(shop: Shop) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("15.00"))
    shop.back(asked)
    new_id = shop.confirm(asked, payments=[CARD])["exchange"]["order_id"]
    shop.deliver(new_id)
    moved = stores.settlements()
    refund_id = shop.refund(new_id, "12.00")
    shop.carry_out(asked["order_id"])

    for order_id in (asked["order_id"], new_id):
        for event in shop.oms.orders.history(order_id):
            note(event, shop.oms.orders, moved)

    since, until = CAUSE.at - timedelta(days=1), utc_now() + timedelta(days=1)
    seen = [(one.kind, one.amount.minor) for one in moved.between("simulator", since, until)]
    assert sorted(seen) == [("capture", 500), ("capture", 3000), ("refund", 500), ("refund", 700)]
    assert not moved.between("exchange", since, until)
    assert shop.order(new_id).refund_state(refund_id) == "refunded"
    assert shop.kept(asked["order_id"], new_id) == 2300


def test_the_clock_charges_what_never_came(shop: Shop) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    shop.confirm(asked, advance=True)
    due = stores.expected_returns()
    (expected,) = due.overdue(utc_now() + timedelta(days=15), 10)
    earlier = replace(expected, until=utc_now() - timedelta(minutes=1))
    dynamo.transact(shop.oms.client, [due.expect(earlier)])
    _let_it_be_due(shop, shop.order(asked["order_id"]), earlier.until)

    clock.charge_unreturned()

    assert shop.order(asked["order_id"]).payments.each[-1].amount.minor == 1000
    assert not due.overdue(utc_now(), 10)


def test_returns_that_cannot_be_charged_hold_up_no_other(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = list[str]()
    for _ in range(2):
        asked = shop.asked()
        shop.draft(asked, wants("10.00"))
        shop.confirm(asked, advance=True)
        ids.append(asked["id"])
    due, charge = stores.expected_returns(), unreturned.charge
    later = Cause(utc_now() + timedelta(days=15), "clock", "not_returned")

    def fails(return_id: str, orders: Any, cause: Cause) -> bool:
        if return_id == ids[0]:
            raise ProviderUnavailable("not now", code="not_now")
        return charge(return_id, orders, cause)

    with monkeypatch.context() as patched:
        patched.setattr(unreturned, "charge", fails)
        with pytest.raises(ProviderUnavailable):
            unreturned.charge_unreturned(shop.oms.orders, due, later, limit=1)
        assert unreturned.charge_unreturned(shop.oms.orders, due, later, limit=1) == 1
        assert not due.overdue(later.at, 10)

    afterwards = replace(later, at=later.at + unreturned.TRIED_AGAIN_AFTER)
    assert unreturned.charge_unreturned(shop.oms.orders, due, afterwards, limit=1) == 1
    assert not due.overdue(afterwards.at, 10)


def _let_it_be_due(shop: Shop, order: Order, until: datetime) -> None:
    """As if it had been confirmed two weeks ago."""
    found = find(order, order.progress.returns[0].id)
    exchange = found.exchange
    assert exchange is not None
    earlier = ExchangeConfirmed(
        found.id,
        exchange.order_id,
        exchange.returned,
        exchange.total,
        exchange.paid,
        return_by=until,
    )
    shop.oms.orders.commit(order, (earlier,), CAUSE)


# --- refusals ---------------------------------------------------------------------------------


def test_what_cannot_be_confirmed_says_why(shop: Shop, desk: Desk) -> None:
    asked = shop.asked()

    def refused(**more: Any) -> tuple[int, str]:
        status, answer = shop.try_to_confirm(asked, **more)
        return status, answer["code"]

    assert refused() == (409, "not_received")
    assert refused(close=True) == (409, "not_received")
    assert refused(advance=True) == (409, "nothing_wanted")
    shop.draft(asked, wants("30.00"))
    assert refused(advance=True) == (422, "payment_needed")
    assert shop.try_to_confirm(asked, advance=True)[1]["due"] == "20.00"
    assert refused(advance=True, charge={"token": "nonsense"}) == (422, "unknown_test_token")
    by_exchange = {"method": "card", "provider": "exchange", "token": ""}
    assert refused(advance=True, payments=[by_exchange]) == (422, "unknown_payment_provider")
    half = {**CARD, "amount": "5.00"}
    assert refused(advance=True, payments=[half]) == (422, "payments_mismatch")
    desk.receive(asked)
    assert refused() == (409, "not_inspected")
    assert shop.order(asked["order_id"]).progress.granted == 0


def test_what_cannot_be_drafted_says_why(shop: Shop, desk: Desk) -> None:
    asked = shop.asked()
    money_back = desk.ask(desk.delivered(), {"MUG": 1})

    def refused(found: Mapping[str, Any], document: object) -> tuple[int, str]:
        status, answer = shop.try_to_draft(found, document)
        return status, answer["code"]

    assert refused(money_back, wants("1.00")) == (409, "not_an_exchange")
    assert refused({"id": asked["id"][:-1] + "9"}, wants("1.00")) == (404, "not_found")
    assert refused(asked, {"lines": []})[0] == 422
    assert refused(asked, wants("1.00", discount="5.00")) == (422, "total_below_zero")
    nothing = {"lines": [{"sku": "NOTHING", "quantity": 1, "unit_price": "1.00"}]}
    assert refused(asked, nothing) == (422, "unknown_sku")
    shop.draft(asked, wants("10.00"))
    shop.confirm(asked, advance=True)
    assert refused(asked, wants("1.00")) == (409, "illegal_transition")


def test_where_the_policy_does_not_exchange_in_advance_it_is_refused(
    shop: Shop, desk: Desk
) -> None:
    desk.policy(advance_days=0)
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))

    status, answer = shop.try_to_confirm(asked, advance=True)

    assert (status, answer["code"], answer["policy"]) == (409, "advance_not_allowed", "p")


def test_what_was_exchanged_in_advance_is_not_cancelled_any_more(shop: Shop, desk: Desk) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    shop.confirm(asked, advance=True)

    status, answer = desk.try_to(asked, "cancel")

    assert (status, answer["code"]) == (409, "illegal_transition")
    assert (answer["state"], answer["allowed"]) == ("approved", ["label", "receive"])


def test_nobody_pays_an_order_by_exchange_who_brings_nothing(shop: Shop, call: Gateway) -> None:
    order = shop.desk.delivered()

    status, answer = call(
        "payments",
        f"POST /v1/orders/{order.order_id}/payments",
        {"method": "card", "provider": "exchange", "token": "t"},
        headers={"Idempotency-Key": "k"},
    )

    assert (status, answer["code"]) == (422, "unknown_payment_provider")
