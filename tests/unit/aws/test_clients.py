from typing import Any

import pytest
from botocore.model import ServiceModel
from botocore.session import Session

from oms.aws import clients


def inputs(service: ServiceModel) -> dict[str, list[str]]:
    operations = map(service.operation_model, service.operation_names)
    return {
        each.name: list(each.input_shape.members) if each.input_shape else [] for each in operations
    }


@pytest.mark.parametrize("service", clients.SERVICES)
def test_a_client_is_as_botocore_would_have_made_it(service: str) -> None:
    usual: Any = Session().create_client(service, config=clients.CONFIG)

    client = clients.make(service)

    assert dir(client) == dir(usual)
    assert client.meta.endpoint_url == usual.meta.endpoint_url
    assert client.meta.config.retries == usual.meta.config.retries
    assert inputs(client.meta.service_model) == inputs(usual.meta.service_model)


def test_answers_can_be_read_page_by_page() -> None:
    assert clients.dynamodb().can_paginate("query")


def test_one_client_serves_all_of_an_execution_environment() -> None:
    assert clients.dynamodb() is clients.dynamodb()
