"""AWS clients, made once per execution environment.

They are botocore's own and stay so (docs/adr/0016-aws-through-botocore.md): signing, transport and
retries are not this project's business. There is no boto3 around them: what boto3 adds (resources,
transfers to S3) is used nowhere and takes a third of its import. Making a client is mostly reading
botocore's descriptions of services, and botocore first looks through the folders of some 400
services to learn which there are. Both are made short here; behaviour stays as botocore has it.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
from botocore.config import Config
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_stepfunctions import SFNClient

SERVICES = ("dynamodb", "events", "secretsmanager", "sesv2", "sqs", "stepfunctions")

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
    return cast("DynamoDBClient", make("dynamodb"))


@cache
def events() -> EventBridgeClient:
    return cast("EventBridgeClient", make("events"))


@cache
def stepfunctions() -> SFNClient:
    return cast("SFNClient", make("stepfunctions"))


def make(service: str, config: Config = CONFIG) -> Any:
    """A client of one of ``SERVICES``."""
    return _session().create_client(service, config=config)


@cache
def _session() -> Session:
    session = Session()
    session.register_component("data_loader", _Descriptions(file_loader=_JsonFiles()))
    return session


class _Descriptions(Loader):
    """botocore's descriptions of the services used here."""

    def list_available_services(self, type_name: str) -> list[str]:
        return list(SERVICES)


class _JsonFiles(JSONFileLoader):
    """Decodes with msgspec, in a fifth of the time."""

    def load_file(self, file_path: str) -> Any:
        """``file_path`` has no suffix. None when there is no such file."""
        plain, packed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            return msgspec.json.decode(plain.read_bytes())
        if packed.is_file():
            return msgspec.json.decode(gzip.decompress(packed.read_bytes()))
        return None
