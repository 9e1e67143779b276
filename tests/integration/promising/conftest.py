from collections.abc import Iterator

import pytest

from tests.integration.promising.desk import Desk
from tests.integration.world import world


@pytest.fixture
def desk() -> Iterator[Desk]:
    with world() as made:
        yield Desk(made)
