"""The deployed stack as a client sees it, and the records that its engine keeps."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any, TypeVar

import boto3
import httpx

from local import deploy
from local.aws import local_session
from local.deploy import SCOPES, Deployment
from local.engine import ACCOUNT, Engine

Found = TypeVar("Found")


class Api:
    """The public API, called with a token for the given scopes (`None`: without a token).

    Safe to share between threads.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._tokens: dict[frozenset[str], str] = {}
        self._http = httpx.Client(base_url=deployment.base_url, trust_env=False, timeout=60)

    def get(self, path: str, **request: Any) -> httpx.Response:
        return self.call("GET", path, **request)

    def put(self, path: str, json: Any, **request: Any) -> httpx.Response:
        return self.call("PUT", path, json=json, **request)

    def post(self, path: str, json: Any = None, **request: Any) -> httpx.Response:
        return self.call("POST", path, json=json, **request)

    def call(
        self,
        method: str,
        path: str,
        *,
        scopes: Iterable[str] | None = SCOPES,
        headers: dict[str, str] | None = None,
        **request: Any,
    ) -> httpx.Response:
        """Send one request; what `httpx.Client.request` takes can be given as well."""
        headers = dict(headers or {})
        if scopes is not None:
            headers.setdefault("Authorization", f"Bearer {self.token(scopes)}")
        return self._http.request(method, path, headers=headers, **request)

    def token(self, scopes: Iterable[str] = SCOPES) -> str:
        wanted = frozenset(scopes)
        if wanted not in self._tokens:
            self._tokens[wanted] = deploy.token(self._deployment, sorted(wanted))
        return self._tokens[wanted]

    def close(self) -> None:
        self._http.close()


@dataclass(frozen=True)
class Stack:
    """One engine with the whole stack deployed to it."""

    engine: Engine
    deployment: Deployment
    api: Api
    _lock: Lock = field(default_factory=Lock)

    def secret(self, source: str) -> str:
        """The secret with which a webhook source signs."""
        if source not in self._secrets:
            arn = self.deployment.webhook_secrets[source]
            self._secrets[source] = deploy.secret(self.deployment, arn)
        return self._secrets[source]

    def aws(self, service: str) -> Any:
        """A client of boto3 for the engine, for what the public API does not show."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service,  # type: ignore[call-overload]
                    endpoint_url=self.engine.endpoint,
                )
            return self._clients[service]

    def deployment_output(self, name: str) -> str:
        """An output of the stacks that `Deployment` does not carry."""
        stacks = json.loads((self.engine.state_dir / "outputs.json").read_text())
        return str(next(outputs[name] for outputs in stacks.values() if name in outputs))

    def function(self, name: str) -> str:
        """What the function of that folder is called in AWS."""
        names: dict[str, str] = json.loads(self.deployment_output("FunctionNames"))
        return names[name]

    def mails_to(self, address: str) -> list[dict[str, Any]]:
        """Every mail that was sent to `address`, oldest first, as the engine recorded it."""
        answer = httpx.get(f"{self.engine.endpoint}/_ministack/ses/messages", trust_env=False)
        answer.raise_for_status()
        sent = answer.json()["messages"].get(ACCOUNT, [])
        return [mail for mail in sent if address in mail["To"]]

    @cached_property
    def _session(self) -> boto3.Session:
        return local_session()

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _secrets(self) -> dict[str, str]:
        return {}


def eventually(
    probe: Callable[[], Found | None],
    seconds: float = 30,
    otherwise: Callable[[], object] | None = None,
    every: float = 0.1,
) -> Found:
    """What `probe` finds as soon as it is neither None nor False; fails after `seconds`, and says
    then what `otherwise` tells. It is asked `every` so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found is not None and found is not False:
            return found
        if time.monotonic() > deadline:
            told = otherwise() if otherwise else found
            raise AssertionError(f"not within {seconds:.0f} s; at last: {told!r}")
        time.sleep(every)
