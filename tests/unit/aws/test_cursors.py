import base64
import json

import pytest

from oms.aws.dynamo import decode_cursor, encode_cursor
from oms.kernel.errors import Invalid

KEY = {"pk": {"S": "list"}, "sk": {"S": "a"}}


def of(key: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def test_a_cursor_is_the_key_that_a_page_ended_at() -> None:
    cursor = encode_cursor(KEY)
    assert cursor is not None
    assert decode_cursor(cursor, {"pk": "list"}) == KEY


@pytest.mark.parametrize(
    "key",
    [
        {**KEY, "pk": {"S": "another"}},
        {"pk": {"S": "list"}},
        {**KEY, "sk": {"N": "1"}},
        {**KEY, "sk": {"S": 1}},
        {**KEY, "sk": {"S": ""}},
        {**KEY, "sk": {"S": "x" * 1025}},
        {**KEY, "sk": {"S": "a", "N": "1"}},
        {**KEY, "sk": "a"},
        {**KEY, "more": {"S": "a"}},
        [],
        "list",
        None,
    ],
)
def test_what_is_not_the_key_of_an_item_of_the_list_is_no_cursor(key: object) -> None:
    with pytest.raises(Invalid) as refused:
        decode_cursor(of(key), {"pk": "list"})
    assert refused.value.problem_code == "invalid_cursor"


@pytest.mark.parametrize("cursor", ["%", "zzz", "é", "\ud800"])
def test_what_is_no_key_at_all_is_no_cursor(cursor: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor(cursor, {"pk": "list"})
