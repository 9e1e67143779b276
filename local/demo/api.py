"""The public API as the parts of the demo call it, each with a token of its own."""

import time
from collections.abc import Sequence
from typing import Any

import httpx

from local import deploy
from local.deploy import Deployment
from local.failure import LocalFailure

CALL_SECONDS = 30.0
# A command may arrive twice, so one whose answer was lost is simply sent again.
PAUSES = (0.5, 1.0, 2.0)
TRY_AGAIN = (429, 502, 503, 504)

Document = dict[str, Any]


class Refusal(LocalFailure):
    """The API answered 4xx or 5xx; `code` is the problem document's."""

    def __init__(self, call: str, answer: httpx.Response) -> None:
        problem = _problem(answer)
        self.status = answer.status_code
        self.code = str(problem.get("code", ""))
        why = problem.get("detail") or problem.get("title") or answer.text.strip()[:200]
        faults = [f"{fault['path']} {fault['code']}" for fault in problem.get("faults", [])]
        super().__init__(f"{call} answered {self.status}: {' '.join([str(why), *faults])}")


class Api:
    """Safe to share between threads. Raises `Refusal`, and `LocalFailure` when nothing answers.

    A call that got no answer, or was asked to come back, is made again after each of the `pauses`
    (in seconds).
    """

    def __init__(self, http: httpx.Client, pauses: Sequence[float] = PAUSES) -> None:
        self._http = http
        self._pauses = pauses

    @classmethod
    def of(cls, deployment: Deployment, *scopes: str) -> "Api":
        """With a token for `scopes` (`orders.read`); without scopes no token is sent."""
        headers = {"Authorization": f"Bearer {deploy.token(deployment, scopes)}"} if scopes else {}
        return cls(
            httpx.Client(
                base_url=deployment.base_url, headers=headers, timeout=CALL_SECONDS, trust_env=False
            )
        )

    def get(self, path: str, **query: str | int) -> Document:
        return self._document("GET", path, params=query)

    def put(self, path: str, document: Document) -> Document:
        return self._document("PUT", path, json=document)

    def post(self, path: str, document: Document | None = None) -> Document:
        return self._document("POST", path, json=document)

    def send(self, path: str, body: bytes, headers: dict[str, str]) -> Document:
        """POST these very bytes, which a signature may cover."""
        return self._document("POST", path, content=body, headers=headers)

    def _document(self, method: str, path: str, **request: Any) -> Document:
        answer = self._answer(method, path, request)
        for seconds in self._pauses:
            if answer is not None and answer.status_code not in TRY_AGAIN:
                break
            time.sleep(seconds)
            answer = self._answer(method, path, request)
        if answer is None:
            raise LocalFailure(f"{method} {path} was not answered")
        if not answer.is_success:
            raise Refusal(f"{method} {path}", answer)
        document: Document = answer.json()
        return document

    def _answer(self, method: str, path: str, request: Any) -> httpx.Response | None:
        try:
            return self._http.request(method, path, **request)
        except httpx.TransportError:
            return None


def _problem(answer: httpx.Response) -> Document:
    try:
        problem = answer.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
