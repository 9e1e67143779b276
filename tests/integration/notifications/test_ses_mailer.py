"""SES on moto for what goes well; a real server in SES's place for every way to fail."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from oms.aws.email import SesMailer, ses
from oms.kernel.errors import OmsError, ProviderUnavailable, Refused
from oms.notifications.render import Message

from .conftest import Receiver

RECIPIENT = "maria@customer.example"
MESSAGE = Message("Olá, é o pedido 1", "texto", "<p>html</p>")

Serve = Callable[..., Receiver]


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def test_an_email_leaves_with_both_bodies(aws: None) -> None:
    boto3.client("sesv2").create_email_identity(EmailIdentity="pedidos@loja.example")
    mailer = SesMailer(ses(), "Loja São João <pedidos@loja.example>")

    message_id = mailer.send(RECIPIENT, MESSAGE)

    sent = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages[0]
    assert sent.id == message_id
    assert sent.destinations["ToAddresses"] == [RECIPIENT]
    assert sent.subject == "Olá, é o pedido 1"


def test_what_ses_gets_is_text_and_html_from_an_encoded_sender(
    credentials: None, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = serve(_answer(200, {"MessageId": "m-1"}))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{receiver.port}")

    SesMailer(ses(), "Loja São João <pedidos@loja.example>").send(RECIPIENT, MESSAGE)

    asked = json.loads(receiver.calls[0].body)
    assert asked["FromEmailAddress"] == "=?utf-8?b?TG9qYSBTw6NvIEpvw6Nv?= <pedidos@loja.example>"
    simple = asked["Content"]["Simple"]
    assert simple["Body"]["Text"] == {"Data": "texto", "Charset": "UTF-8"}
    assert simple["Body"]["Html"] == {"Data": "<p>html</p>", "Charset": "UTF-8"}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "TooManyRequestsException"),
        (400, "MessageRejected"),
        (400, "SendingPausedException"),
        (403, "AccessDeniedException"),
        (404, "NotFoundException"),
    ],
)
def test_a_refusal_is_certain_and_asked_for_once(
    credentials: None, serve: Serve, monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    receiver = serve(_answer(status, {"message": f"not for {RECIPIENT}"}, code))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{receiver.port}")

    with pytest.raises(ProviderUnavailable) as refused:
        SesMailer(ses(), "pedidos@loja.example").send(RECIPIENT, MESSAGE)

    assert code in str(refused.value)
    assert RECIPIENT not in str(refused.value)
    assert len(receiver.calls) == 1


@pytest.mark.parametrize("status", [500, 503])
def test_a_failure_of_ses_leaves_the_outcome_unknown(
    credentials: None, serve: Serve, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    receiver = serve(_answer(status, {"message": "oops"}, "InternalFailure"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{receiver.port}")

    with pytest.raises(OmsError) as failed:
        SesMailer(ses(), "pedidos@loja.example").send(RECIPIENT, MESSAGE)

    assert isinstance(failed.value, Refused)
    assert failed.value.problem_code == "delivery_unknown"
    assert len(receiver.calls) == 1


def test_a_lost_answer_leaves_the_outcome_unknown_and_is_not_asked_again(
    credentials: None, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = serve(lambda request: request.connection.close())
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{receiver.port}")

    with pytest.raises(Refused):
        SesMailer(ses(), "pedidos@loja.example").send(RECIPIENT, MESSAGE)

    assert len(receiver.calls) == 1


def test_an_answer_that_takes_too_long_leaves_the_outcome_unknown(
    credentials: None, serve: Serve
) -> None:
    receiver = serve(lambda request: _until_closed(request))
    client = boto3.client(
        "sesv2",
        endpoint_url=f"http://127.0.0.1:{receiver.port}",
        config=Config(read_timeout=0.2, retries={"total_max_attempts": 1}),
    )

    with pytest.raises(Refused):
        SesMailer(client, "pedidos@loja.example").send(RECIPIENT, MESSAGE)

    assert len(receiver.calls) == 1


def test_ses_out_of_reach_is_certain(credentials: None, serve: Serve) -> None:
    client = boto3.client(
        "sesv2",
        endpoint_url="http://127.0.0.1:9",
        config=Config(retries={"total_max_attempts": 1}),
    )

    with pytest.raises(ProviderUnavailable):
        SesMailer(client, "pedidos@loja.example").send(RECIPIENT, MESSAGE)


def _answer(
    status: int, body: dict[str, str], error: str = ""
) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        content = json.dumps(body).encode()
        request.send_response(status)
        if error:
            request.send_header("x-amzn-errortype", error)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return answer


def _until_closed(request: Any) -> None:
    request.connection.recv(1)
