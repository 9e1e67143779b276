"""The stack that a command acts on: the one on this machine, or one in an AWS account."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import boto3

from local.aws import local_session
from local.deploy import Deployment
from local.failure import LocalFailure


@dataclass(frozen=True, slots=True)
class Target:
    """How to reach a deployed stack, and what its parts are called.

    `endpoint` is None on AWS, where each service has its own. `dead_letter_queues` has the URL of
    each queue by its name.
    `availability_queue` is the URL of the queue of SKUs whose channels are to be told.
    """

    session: boto3.Session
    endpoint: str | None
    dead_letter_queues: Mapping[str, str]
    availability_queue: str
    event_bus: str
    orders_table: str
    inventory_table: str
    accounts_table: str

    @property
    def is_on_aws(self) -> bool:
        return self.endpoint is None


def here(deployment: Deployment) -> Target:
    return Target(
        session=local_session(),
        endpoint=deployment.endpoint,
        dead_letter_queues=deployment.dead_letter_queues,
        availability_queue=deployment.availability_queue,
        event_bus=deployment.event_bus,
        orders_table=deployment.orders_table,
        inventory_table=deployment.inventory_table,
        accounts_table=deployment.accounts_table,
    )


def on_aws() -> Target:
    """The stack in the account and region that the caller is signed in to, by its outputs."""
    session = boto3.Session()
    outputs = _outputs(session)
    return Target(
        session=session,
        endpoint=None,
        dead_letter_queues=json.loads(outputs["DeadLetterQueues"]),
        availability_queue=json.loads(outputs["QueueUrls"])["availability"],
        event_bus=outputs["EventBusName"],
        orders_table=outputs["OrdersTable"],
        inventory_table=outputs["InventoryTable"],
        accounts_table=outputs["AccountsTable"],
    )


def _outputs(session: boto3.Session) -> Mapping[str, str]:
    for page in session.client("cloudformation").get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            outputs = {
                output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])
            }
            if "DeadLetterQueues" in outputs:
                return outputs
    raise LocalFailure("no stack in this account and region has the output DeadLetterQueues")
