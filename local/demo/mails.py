"""The e-mails that customers got, as the local engine's SES recorded them."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

import httpx

from local.demo.samples import Language
from local.engine import ACCOUNT, ROOT
from local.failure import LocalFailure

TEMPLATES = ROOT / "layers" / "oms" / "python" / "oms" / "notifications" / "templates"

# Recipient, order number, kind and language of one e-mail.
Mail = tuple[str, str, str, str]

_CODE = re.compile(r"(?:código|code): (\d{6})")

_LANGUAGES: tuple[Language, ...] = ("pt-BR", "en")
_WILD = {"order": r"(?P<order>\S+)", "refunded": ".+"}


def sent(endpoint: str) -> Counter[Mail]:
    """How often each e-mail was sent. Raises `LocalFailure` for one that nobody knows."""
    return Counter(mail_of(message["To"], message["Subject"]) for message in _messages(endpoint))


def pickup_code(endpoint: str, recipient: str) -> str | None:
    """The code that the customer was told last; nothing before."""
    for message in reversed(_messages(endpoint)):
        if recipient in message["To"] and (found := _CODE.search(message["BodyText"])):
            return found[1]
    return None


def was_told(endpoint: str, kind: str, recipient: str) -> bool:
    return any(mail[0] == recipient and mail[2] == kind for mail in sent(endpoint))


def mail_of(recipients: Iterable[str], subject: str) -> Mail:
    """The e-mail, told by its subject, which is that of one of the templates."""
    for pattern, kind, language in _subjects():
        if found := pattern.fullmatch(subject):
            return (", ".join(recipients), found["order"], kind, language)
    raise LocalFailure(f"no template has the subject of this e-mail: {subject!r}")


def _messages(endpoint: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{endpoint}/_ministack/ses/messages", trust_env=False, timeout=30)
    answer.raise_for_status()
    messages: list[dict[str, Any]] = answer.json()["messages"].get(ACCOUNT, [])
    return messages


@cache
def _subjects() -> list[tuple[re.Pattern[str], str, str]]:
    return [
        (_pattern(file.read_text(encoding="utf-8").strip()), file.stem, language)
        for language in _LANGUAGES
        for file in sorted((TEMPLATES / language).glob("*.subject"))
    ]


def _pattern(template: str) -> re.Pattern[str]:
    words = re.split(r"\$\{?(\w+)\}?", template)
    return re.compile(
        "".join(_WILD[word] if i % 2 else re.escape(word) for i, word in enumerate(words))
    )
