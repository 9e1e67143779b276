"""Secrets by their ARN or name, kept for a short time so that a replaced one takes effect."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, cast

from botocore.exceptions import BotoCoreError, ClientError

from oms.aws import clients
from oms.kernel.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEEP_SECONDS = 300.0


@cache
def secretsmanager() -> SecretsManagerClient:
    return cast("SecretsManagerClient", clients.make("secretsmanager"))


@dataclass(slots=True)
class Secrets:
    """``clock`` counts seconds from anywhere. The client's timeouts bound each read; it is made
    when the first secret is."""

    client: SecretsManagerClient | None = None
    keep_seconds: float = KEEP_SECONDS
    clock: Callable[[], float] = time.monotonic
    _kept: dict[str, tuple[float, str]] = field(default_factory=dict, repr=False)

    def read(self, secret_id: str) -> str:
        """Its text, less what editors put at a file's end. Raises ``Unavailable`` when it cannot be
        read; an old value is not used beyond its time even then."""
        now = self.clock()
        if secret_id in self._kept:
            read_at, text = self._kept[secret_id]
            if now - read_at < self.keep_seconds:
                return text
        text = self._fetch(secret_id)
        self._kept[secret_id] = (now, text)
        return text

    def _fetch(self, secret_id: str) -> str:
        try:
            client = self.client or secretsmanager()
            return client.get_secret_value(SecretId=secret_id)["SecretString"].strip()
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("a secret cannot be read") from error
