"""The deployed stack as a client sees it."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from local import deploy
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


@dataclass(frozen=True, slots=True)
class Stack:
    """One engine with the whole stack deployed to it."""

    engine: Engine
    deployment: Deployment
    api: Api

    def secret(self, source: str) -> str:
        """The secret with which a webhook source signs."""
        return deploy.secret(self.deployment, self.deployment.webhook_secrets[source])

    def mails(self) -> list[dict[str, Any]]:
        """Every mail that was sent, oldest first, as the engine recorded it."""
        answer = httpx.get(f"{self.engine.endpoint}/_ministack/ses/messages", trust_env=False)
        answer.raise_for_status()
        messages: list[dict[str, Any]] = answer.json()["messages"].get(ACCOUNT, [])
        return messages


def eventually(probe: Callable[[], Found | None], seconds: float = 30) -> Found:
    """What `probe` finds as soon as it is neither None nor False; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found is not None and found is not False:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing was found within {seconds:.0f} s; last: {found!r}")
        time.sleep(0.1)
