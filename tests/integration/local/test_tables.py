"""The tables in memory answer as moto does, and refuse what moto lets pass but DynamoDB not."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from local.tables import Tables
from tests.integration.world import create_tables

KEYS = st.builds(
    lambda pk, sk: {"pk": {"S": pk}, "sk": {"S": sk}},
    st.sampled_from(["MUG", "TEE"]),
    st.sampled_from(["node#a", "node#b", "until#1", "share#web"]),
)
NAMES = st.sampled_from(["units", "left", "expires_at", "expiring"])
NUMBERS = st.integers(-3, 3).map(lambda number: {"N": str(number)})
TEXTS = st.sampled_from(["1", "10", "2", "é", "z"]).map(lambda text: {"S": text})
SIGNS = st.sampled_from(["=", "<", "<=", ">", ">="])
# What is in the index is a text everywhere; only numbers are added to.
TYPED = {"units": NUMBERS, "left": NUMBERS, "expires_at": TEXTS, "expiring": TEXTS}
ITEMS = st.builds(
    lambda key, rest: {**key, **rest}, KEYS, st.fixed_dictionaries({}, optional=dict(TYPED))
)
Part = tuple[str, dict[str, Any]]


@st.composite
def compared(draw: st.DrawFn) -> Part:
    name = draw(NAMES)
    low, high = draw(TYPED[name]), draw(TYPED[name])
    which = draw(st.sampled_from(["compare", "between", "begins", "there", "not there"]))
    if which == "compare":
        return f"#n_{name} {draw(SIGNS)} :low", {":low": low}
    if which == "between":
        low, high = sorted((low, high), key=_sorted)
        return f"#n_{name} BETWEEN :low AND :high", {":low": low, ":high": high}
    if which == "begins" and "S" in low:
        return f"begins_with(#n_{name}, :low)", {":low": low}
    return f"attribute_{'not_' if which == 'not there' else ''}exists(#n_{name})", {}


def _sorted(value: dict[str, str]) -> tuple[int, str]:
    return int(value.get("N", "0")), value.get("S", "")


@st.composite
def conditions(draw: st.DrawFn) -> Part:
    parts = draw(st.lists(compared(), min_size=1, max_size=3))
    texts: list[str] = []
    values: dict[str, Any] = {}
    for number, (text, given_values) in enumerate(parts):
        for name, value in given_values.items():
            text = text.replace(name, f"{name}{number}")
            values[f"{name}{number}"] = value
        texts.append(text)
    if len(texts) == 3:
        return f"({texts[0]} OR {texts[1]}) AND {texts[2]}", values
    return draw(st.sampled_from([" AND ", " OR "])).join(texts), values


@st.composite
def updates(draw: st.DrawFn) -> Part:
    """Of each attribute at most one change; a difference needs what it is taken from."""
    sets, adds, removes = list[str](), list[str](), list[str]()
    values: dict[str, Any] = {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        value = draw(TYPED[name])
        how = draw(st.sampled_from(["set", "add", "change", "remove"]))
        if how == "remove":
            removes.append(f"#n_{name}")
            continue
        values[f":{name}"] = value
        if how == "set" or "S" in value:
            sets.append(f"#n_{name} = :{name}")
        elif how == "add":
            adds.append(f"#n_{name} :{name}")
        else:
            sets.append(f"#n_{name} = #n_{name} {draw(st.sampled_from('+-'))} :{name}")
    clauses = {"SET": sets, "ADD": adds, "REMOVE": removes}
    text = " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts)
    return text, values


@st.composite
def writes(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    kind = draw(st.sampled_from(["Put", "Update", "Update", "Delete"]))
    write: dict[str, Any] = {"Item": draw(ITEMS)} if kind == "Put" else {"Key": draw(KEYS)}
    texts: list[str] = []
    values: dict[str, Any] = {}
    if kind == "Update":
        write["UpdateExpression"], values = draw(updates())
        texts.append(write["UpdateExpression"])
    if draw(st.booleans()):
        write["ConditionExpression"], more = draw(conditions())
        values = values | more
        texts.append(write["ConditionExpression"])
    names = {f"#n_{name}": name for name in TYPED if f"#n_{name}" in " ".join(texts)}
    if names:
        write["ExpressionAttributeNames"] = names
    if values:
        write["ExpressionAttributeValues"] = values
    return kind, write


@st.composite
def queries(draw: st.DrawFn) -> dict[str, Any]:
    indexed = draw(st.booleans())
    partition, sort = ("expiring", "expires_at") if indexed else ("pk", "sk")
    low = draw(TEXTS if indexed else st.sampled_from([{"S": "node#"}, {"S": "node#b"}]))
    high = {"S": "until#1"}
    values = {":of": draw(TEXTS) if indexed else {"S": "MUG"}}
    rest, more = draw(
        st.sampled_from(
            [
                ("", {}),
                (f" AND {sort} >= :low", {":low": low}),
                (f" AND begins_with({sort}, :low)", {":low": low}),
                (f" AND {sort} BETWEEN :low AND :high", {":low": low, ":high": high}),
            ]
        )
    )
    return {
        **({"IndexName": "expiring"} if indexed else {}),
        "KeyConditionExpression": f"{partition} = :of{rest}",
        "ExpressionAttributeValues": {**values, **more},
        "ScanIndexForward": draw(st.booleans()),
        "Limit": draw(st.integers(1, 3)),
    }


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Any, Any]]:
    with mock_aws():
        moto = boto3.client("dynamodb")
        memory: Any = Tables()
        for client in (moto, memory):
            create_tables(client)
        yield moto, memory


@given(
    requests=st.lists(st.lists(writes(), min_size=1, max_size=3), min_size=1, max_size=12),
    asked=st.lists(queries(), max_size=4),
)
@settings(max_examples=30, phases=(Phase.explicit, Phase.generate))
def test_whatever_is_asked_it_answers_as_moto_does(
    both: tuple[Any, Any],
    requests: list[list[tuple[str, dict[str, Any]]]],
    asked: list[dict[str, Any]],
) -> None:
    for client in both:
        empty(client)

    for members in requests:
        one_item_each = {str(_key(write)): (kind, write) for kind, write in members}
        moto, memory = (answer_to(client, list(one_item_each.values())) for client in both)
        assert moto == memory

    moto, memory = (scanned(client) for client in both)
    assert moto == memory
    for query in asked:
        moto, memory = (paged(client, query) for client in both)
        assert moto == memory


def empty(client: Any) -> None:
    for item in scanned(client):
        client.delete_item(TableName="inventory", Key=_key({"Item": item}))


def answer_to(client: Any, members: list[tuple[str, dict[str, Any]]]) -> object:
    """What it was refused with, if it was: which conditions failed, or that it makes no sense."""
    named = [(kind, {"TableName": "inventory", **write}) for kind, write in members]
    try:
        if len(named) == 1:
            kind, write = named[0]
            getattr(client, f"{kind.lower()}_item")(**write)
        else:
            client.transact_write_items(TransactItems=[{kind: write} for kind, write in named])
    except ClientError as error:
        reasons: Any = error.response.get("CancellationReasons", [])
        codes = [reason.get("Code") for reason in reasons]
        senseless = "ValidationError" in codes or "ValidationException" in str(error)
        return "senseless" if senseless else (error.response["Error"]["Code"], codes)
    return None


def scanned(client: Any) -> list[Any]:
    items = client.get_paginator("scan").paginate(TableName="inventory")
    found = (item for page in items for item in page["Items"])
    return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


def paged(client: Any, query: dict[str, Any]) -> list[Any]:
    """All pages, each begun where the one before ended. Whether the last says so they differ in."""
    found: list[Any] = []
    request = {"TableName": "inventory", **query}
    while True:
        page = client.query(**request)
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            return found
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _key(write: dict[str, Any]) -> dict[str, Any]:
    whole = write.get("Item") or write["Key"]
    return {name: whole[name] for name in ("pk", "sk")}


MUG = {"pk": {"S": "MUG"}, "sk": {"S": "node#a"}}
TEE = {"pk": {"S": "TEE"}, "sk": {"S": "node#a"}}


def put(item: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": "inventory", "Item": item, **more}}


def update(text: str, **values: str) -> dict[str, Any]:
    given_values = {f":{name}": {"N": value} for name, value in values.items()}
    return {
        "TableName": "inventory",
        "Key": MUG,
        "UpdateExpression": text,
        **({"ExpressionAttributeValues": given_values} if values else {}),
    }


def put_at_once(tables: Any, *items: dict[str, Any]) -> object:
    puts = [{"PutRequest": {"Item": item}} for item in items]
    return tables.batch_write_item(RequestItems={"inventory": puts})


def test_items_are_put_at_once_as_moto_does(both: tuple[Any, Any]) -> None:
    for client in both:
        empty(client)
        put_at_once(client, TEE, {**MUG, "units": {"N": "1"}})
        put_at_once(client, {**MUG, "units": {"N": "2"}})
    moto, memory = (scanned(client) for client in both)
    assert moto == memory
    assert [item.get("units") for item in moto] == [{"N": "2"}, None]


REFUSED: dict[str, Callable[[Any], object]] = {
    "two operations on one item": lambda tables: tables.transact_write_items(
        TransactItems=[put(MUG), {"Update": update("ADD units :one", one="1")}]
    ),
    "more than a hundred items": lambda tables: tables.transact_write_items(
        TransactItems=[put({**MUG, "sk": {"S": f"node#{number}"}}) for number in range(101)]
    ),
    "more than 25 items in a batch": lambda tables: put_at_once(
        tables, *({**MUG, "sk": {"S": f"node#{number}"}} for number in range(26))
    ),
    "an item twice in a batch": lambda tables: put_at_once(tables, MUG, TEE, MUG),
    "no item at all": lambda tables: tables.transact_write_items(TransactItems=[]),
    "a check of nothing": lambda tables: tables.transact_write_items(
        TransactItems=[{"ConditionCheck": {"TableName": "inventory", "Key": MUG}}]
    ),
    "a value that is not used": lambda tables: tables.update_item(
        **update("ADD units :one", one="1", two="2")
    ),
    "a value that is not there": lambda tables: tables.update_item(**update("ADD units :one")),
    "a reserved word": lambda tables: tables.update_item(**update("ADD counter :one", one="1")),
    "one attribute twice": lambda tables: tables.update_item(
        **update("SET units = :one ADD units :one", one="1")
    ),
    "a key that changes": lambda tables: tables.update_item(**update("SET sk = :one", one="1")),
    "a difference from nothing": lambda tables: tables.update_item(
        **update("SET units = units - :one", one="1")
    ),
    "an unknown function": lambda tables: tables.update_item(
        **update("SET units = if_not_exists(units, :one)", one="1")
    ),
    "an empty key": lambda tables: tables.put_item(
        TableName="inventory", Item={**MUG, "sk": {"S": ""}}
    ),
    "an unknown argument": lambda tables: tables.put_item(
        TableName="inventory", Item=MUG, Expected={}
    ),
    "an item of more than 400 kB": lambda tables: tables.put_item(
        TableName="inventory", Item={**MUG, "text": {"S": "x" * 410_000}}
    ),
    "a range of no key": lambda tables: tables.query(
        TableName="inventory",
        KeyConditionExpression="pk = :of AND units > :of",
        ExpressionAttributeValues={":of": {"S": "MUG"}},
    ),
}


@pytest.mark.parametrize("request_", REFUSED.values(), ids=REFUSED)
def test_what_dynamodb_refuses_or_it_does_not_know_is_refused_and_nothing_done(
    request_: Callable[[Any], object],
) -> None:
    tables: Any = Tables()
    create_tables(tables)

    with pytest.raises(ClientError) as refused:
        request_(tables)

    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert scanned(tables) == []


def test_a_transaction_says_which_condition_failed_and_does_nothing() -> None:
    tables: Any = Tables()
    create_tables(tables)
    once = {"ConditionExpression": "attribute_not_exists(pk)"}
    tables.transact_write_items(TransactItems=[put(MUG, **once)])

    with pytest.raises(tables.exceptions.TransactionCanceledException) as refused:
        tables.transact_write_items(TransactItems=[put(TEE, **once), put(MUG, **once)])

    codes = [reason["Code"] for reason in refused.value.response["CancellationReasons"]]
    assert codes == ["None", "ConditionalCheckFailed"]
    assert scanned(tables) == [MUG]
