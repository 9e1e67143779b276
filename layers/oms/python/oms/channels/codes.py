"""An order that a marketplace tells of may be paid with a gift card, whose code is as good as
money: the queue, and where a delivery is parked, have its digest in its place."""

import json
from collections.abc import Iterator

from oms.channels.payload import parse_payload
from oms.kernel.errors import Invalid, Refused
from oms.payments.account_tokens import GIFT_CARD, Digest


def without_codes(body: str, digest: Digest) -> str:
    """``body`` with the digest of each gift card's code; what is no code is left out. Who captures
    the order refuses that, and what is no order, which is as it was."""
    try:
        document = parse_payload(body)
        cards = [*_gift_cards(document.at("data").members())]
    except Refused:
        return body
    if not cards:
        return body
    for card in cards:
        card["token"] = _digested(card.get("token"), digest)
    return json.dumps(document.value, default=float)


def _gift_cards(order: dict[str, object]) -> Iterator[dict[str, object]]:
    several = order.get("payments")
    for payment in [order.get("payment"), *(several if isinstance(several, list) else ())]:
        if isinstance(payment, dict) and GIFT_CARD in (
            payment.get("provider"),
            payment.get("method"),
        ):
            yield payment


def _digested(token: object, digest: Digest) -> str:
    try:
        return digest(token) if isinstance(token, str) else ""
    except Invalid:
        return ""
