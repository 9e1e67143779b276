"""What names an account in an order's payment; loaded at every capture, so it is short."""

from collections.abc import Callable

from oms.accounts.codes import is_digest
from oms.accounts.ids import is_account_id
from oms.kernel.errors import Invalid

GIFT_CARD = "gift_card"

# Each takes the method of its own name only.
ACCOUNT_PROVIDERS = (GIFT_CARD, "store_credit", "terms")

Digest = Callable[[str], str]


def kept_token(provider: str, token: str, digest: Digest | None) -> str:
    """What an order keeps of a token: of a gift card's code the digest, of others the token itself.

    Raises ``Invalid``: ``invalid_gift_card_code``, ``card_number_refused``; where no digest can be
    made, ``unsupported_payment_method``.
    """
    if provider != GIFT_CARD:
        return token
    if digest is None:
        raise Invalid("gift cards are not taken here", code="unsupported_payment_method")
    return digest(token)


def made_before(token: str) -> str:
    """The ``Digest`` of what has been digested on its way here. Raises ``Invalid``
    (``invalid_gift_card_code``)."""
    if not is_digest(token):
        raise Invalid("a gift card needs its code", code="invalid_gift_card_code")
    return token


def refuse_unusable_account_token(provider: str, method: str, token: str) -> None:
    """Raises ``Invalid``: ``unsupported_payment_method``, ``invalid_payment_token``. Whether there
    is such an account, and who may use it, shows when the payment is authorised."""
    if provider != method:
        raise Invalid(
            f"the method {method} is not the provider {provider}",
            code="unsupported_payment_method",
        )
    if provider == GIFT_CARD:
        usable = is_digest(token)
    else:
        usable = is_account_id(token) or (provider == "store_credit" and not token)
    if not usable:
        raise Invalid(
            "a gift card needs its code, an account its id (acc_…)", code="invalid_payment_token"
        )
