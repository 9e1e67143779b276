"""The stack that is measured: its addresses, its clients, and the probes on its functions."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from mypy_boto3_dynamodb import DynamoDBClient
from mypy_boto3_sqs import SQSClient
from mypy_boto3_stepfunctions import SFNClient

from local import deploy, engine
from local.aws import local_session
from local.deploy import Deployment
from local.engine import ACCOUNT, Engine

HERE = Path(__file__).parent
# What a schedule wakes, and what tells channels of a SKU some seconds after however many orders
# changed it.
BY_ITSELF = ("availability",)
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Invocation:
    """One line of the probe's; see benchmarks/probe.py."""

    function: str
    causes: list[str]
    started: float
    cpu_ms: float
    wall_ms: float
    cold: bool
    failed: bool
    memory_mb: float
    reads: dict[str, float]
    writes: dict[str, float]
    refused: list[str]
    published: list[str]
    event: dict[str, Any]


class System:
    def __init__(self, running: Engine, deployment: Deployment) -> None:
        self.engine = running
        self.deployment = deployment
        outputs = json.loads((running.state_dir / "outputs.json").read_text())
        values = {name: value for stack in outputs.values() for name, value in stack.items()}
        self.functions: Mapping[str, str] = json.loads(values["FunctionNames"])
        self.queues: Mapping[str, str] = json.loads(values["QueueUrls"])
        session, at = local_session(), running.endpoint
        self.dynamodb: DynamoDBClient = session.client("dynamodb", endpoint_url=at)
        self.lambdas: Any = session.client("lambda", endpoint_url=at)
        self.sqs: SQSClient = session.client("sqs", endpoint_url=at)
        self.executions: SFNClient = session.client("stepfunctions", endpoint_url=at)
        # On AWS an operator verifies the sender once; the engine wants to be told as well.
        session.client("sesv2", endpoint_url=at).create_email_identity(
            EmailIdentity=deployment.sender_email
        )
        self._http = httpx.Client(base_url=deployment.base_url, trust_env=False, timeout=60)
        self._token = deploy.token(deployment)
        self._invocations = running.state_dir / "invocations.jsonl"
        self.forget()

    def call(self, method: str, path: str, body: object = None, *, key: str = "") -> Any:
        """The answer's document. Raises ``httpx.HTTPStatusError`` for a refusal. Safe to share
        between threads."""
        headers = {"authorization": f"Bearer {self._token}"}
        if key:
            headers["idempotency-key"] = key
        answer = self._http.request(method, path, json=body, headers=headers)
        answer.raise_for_status()
        return answer.json()

    def mails(self) -> int:
        answer = httpx.get(f"{self.engine.endpoint}/_ministack/ses/messages", trust_env=False)
        answer.raise_for_status()
        return len(answer.json()["messages"].get(ACCOUNT, []))

    def probe(self, *, units: bool) -> None:
        """Put a fresh probe before every function, and forget what was recorded."""
        layer = self.lambdas.publish_layer_version(
            LayerName="probe", Content={"ZipFile": _probe_layer()}
        )["LayerVersionArn"]
        for name in self.functions.values():
            found = self.lambdas.get_function_configuration(FunctionName=name)
            variables = found["Environment"]["Variables"]
            others = [each["Arn"] for each in found["Layers"] if ":layer:probe:" not in each["Arn"]]
            self.lambdas.update_function_configuration(
                FunctionName=name,
                Handler="benchmarks.probe.handler",
                Layers=[*others, layer],
                Environment={
                    "Variables": {
                        "PROBED_HANDLER": found["Handler"],
                        **variables,
                        "PROBE_FILE": str(self._invocations),
                        "PROBE_UNITS": str(int(units)),
                    }
                },
            )
        self.forget()

    @property
    def table_names(self) -> dict[str, str]:
        """The tables' short names by those that they were deployed under."""
        return {
            self.deployment.orders_table: "orders",
            self.deployment.inventory_table: "inventory",
            self.deployment.catalog_table: "catalog",
            self.deployment.views_table: "views",
            self.deployment.work_table: "work",
            self.deployment.accounts_table: "accounts",
        }

    def forget(self) -> None:
        self._invocations.write_text("")

    def invocations(self) -> list[Invocation]:
        """Since the last ``forget``, but for what comes by itself, at its own time."""
        whole, _, _ = self._invocations.read_text().rpartition("\n")  # a line may be being written
        lines = map(json.loads, whole.splitlines())
        return [
            Invocation(**line)
            for line in lines
            if line["function"] not in BY_ITSELF and line["causes"] != ["schedule"]
        ]

    def wait_until_quiet(self, seconds: float = 0.6) -> None:
        """Nothing is queued, and no function was invoked for that long."""
        seen, since = -1, time.monotonic()

        def is_quiet() -> bool:
            nonlocal seen, since
            now = len(self.invocations())
            if now != seen or any(map(self._holds_messages, self.queues.values())):
                seen, since = now, time.monotonic()
            return time.monotonic() - since > seconds

        eventually(is_quiet)

    def variables(self, function: str) -> dict[str, str]:
        """The environment variables that the stack gave a function."""
        name = self.functions[function]
        found = self.lambdas.get_function_configuration(FunctionName=name)["Environment"]
        return {
            name: value
            for name, value in found["Variables"].items()
            if not name.startswith("PROBE")
        }

    def memory_mb(self, function: str) -> int:
        name = self.functions[function]
        return int(self.lambdas.get_function_configuration(FunctionName=name)["MemorySize"])

    def pause_deliveries(self) -> None:
        """From here on no queue and no stream invokes a function."""
        mappings = self.lambdas.get_paginator("list_event_source_mappings").paginate()
        for page in mappings:
            for mapping in page["EventSourceMappings"]:
                self.lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)

    def _holds_messages(self, queue: str) -> bool:
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=queue,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return any(int(number) for number in attributes.values())


@contextmanager
def deployed(state_dir: Path) -> Iterator[System]:
    """The stack on an engine of its own, which ends with the context."""
    running = engine.start(state_dir, lifetime="with this process")
    try:
        yield System(running, deploy.deploy(running, state_dir))
    finally:
        engine.stop(running)


def eventually(probe: Callable[[], Found | None], seconds: float = 60) -> Found:
    """What ``probe`` finds as soon as it is neither None nor False. Raises ``TimeoutError``."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found is not None and found is not False:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing was found within {seconds:.0f} s")
        time.sleep(0.02)


def _probe_layer() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as layer:
        for name in ("__init__.py", "probe.py"):
            layer.write(HERE / name, f"python/benchmarks/{name}")
    return packed.getvalue()
