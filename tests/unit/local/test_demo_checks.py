"""What the demo finds wrong with an outcome."""

from collections import Counter

import pytest

from local.demo.board import Order, Payment
from local.demo.checks import expected_mails, mail_faults, order_faults
from local.demo.mails import mail_of
from local.demo.samples import Sample
from local.failure import LocalFailure
from tests.unit.local.orders import PAID, order, parcel, payment

DELIVERED = Sample("orders/x.json", "web", "WEB-1", "", nodes=("sp",))
REFUNDED = Sample("orders/x.json", "web", "WEB-1", "", state="cancelled", status="refunded")


def faults(found: Order, sample: Sample) -> list[str]:
    return order_faults({found.key: found}, (sample,))


def test_an_order_that_ended_as_its_sample_says_is_without_fault() -> None:
    assert faults(order(parcels=(parcel("sp"),)), DELIVERED) == []


def test_an_order_in_another_state_is_named_with_both() -> None:
    (fault,) = faults(order(state="cancelled", status="cancelled"), DELIVERED)

    assert fault == "order WEB-1 of web is cancelled/cancelled, not completed/completed"


def test_an_order_from_another_node_is_a_fault() -> None:
    (fault,) = faults(order(parcels=(parcel("rj"),)), DELIVERED)

    assert fault == "order WEB-1 of web went to rj, not to sp"


def test_a_missing_order_is_a_fault() -> None:
    assert order_faults({}, (DELIVERED,)) == ["order WEB-1 of web is not there"]


def test_an_order_that_nobody_sent_is_a_fault() -> None:
    stray = order("WEB-2")

    assert order_faults({stray.key: stray}, ()) == ["nobody sent WEB-2"]


@pytest.mark.parametrize(
    ("sample", "paid"),
    [
        (DELIVERED, payment(captured="99.99")),
        (DELIVERED, payment(captured="100.00", refunded="0.01")),
        (REFUNDED, payment(captured="100.00", refunded="99.99")),
        (REFUNDED, payment(captured="0.00", voided="99.99")),
    ],
)
def test_money_that_does_not_balance_is_a_fault(sample: Sample, paid: Payment) -> None:
    parcels = (parcel("sp"),) if sample.nodes else ()

    (fault,) = faults(
        order(state=sample.state, status=sample.status, paid=paid, parcels=parcels), sample
    )

    assert "does not balance" in fault


@pytest.mark.parametrize(
    "paid",
    [
        payment(captured="100.00", refunded="100.00"),
        payment(captured="0.00", voided="100.00"),
        payment(authorized="0.00"),
    ],
)
def test_a_cancelled_order_balances_when_nothing_is_kept_or_held(paid: Payment) -> None:
    assert faults(order(state="cancelled", status="refunded", paid=paid), REFUNDED) == []


def test_a_mail_is_told_by_the_subject_of_its_template() -> None:
    portuguese = mail_of(["ana@example.com"], "Devolvemos R$ 1.274,80 do seu pedido APP-2002")
    english = mail_of(["sam@example.com"], "Your order CALL-3001 has been delivered")

    assert portuguese == ("ana@example.com", "APP-2002", "refunded", "pt-BR")
    assert english == ("sam@example.com", "CALL-3001", "delivered", "en")


def test_a_mail_that_nobody_knows_is_a_failure() -> None:
    with pytest.raises(LocalFailure, match="no template"):
        mail_of(["ana@example.com"], "Congratulations")


def test_mails_that_are_missing_or_too_many_are_faults() -> None:
    found = order(paid=PAID)
    expected = expected_mails({found.key: found}, (DELIVERED,))
    to = ("ana@example.com", "WEB-1")
    sent = Counter({(*to, "confirmation", "pt-BR"): 2, (*to, "shipped", "pt-BR"): 1})

    assert mail_faults(sent, expected) == [
        "the e-mail ana@example.com WEB-1 delivered pt-BR was not sent",
        "the e-mail ana@example.com WEB-1 confirmation pt-BR was sent beyond what was expected",
    ]
