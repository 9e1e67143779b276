"""Deploy the real stack to a local engine, with the real CDK CLI.

A state directory (see `local.engine`) gains:

    STATE_DIR/cdk.out/            the synthesised assembly, assets included
    STATE_DIR/cdk.sources         what it was made from: unchanged sources are not synthesised again
    STATE_DIR/{synth,bootstrap,deploy}.log
    STATE_DIR/outputs.json        the stacks' outputs, as the CDK CLI wrote them
    STATE_DIR/deployment.json     the `Deployment`
"""

import json
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from local.aws import local_session
from local.engine import ACCOUNT, REGION, ROOT, Engine, environment
from local.failure import LocalFailure

CDK = ROOT / "node_modules" / ".bin" / "cdk"
LAYER = ROOT / "build" / "layers" / "local" / "python"
SOURCES = (
    ROOT / "cdk.json",
    ROOT / "infra",
    ROOT / "functions",
    ROOT / "layers",
    LAYER,
    ROOT / "requirements" / "dev.txt",
)
STEP_SECONDS = 300.0

SCOPES = tuple(
    f"oms/{resource}.{verb}"
    for resource in (
        "orders",
        "catalog",
        "inventory",
        "fulfillments",
        "accounts",
        "settlements",
        "reports",
    )
    for verb in ("read", "write")
)


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the deployed stack answers, and what its parts are called.

    `base_url` has no slash at its end: `base_url + "/v1/orders"`. `webhook_secrets` has the ARN
    of each source's secret, `dead_letter_queues` the URL of each queue by its name;
    `availability_queue` is the URL of the queue that tells channels what they may sell.
    """

    endpoint: str
    base_url: str
    api_id: str
    user_pool_id: str
    token_url: str
    token_domain: str
    client_id: str
    client_secret: str
    orders_table: str
    inventory_table: str
    catalog_table: str
    views_table: str
    work_table: str
    accounts_table: str
    state_machine_arn: str
    event_bus: str
    webhook_secrets: Mapping[str, str]
    callback_secret: str
    dead_letter_queues: Mapping[str, str]
    availability_queue: str
    sender_email: str


def deploy(engine: Engine, state_dir: Path, context: Mapping[str, str] | None = None) -> Deployment:
    """Synthesise, bootstrap and deploy every stack of the app to `engine`.

    `context` goes to the CDK app beside `target=local`. Raises `LocalFailure`, naming the step.
    """
    state_dir = state_dir.resolve()
    _check_setup()
    assembly = state_dir / "cdk.out"
    outputs = state_dir / "outputs.json"
    outputs.unlink(missing_ok=True)

    made_from = state_dir / "cdk.sources"
    sources = _fingerprint(context or {})

    with ExitStack() as steps:
        # Synthesis computes and bootstrapping mostly waits, so that the two share a machine well.
        bootstrap = steps.enter_context(
            _Step("bootstrap", _bootstrap_words(state_dir), engine, state_dir)
        )
        if not (made_from.exists() and made_from.read_text() == sources):
            made_from.unlink(missing_ok=True)
            synth = steps.enter_context(
                _Step("synth", _synth_words(assembly, context or {}), engine, state_dir)
            )
            synth.finish()
            made_from.write_text(sources)
        bootstrap.finish()
    with _Step("deploy", _deploy_words(assembly, outputs), engine, state_dir) as step:
        step.finish()

    deployment = _describe(engine, outputs)
    _save(deployment, state_dir)
    return deployment


def load(state_dir: Path) -> Deployment | None:
    """The deployment last made in `state_dir`, or None, also when an older version of this file
    described it. It may have gone with its engine."""
    try:
        return Deployment(**json.loads(_file(state_dir).read_text()))
    except (FileNotFoundError, TypeError):
        return None


def token(deployment: Deployment, scopes: Iterable[str] = SCOPES) -> str:
    """A bearer token for these scopes, by the client-credentials grant.

    A scope may be given whole (`oms/orders.read`) or short (`orders.read`).
    """
    wanted = [scope if "/" in scope else f"oms/{scope}" for scope in scopes]
    answer = httpx.post(
        deployment.token_url,
        headers={"Host": deployment.token_domain.removeprefix("https://")},
        auth=(deployment.client_id, deployment.client_secret),
        data={"grant_type": "client_credentials", "scope": " ".join(wanted)},
        trust_env=False,
        timeout=30,
    )
    if not answer.is_success:
        raise LocalFailure(f"no token for {' '.join(wanted)}: {answer.text.strip()}")
    access_token: str = answer.json()["access_token"]
    return access_token


def secret(deployment: Deployment, arn: str) -> str:
    """The text of a secret, such as `deployment.webhook_secrets["shopify"]`."""
    secrets = local_session().client("secretsmanager", endpoint_url=deployment.endpoint)
    return secrets.get_secret_value(SecretId=arn)["SecretString"]


class _Step:
    """One run of the CDK CLI. Leaving its context ends a run that has not finished."""

    def __init__(self, name: str, words: list[str], engine: Engine, state_dir: Path) -> None:
        self._name = name
        self._log = state_dir / f"{name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(CDK), *words],
                cwd=ROOT,
                env=_cdk_environment(engine),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        return self

    def finish(self) -> None:
        try:
            code = self._process.wait(STEP_SECONDS)
        except subprocess.TimeoutExpired:
            raise LocalFailure(
                f"cdk {self._name} took longer than {STEP_SECONDS:.0f} s", self._log
            ) from None
        if code != 0:
            raise LocalFailure(f"cdk {self._name} failed: {_reason(self._log)}", self._log)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def _fingerprint(context: Mapping[str, str]) -> str:
    """A digest of everything that synthesis reads."""
    digest = sha256(json.dumps(context, sort_keys=True).encode())
    for source in SOURCES:
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"\0{file}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


def _synth_words(assembly: Path, context: Mapping[str, str]) -> list[str]:
    words = ["synth", "--quiet", "--output", str(assembly)]
    for name, value in {"target": "local", **context}.items():
        words += ["--context", f"{name}={value}"]
    return words


def _bootstrap_words(state_dir: Path) -> list[str]:
    # It needs no app, but looks for the one of cdk.json unless it is given another.
    return [
        "bootstrap",
        f"aws://{ACCOUNT}/{REGION}",
        "--app",
        "",
        "--output",
        str(state_dir / "bootstrap.out"),
    ]


def _deploy_words(assembly: Path, outputs: Path) -> list[str]:
    return [
        "deploy",
        "--all",
        "--app",
        str(assembly),
        "--outputs-file",
        str(outputs),
        "--require-approval=never",
        "--method=direct",
        "--progress=events",
    ]


def _cdk_environment(engine: Engine) -> dict[str, str]:
    return {
        **environment(engine),
        "CI": "true",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "1",
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(ROOT / "build" / "jsii"),
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
    }


def _check_setup() -> None:
    if not CDK.exists():
        raise LocalFailure("the CDK command line is not installed: `make setup` does it")
    if not LAYER.exists():
        raise LocalFailure("the layer of dependencies is not built: `make build` does it")


def _reason(log: Path) -> str:
    """The line of a log that most likely says why: the last that speaks of an error."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    telling = [line for line in lines if "error" in line.lower() or "❌" in line]
    # The CLI's last word on an app that failed says no more than that it did.
    specific = [line for line in telling if "Subprocess exited" not in line]
    return (specific or telling or lines or ["no output"])[-1]


def _describe(engine: Engine, outputs_file: Path) -> Deployment:
    stacks = json.loads(outputs_file.read_text())
    outputs = {name: value for stack in stacks.values() for name, value in stack.items()}
    try:
        return Deployment(
            endpoint=engine.endpoint,
            base_url=f"{engine.endpoint}/_aws/execute-api/{outputs['ApiId']}",
            api_id=outputs["ApiId"],
            user_pool_id=outputs["UserPoolId"],
            token_url=f"{engine.endpoint}/oauth2/token",
            token_domain=outputs["TokenDomain"],
            client_id=outputs["ClientId"],
            client_secret=_client_secret(engine, outputs["UserPoolId"], outputs["ClientId"]),
            orders_table=outputs["OrdersTable"],
            inventory_table=outputs["InventoryTable"],
            catalog_table=outputs["CatalogTable"],
            views_table=outputs["ViewsTable"],
            work_table=outputs["WorkTable"],
            accounts_table=outputs["AccountsTable"],
            state_machine_arn=outputs["StateMachineArn"],
            event_bus=outputs["EventBusName"],
            webhook_secrets=json.loads(outputs["WebhookSecrets"]),
            callback_secret=outputs["CallbackSecretArn"],
            dead_letter_queues=json.loads(outputs["DeadLetterQueues"]),
            availability_queue=json.loads(outputs["QueueUrls"])["availability"],
            sender_email=outputs["SenderEmail"],
        )
    except KeyError as missing:
        raise LocalFailure(f"the stacks have no output {missing}", outputs_file) from missing


def _client_secret(engine: Engine, user_pool_id: str, client_id: str) -> str:
    cognito = local_session().client("cognito-idp", endpoint_url=engine.endpoint)
    answer = cognito.describe_user_pool_client(UserPoolId=user_pool_id, ClientId=client_id)
    return answer["UserPoolClient"]["ClientSecret"]


def _save(deployment: Deployment, state_dir: Path) -> None:
    file = _file(state_dir)
    file.touch(mode=0o600)
    file.write_text(json.dumps(asdict(deployment), indent=2) + "\n")


def _file(state_dir: Path) -> Path:
    return state_dir / "deployment.json"
