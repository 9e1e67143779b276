import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from oms.kernel.encoding import from_json
from oms.kernel.events import Cause
from oms.orders.model import Content

CAUSE = Cause(datetime(2026, 5, 1, 12, tzinfo=UTC), "test", correlation_id="c-1")
_ORDER = Path(__file__).parents[2] / "unit" / "notifications" / "captured_order.json"


@dataclass(frozen=True)
class Call:
    """One request as the server read it."""

    path: str
    headers: dict[str, str]
    body: str


@dataclass
class Receiver:
    """A real HTTP server on a free port. ``answer`` writes what it wants to the connection."""

    answer: Callable[[BaseHTTPRequestHandler], None]
    calls: list[Call] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


def status(code: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("content-length", "0")
        request.end_headers()

    return answer


@pytest.fixture
def serve() -> Iterator[Callable[..., Receiver]]:
    """Starts receivers; ``wrap`` puts TLS around their socket."""
    servers: list[ThreadingHTTPServer] = []

    def start(
        answer: Callable[[BaseHTTPRequestHandler], None], wrap: Callable[[Any], Any] | None = None
    ) -> Receiver:
        receiver = Receiver(answer)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", "0"))
                body = self.rfile.read(length).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.calls.append(Call(self.path, headers, body))
                receiver.answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if wrap:
            server.socket = wrap(server.socket)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        receiver.port = server.server_address[1]
        return receiver

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def content() -> Content:
    return from_json(_ORDER.read_text(encoding="utf-8"), Content)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account of its own for each test, with credentials that are good nowhere else."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


@pytest.fixture
def table(aws: None) -> Callable[[str], str]:
    """Makes a table with the keys that every table has; returns its name."""

    def make(name: str) -> str:
        boto3.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )
        return name

    return make


def bus_event(detail: dict[str, object]) -> str:
    """The body of a queue's message as EventBridge writes it."""
    return json.dumps(
        {
            "version": "0",
            "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
            "detail-type": detail["type"],
            "source": "oms.orders",
            "account": "000000000000",
            "time": "2026-05-01T12:00:00Z",
            "region": "us-east-1",
            "resources": [],
            "detail": detail,
        }
    )
