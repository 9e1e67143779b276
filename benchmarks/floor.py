"""The least that a Lambda function in Python with boto3 and Powertools' logger costs."""

from typing import Any

import boto3  # noqa: F401
from aws_lambda_powertools import Logger

logger = Logger()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return {}
