"""The one tree of errors.

::

    OmsError                      code, status, title; detail and faults per raise
    ├── Refused                   the caller may not have this (4xx, never retried)
    │   ├── MalformedRequest      400  the request cannot be read
    │   ├── Unauthenticated       401  a missing or wrong signature
    │   ├── Forbidden             403  somebody else may have this
    │   ├── NotFound              404
    │   ├── Conflict              409  not in a state, or not of a content, that allows it
    │   ├── TooLarge              413  a stated limit is exceeded
    │   ├── Invalid               422  breaks a rule; carries every fault with its path
    │   ├── TooManyAttempts       429  wrong too often; the same again after a pause
    │   └── PaymentRefused        a provider will never do this; a person must look
    ├── Unfulfilled               what the state machine catches by name; never retried
    │   ├── OutOfStock            the order cannot be sourced and must be cancelled
    │   ├── Backordered           the order cannot be sourced and waits for stock
    │   ├── StockTakenBack        what the order held went to one of higher priority
    │   ├── PaymentDeclined       the provider said no
    │   ├── CapturePending        the provider takes the money later, and will say so
    │   └── OrderCancelRequested  someone asked to cancel; walk the ladder down
    └── Unavailable               503  a dependency failed; the same call may be made again
        ├── VersionConflict       another command moved the order first
        ├── StockContended        stock moved between the plan and the reservation
        └── ProviderUnavailable   a payment provider, carrier or channel did not answer

The HTTP status is ``status``; the state machine catches the class name, which is what the Lambda
runtime reports as ``errorType``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request. ``path`` is dotted, e.g. ``lines.0.quantity``."""

    path: str
    code: str
    message: str


class OmsError(Exception):
    """Root of the tree. ``context`` holds extra members of the problem document."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        faults: tuple[Fault, ...] = (),
        context: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.problem_code = code or self.code
        self.faults = faults
        self.context: Mapping[str, object] = context or {}


class Refused(OmsError):
    """The request was understood and is not going to happen."""

    code = "refused"
    status = 400
    title = "Refused"


class MalformedRequest(Refused):
    code = "malformed_request"
    title = "The request cannot be read"


class Unauthenticated(Refused):
    code = "invalid_signature"
    status = 401
    title = "The signature is missing or wrong"


class Forbidden(Refused):
    code = "forbidden"
    status = 403
    title = "Not for this caller"


class NotFound(Refused):
    code = "not_found"
    status = 404
    title = "Not found"


class Conflict(Refused):
    code = "conflict"
    status = 409
    title = "The current state does not allow this"


class TooLarge(Refused):
    code = "too_large"
    status = 413
    title = "A limit is exceeded"


class Invalid(Refused):
    code = "invalid"
    status = 422
    title = "The request breaks a rule"


class TooManyAttempts(Refused):
    code = "too_many_attempts"
    status = 429
    title = "Too many wrong attempts"


class PaymentRefused(Refused):
    """Asking again cannot help, so that the state machine does not."""

    code = "payment_provider_refused"
    status = 409
    title = "The payment provider refuses this"


class Unfulfilled(OmsError):
    """A business outcome that sends the order down another branch of its lifecycle."""

    code = "unfulfilled"
    status = 409
    title = "The order cannot go on this way"


class OutOfStock(Unfulfilled):
    code = "out_of_stock"


class Backordered(Unfulfilled):
    code = "backordered"


class StockTakenBack(Unfulfilled):
    code = "stock_taken_back"


class PaymentDeclined(Unfulfilled):
    code = "payment_declined"


class CapturePending(Unfulfilled):
    code = "capture_pending"


class OrderCancelRequested(Unfulfilled):
    code = "cancel_requested"


class Unavailable(OmsError):
    """Nothing was decided; the same call may be made again."""

    code = "unavailable"
    status = 503
    title = "Try again"


class VersionConflict(Unavailable):
    code = "version_conflict"
    title = "The order was changed at the same moment"


class StockContended(Unavailable):
    code = "stock_contended"
    title = "Stock moved while it was being reserved"


class ProviderUnavailable(Unavailable):
    code = "provider_unavailable"
    title = "A provider did not answer"


@dataclass(slots=True)
class Faults:
    """Collects faults so that a caller sees all of them at once."""

    found: list[Fault] = field(default_factory=list)

    def add(self, path: str, code: str, message: str) -> None:
        self.found.append(Fault(path, code, message))

    def refuse(self, detail: str) -> None:
        """Raise ``Invalid`` when anything was collected; the first fault names the problem."""
        if self.found:
            raise Invalid(detail, code=self.found[0].code, faults=tuple(self.found))
