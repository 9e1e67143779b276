"""The secret that the digests of gift cards' codes are made with, read when one is met."""

import os

from oms.accounts.codes import code_digest
from oms.aws.secrets import Secrets

_secrets = Secrets()


def secret() -> str:
    return _secrets.read(os.environ["GIFT_CARD_SECRET"])


def digest(code: str) -> str:
    """Raises ``Invalid``: ``invalid_gift_card_code``, ``card_number_refused``."""
    return code_digest(secret(), code)
