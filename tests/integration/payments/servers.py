"""Small servers to put in the place of Stripe: one that records, and what it may answer."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key")

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    @classmethod
    def of(cls, status: int, document: object) -> "Answer":
        return cls(status, json.dumps(document).encode())

    @classmethod
    def error(cls, status: int, **error: Any) -> "Answer":
        return cls.of(status, {"error": error})


class AnswerLost(Exception):
    """The connection breaks before the answer is sent."""


Answering = Callable[[Asked], Answer]


@dataclass
class Recording:
    address: str
    asked: list[Asked]


@contextmanager
def recording(answering: Answering) -> Iterator[Recording]:
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Asked(self.command, self.path, headers, self.rfile.read(length))
            asked.append(request)
            try:
                given = answering(request)
            except AnswerLost:
                return
            self.send_response(given.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(given.body)))
            self.end_headers()
            self.wfile.write(given.body)

        do_GET = do_POST = answer

        def log_message(self, *args: object) -> None:
            """Tests look at what was asked, not at a log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Recording(f"http://127.0.0.1:{server.server_port}", asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def silent() -> Iterator[Recording]:
    """Takes every request and answers none."""
    over = Event()

    def keep_silent(request: Asked) -> Answer:
        over.wait()
        raise AnswerLost

    with recording(keep_silent) as server:
        try:
            yield server
        finally:
            over.set()


@dataclass
class Upstream:
    """Hands requests on to another server."""

    address: str

    def __call__(self, asked: Asked) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=10)
        try:
            connection.request(asked.method, asked.path, asked.body, asked.headers)
            response = connection.getresponse()
            return Answer(response.status, response.read())
        finally:
            connection.close()


@dataclass
class KeepsKeys:
    """What Stripe does with idempotency keys, and localstripe does not: the first answer to a key
    is kept and given again; other parameters under the same key are refused."""

    behind: Answering
    kept: dict[str, tuple[Asked, Answer]] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Answer:
        if asked.method != "POST" or asked.key is None:
            return self.behind(asked)
        if asked.key not in self.kept:
            self.kept[asked.key] = (asked, self.behind(asked))
        first, answer = self.kept[asked.key]
        if (first.path, first.body) != (asked.path, asked.body):
            return Answer.error(400, type="idempotency_error", message="other parameters")
        return answer


@dataclass
class Script:
    """Answers in turn; an exception is raised instead. The last one is repeated."""

    answers: list[Answer | Exception | Answering]
    turn: int = 0

    def __call__(self, asked: Asked) -> Answer:
        answer = self.answers[min(self.turn, len(self.answers) - 1)]
        self.turn += 1
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Answer) else answer(asked)
