"""Many at once, against an engine that really runs transactions side by side."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local import engine
from local.aws import local_session
from oms.inventory.model import Need
from oms.kernel.errors import StockContended
from tests.integration.world import World, made_with
from tests.samples import CAUSE


@pytest.fixture
def oms(tmp_path: Path) -> Iterator[World]:
    running = engine.start(tmp_path, lifetime="with this process")
    try:
        yield made_with(local_session().client("dynamodb", endpoint_url=running.endpoint))
    finally:
        engine.stop(running)


def test_of_sixty_who_want_one_of_twenty_exactly_twenty_get_it(oms: World) -> None:
    oms.receive("MUG", 20)

    def buy(number: int) -> bool:
        need = [Need("MUG", "sp-dc", 1)]
        try:
            oms.stock.transact(oms.stock.reserve(need, f"ord_{number}", CAUSE))
        except StockContended:
            return False
        return True

    with ThreadPoolExecutor(16) as buyers:
        won = sum(buyers.map(buy, range(60)))
    assert won == 20
    assert oms.balance("MUG").available == 0
    assert oms.ledger("MUG") == (20, 20)
