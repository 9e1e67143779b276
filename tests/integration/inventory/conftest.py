from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from local import engine
from local.aws import local_session
from tests.integration.world import World, made_with, world

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def oms() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture(scope="package")
def engine_client(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[DynamoDBClient]":
    """Of an engine that runs transactions side by side, as neither moto nor tables in memory do."""
    running = engine.start(tmp_path_factory.mktemp("engine"), lifetime="with this process")
    try:
        yield local_session().client("dynamodb", endpoint_url=running.endpoint)
    finally:
        engine.stop(running)


@pytest.fixture
def oms_on_engine(engine_client: "DynamoDBClient") -> Iterator[World]:
    yield made_with(engine_client)
    for table in engine_client.list_tables()["TableNames"]:
        engine_client.delete_table(TableName=table)
