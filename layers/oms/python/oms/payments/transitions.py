"""How a payment may come to stand from how it stood, as what happened is told in time.

The balances decide (``oms.payments.model``), and reports come in any order; told in time, nothing
else follows than what is here. There is no end: what was let go of can still be paid, and what was
taken may fail later.
"""

from collections.abc import Mapping

from oms.payments.model import PaymentStatus

_NEW: Mapping[str, PaymentStatus] = {
    "wait": "pending",
    "miss_answer": "unknown",
    "decline": "declined",
    "authorize": "authorized",
    "capture": "captured",
    "let_go": "voided",
}

TRANSITIONS: Mapping[PaymentStatus, Mapping[str, PaymentStatus]] = {
    "new": _NEW,
    "pending": _NEW,
    "unknown": _NEW,
    "declined": _NEW,
    "authorized": {"capture": "captured", "void": "voided", "fail": "declined"},
    "captured": {"fail_capture": "authorized", "fail_last_capture": "voided"},
    "voided": {
        "fail_void": "authorized",
        "authorize": "authorized",
        "capture": "captured",
        "wait": "pending",
        "miss_answer": "unknown",
        "decline": "declined",
    },
}
