"""E-mail through SES (API v2), sent at most once per call."""

from __future__ import annotations

from email.utils import formataddr, parseaddr
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)

from oms.aws import clients
from oms.kernel.errors import ProviderUnavailable, Refused
from oms.notifications.render import Message

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

# One attempt: SES has no idempotency key, and the SDK would repeat a call that was lost on its way
# back as readily as one that was lost on its way out.
_ONE_ATTEMPT = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})


def ses() -> SESV2Client:
    return cast("SESV2Client", clients.make("sesv2", _ONE_ATTEMPT))


class SesMailer:
    """Implements ``oms.notifications.deliver.Mailer``. ``sender`` is a mailbox: an address that SES
    may send from, with or without a name before it."""

    def __init__(self, client: SESV2Client, sender: str) -> None:
        self._client = client
        # A name with an accent must be an encoded word (RFC 2047).
        self._sender = formataddr(parseaddr(sender))

    def send(self, recipient: str, message: Message) -> str:
        try:
            answer = self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [recipient]},
                Content={
                    "Simple": {
                        "Subject": {"Data": message.subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": message.text, "Charset": "UTF-8"},
                            "Html": {"Data": message.html, "Charset": "UTF-8"},
                        },
                    }
                },
            )
        except ClientError as error:
            raise _refusal(error) from None
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            raise _not_sent(type(error).__name__) from None
        except HTTPClientError as error:
            raise _unknown(type(error).__name__) from None
        return answer["MessageId"]


def _refusal(error: ClientError) -> ProviderUnavailable | Refused:
    """Its text is left out: SES repeats the recipient's address in it."""
    code = error.response["Error"]["Code"]
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return _not_sent(code) if 400 <= status < 500 else _unknown(code)


def _not_sent(why: str) -> ProviderUnavailable:
    return ProviderUnavailable(f"the e-mail was not sent: {why}", code="email_not_sent")


def _unknown(why: str) -> Refused:
    return Refused(f"the e-mail may have been sent: {why}", code="delivery_unknown")
