"""A localstripe of our own, and cards at it."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stripe

from oms.payments.stripe_provider import StripeProvider, open_stripe
from tests.integration.payments.servers import KeepsKeys, Recording, Upstream, recording

SECRET_KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
LAUNCHER = Path(__file__).with_name("localstripe_on_loopback.py")
READY_WITHIN_SECONDS = 30


@pytest.fixture(scope="session")
def localstripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a localstripe process."""
    port = _free_port()
    log = tmp_path_factory.mktemp("localstripe") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(LAUNCHER), str(port)], stdout=output, stderr=output
        )
        try:
            _wait_until_it_listens(process, port, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=10)


@pytest.fixture
def client(localstripe: str) -> stripe.StripeClient:
    """Looks at localstripe directly."""
    return stripe.StripeClient(SECRET_KEY, base_addresses={"api": localstripe})


@pytest.fixture
def card(client: stripe.StripeClient) -> Callable[[str], str]:
    """Makes a payment method of one of localstripe's test cards."""

    def make(number: str = "4242424242424242") -> str:
        details = {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"}
        answer = client.raw_request("post", "/v1/payment_methods", type="card", card=details)
        return str(answer.data["id"])

    return make


@pytest.fixture
def stripe_between(localstripe: str) -> Iterator[Recording]:
    """Records what goes to localstripe, and keeps idempotency keys as Stripe does."""
    with recording(KeepsKeys(Upstream(localstripe))) as server:
        yield server


@pytest.fixture
def provider(stripe_between: Recording) -> StripeProvider:
    return open_stripe(SECRET_KEY, api_base=stripe_between.address)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"localstripe did not start: {log.read_text()}")
