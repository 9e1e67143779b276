from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from oms.orders.contract import Moment

MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


@pytest.mark.parametrize("sent", ["2026-05-04T12:00:00Z", "2026-05-04T09:00:00.000-03:00"])
def test_a_moment_says_its_zone(sent: str) -> None:
    assert MOMENT.validate_python(sent) == datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("2026-05-04T12:00:00", "timezone_aware"),
        ("2026-05-04", "timezone_aware"),
        (1_777_896_000, "datetime_type"),
        ("1777896000", "datetime_type"),
        (None, "datetime_type"),
        ("9999-12-31T23:59:59-05:00", "date_out_of_range"),
        ("9991-01-01T00:00:00Z", "date_out_of_range"),
        ("0001-01-01T00:00:00+05:00", "date_out_of_range"),
    ],
)
def test_what_is_no_moment_of_ours_is_refused(sent: object, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        MOMENT.validate_python(sent)
    assert [error["type"] for error in refused.value.errors()] == [code]


def test_it_is_described_as_a_date_and_time() -> None:
    assert MOMENT.json_schema() == {"type": "string", "format": "date-time"}
