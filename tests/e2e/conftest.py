"""One engine and one deployment for all end-to-end tests, driven through HTTP."""

import os
import signal
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import stripe

from local import deploy, engine
from tests.e2e import patience
from tests.e2e.bus import DeadLetters, Tap
from tests.e2e.lifecycle import Way
from tests.e2e.patience import Patience
from tests.e2e.provider import Door, Provider
from tests.e2e.receiver import Receiver, receiving
from tests.e2e.scripted import FAULTS, ScriptedLifecycle
from tests.e2e.senders import Senders
from tests.e2e.shop import Shop
from tests.e2e.stack import Api, Stack
from tests.integration.payments.conftest import SECRET_KEY, localstripe
from tests.integration.payments.servers import KeepsKeys, Recording, Upstream, recording
from tests.payment_providers import StandIn, stand_in

__all__ = ["localstripe"]

# What differs from `make run`: nothing that a test waits for may take a human's time.
CONTEXT = {
    "await_stock_seconds": str(patience.STOCK_WAIT),
    "await_payment_seconds": str(patience.PAYMENT_WAIT),
    "await_fulfillment_seconds": str(patience.FULFILLMENT_WAIT),
    "max_escalations": str(patience.MAX_ESCALATIONS),
    "retry_after_seconds": "10",
}
# The lifecycle's pauses between the attempts at a task: 0.1 s, 0.2 s and so on, six times.
ENGINE_SETTINGS = {"SFN_WAIT_SCALE": "0.1"}
LOG_LINES = 40

HERE = Path(__file__).parent
LOOKING_BACK = ("test_state_machine", "test_what_holds")

_log = pytest.StashKey[Path]()


@pytest.fixture(scope="session")
def stripe_door(localstripe: str) -> Iterator[tuple[Recording, Door]]:
    """Where the stack finds Stripe, and the door in front of it."""
    door = Door(KeepsKeys(Upstream(localstripe)))
    with recording(door) as server:
        yield server, door


@pytest.fixture(scope="session")
def payment_stand_in() -> Iterator[StandIn]:
    """Where the stack finds PayPal's certificate, and Mercado Pago's payments."""
    with stand_in() as provider:
        yield provider


@pytest.fixture(scope="session")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
    stripe_door: tuple[Recording, Door],
    payment_stand_in: StandIn,
) -> Iterator[Stack]:
    """The stack, deployed once. Its engine dies with the session, however that ends."""
    state_dir = tmp_path_factory.mktemp("stack")
    running = engine.start(state_dir, settings=ENGINE_SETTINGS, lifetime="with this process")
    pytestconfig.stash[_log] = running.log
    try:
        context = {
            **CONTEXT,
            "stripe_api_base": stripe_door[0].address,
            "paypal_api_base": payment_stand_in.address,
            "mercadopago_api_base": payment_stand_in.address,
        }
        deployment = deploy.deploy(running, state_dir, context)
        with closing(Api(deployment)) as api:
            yield Stack(running, deployment, api)
    finally:
        # Its executions still wait, and it would wait for them.
        os.killpg(running.pid, signal.SIGKILL)
        engine.stop(running)


@pytest.fixture(scope="session")
def api(stack: Stack) -> Api:
    return stack.api


@pytest.fixture(scope="session")
def shop(stack: Stack) -> Shop:
    """Functions that have never run have started before the first test looks at its watch."""
    shop = Shop(stack)
    shop.open()
    shop.place(shop.item(1)).becomes("released", seconds=120)
    return shop


@pytest.fixture(scope="session")
def senders(stack: Stack) -> Senders:
    return Senders(stack)


@pytest.fixture(scope="session")
def tap(stack: Stack) -> Tap:
    return Tap.open(stack)


@pytest.fixture(scope="session")
def dead_letters(stack: Stack) -> DeadLetters:
    return DeadLetters(stack)


@pytest.fixture(scope="session")
def provider(stack: Stack, localstripe: str, stripe_door: tuple[Recording, Door]) -> Provider:
    """Stripe, as far as the stack can tell. An operator has put the key where it belongs."""
    secret = stack.deployment_output("StripeSecretArn")
    stack.aws("secretsmanager").put_secret_value(SecretId=secret, SecretString=SECRET_KEY)
    client = stripe.StripeClient(SECRET_KEY, base_addresses={"api": localstripe})
    return Provider(client, stripe_door[1])


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="session", autouse=True)
def begun(
    shop: Shop,
    senders: Senders,
    provider: Provider,
    receiver: Receiver,
    tap: Tap,
    faults: dict[Way, str],
) -> Iterator["Future[Patience]"]:
    """Begun before the first test; `tap` hears of it all from the beginning."""
    others = ThreadPoolExecutor(5)
    yield others.submit(patience.begin, shop, senders, provider, receiver, others)
    # Whoever nobody waited for ends when the stack does.
    others.shutdown(wait=False, cancel_futures=True)


@pytest.fixture(scope="session")
def patient(begun: "Future[Patience]") -> Patience:
    return begun.result(timeout=60)


@pytest.fixture(scope="session")
def scripted(stack: Stack) -> ScriptedLifecycle:
    return ScriptedLifecycle.deploy(stack)


@pytest.fixture(scope="session")
def faults(scripted: ScriptedLifecycle) -> dict[Way, str]:
    """The executions that go the ways of faults. They take a while: a fault is tried again."""
    return {way: scripted.start(script) for way, script in FAULTS.items()}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks back on the orders of all tests comes last."""
    items.sort(key=lambda item: item.path.parent == HERE and item.path.stem in LOOKING_BACK)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows the end of what the functions printed."""
    report = yield
    log = item.config.stash.get(_log, None)
    if report.failed and log is not None and log.exists():
        tail = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        report.sections.append((f"end of {log}", "\n".join(tail)))
    return report
