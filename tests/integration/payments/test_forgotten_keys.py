"""A provider forgets a key after a day: then it is asked what became of the authorisation first."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from oms.kernel.errors import ProviderUnavailable
from oms.orders import payment
from oms.payments.providers import Approved, AuthorizationRequest, ProviderOutcome
from tests.integration.orders.test_payment import sourced
from tests.integration.payments.bookkeeper import LOST, SILENT, Bookkeeper
from tests.integration.world import World, world
from tests.samples import CAUSE, content

SOON = replace(CAUSE, at=CAUSE.at + timedelta(hours=1))
LATE = replace(CAUSE, at=CAUSE.at + timedelta(hours=25))


@dataclass
class Forgetful(Bookkeeper):
    """Finds an authorisation by its payment."""

    found: list[str] = field(default_factory=list)

    def named(self, name: str) -> "Forgetful":
        return self

    def find(self, request: AuthorizationRequest) -> ProviderOutcome | None:
        self.found.append(request.payment_id)
        return next(
            (
                Approved(name)
                for name, account in self.book.items()
                if account.payment_id == request.payment_id
            ),
            None,
        )


@pytest.fixture
def oms() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.mark.parametrize(("fault", "asked"), [(LOST, 1), (SILENT, 2)])
def test_a_hold_that_was_made_is_found_and_one_that_was_not_is_asked_for(
    oms: World, fault: str, asked: int
) -> None:
    provider = Forgetful(faults=[fault])
    order = sourced(oms, content())
    with pytest.raises(ProviderUnavailable):
        payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    provider.answers.clear()

    payment.authorize(order.order_id, oms.orders, provider.named, LATE)

    assert len(provider.found) == 1
    assert len([key for key in provider.keys if ":authorize:" in key]) == asked
    assert len(provider.book) == 1
    assert oms.orders.load(order.order_id).payments.capturable == order.content.total


def test_while_the_key_is_kept_it_is_enough(oms: World) -> None:
    provider = Forgetful(faults=[LOST])
    order = sourced(oms, content())
    with pytest.raises(ProviderUnavailable):
        payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)

    payment.authorize(order.order_id, oms.orders, provider.named, SOON)

    assert (provider.found, len(provider.book)) == ([], 1)
