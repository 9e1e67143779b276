from decimal import Decimal

import pytest

from oms.kernel.errors import Invalid
from oms.kernel.quantity import parse_quantity, quantity_number


def test_a_quantity_is_counted_in_the_items_scale() -> None:
    assert parse_quantity(Decimal("1.25"), 3) == 1250
    assert quantity_number(1250, 3) == Decimal("1.250")
    assert quantity_number(2, 0) == 2


@pytest.mark.parametrize(
    ("value", "scale", "code"),
    [("1.5", 0, "too_many_decimals"), ("1e30", 0, "invalid_quantity"), ("NaN", 0, None)],
)
def test_what_cannot_be_counted_is_refused(value: str, scale: int, code: str | None) -> None:
    with pytest.raises(Invalid) as refused:
        parse_quantity(Decimal(value), scale)
    assert code in (None, refused.value.problem_code)
