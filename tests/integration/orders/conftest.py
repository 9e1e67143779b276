from collections.abc import Iterator

import pytest

from tests.integration.world import World, world


@pytest.fixture
def oms() -> Iterator[World]:
    with world() as made:
        yield made
