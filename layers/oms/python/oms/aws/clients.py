"""AWS clients, made once per execution environment: making one costs as much as importing boto3."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_stepfunctions import SFNClient

# Standard mode retries throttling, timeouts and 5xx with exponential backoff and full jitter.
# Parameters are checked by mypy and by the service; checking them a third time costs CPU per call.
CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "max_attempts": 4},
    parameter_validation=False,
)


@cache
def dynamodb() -> DynamoDBClient:
    return boto3.client("dynamodb", config=CONFIG)


@cache
def events() -> EventBridgeClient:
    return boto3.client("events", config=CONFIG)


@cache
def stepfunctions() -> SFNClient:
    return boto3.client("stepfunctions", config=CONFIG)
