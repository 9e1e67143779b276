"""The writes of a soft reservation's life, apart from the units it moves.

======================  =======================================  ===============================
pk                      sk                                       what
======================  =======================================  ===============================
``reservation#<id>``    ``reservation``                          the reservation
sku                     ``until#<expires_at>#<id>#<node>``       units that it holds until then
``counter#<sku>#<n>``   ``until#<expires_at>#<id>#<node>``       units that it holds of a counter
======================  =======================================  ===============================

The second sorts by time in the SKU's own partition, after all else that is there: whoever reads the
SKU up to now finds what has expired, without an index and before anything has swept it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from oms.aws import dynamo
from oms.aws.stock_writes import Key, partition_of, write
from oms.inventory.reservation import Reservation, ReservationState, ReservedLine
from oms.kernel.clock import rfc3339
from oms.kernel.encoding import to_json
from oms.kernel.errors import OmsError, StockContended
from oms.kernel.events import Cause, Envelope, event_id
from oms.kernel.writes import Write

# A minute's reservations are in as many partitions of the index, which one item's limit of 1,000
# writes a second holds for too.
PARTS = 8
_CHANGED = StockContended("the reservation was changed at the same moment")


def reservation_key(reservation_id: str) -> Key:
    return {"pk": dynamo.text(f"reservation#{reservation_id}"), "sk": dynamo.text("reservation")}


def put(table: str, reservation: Reservation, fingerprint: str, taken: OmsError) -> list[Write]:
    item = {
        **reservation_key(reservation.id),
        "document": dynamo.text(to_json(reservation)),
        "fingerprint": dynamo.text(fingerprint),
        "state": dynamo.text(reservation.state),
        "expires_at": dynamo.text(rfc3339(reservation.expires_at)),
        "expiring": dynamo.text(_bucket(reservation)),
    }
    once = {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    return [write(table, "Put", once, taken), *_until(table, reservation)]


def extend(table: str, held: Reservation, extended: Reservation) -> list[Write]:
    change = _change(
        held,
        extended,
        "SET document = :document, expires_at = :expires_at, expiring = :expiring",
        {
            ":expires_at": dynamo.text(rfc3339(extended.expires_at)),
            ":expiring": dynamo.text(_bucket(extended)),
        },
    )
    changed = write(table, "Update", change, _CHANGED)
    return [changed, *_no_longer(table, held), *_until(table, extended)]


def end(table: str, held: Reservation, ended: Reservation, cause: Cause) -> list[Write]:
    """Whatever its end, it is no longer in the index nor beside the balances. When its units are
    free again the item says so, and the stream tells those that wait for them."""
    update = "SET document = :document, #state = :state REMOVE expiring"
    values = {":state": dynamo.text(ended.state)}
    if ended.state is not ReservationState.CONVERTED:
        update = update.replace(" REMOVE", ", envelopes = :envelopes REMOVE")
        values[":envelopes"] = dynamo.text(to_json([_told(ended, cause)]))
    change = _change(held, ended, update, values)
    return [write(table, "Update", change, _CHANGED), *_no_longer(table, held)]


def buckets(now: datetime, minutes: int) -> Iterator[str]:
    """The index's partitions of the last ``minutes``, the present one included."""
    for back in range(minutes):
        for part in range(PARTS):
            yield f"{_minute(now - timedelta(minutes=back))}#{part}"


def _change(
    held: Reservation, after: Reservation, update: str, values: dict[str, Any]
) -> dict[str, Any]:
    return {
        "Key": reservation_key(held.id),
        "UpdateExpression": update,
        "ConditionExpression": "#state = :held AND expires_at = :before",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {
            ":document": dynamo.text(to_json(after)),
            ":held": dynamo.text(ReservationState.HELD),
            ":before": dynamo.text(rfc3339(held.expires_at)),
            **values,
        },
    }


def _until(table: str, reservation: Reservation) -> list[Write]:
    return [
        write(
            table,
            "Put",
            {
                "Item": {
                    **_until_key(reservation, line),
                    "quantity": dynamo.number(line.quantity),
                    "counter": dynamo.number(line.counter),
                }
            },
        )
        for line in reservation.lines
    ]


def _no_longer(table: str, reservation: Reservation) -> list[Write]:
    return [
        write(table, "Delete", {"Key": _until_key(reservation, line)}) for line in reservation.lines
    ]


def _until_key(reservation: Reservation, line: ReservedLine) -> Key:
    until = f"until#{rfc3339(reservation.expires_at)}#{reservation.id}#{line.node}"
    return {"pk": dynamo.text(partition_of(line.sku, line.counter)), "sk": dynamo.text(until)}


def _bucket(reservation: Reservation) -> str:
    part = zlib.crc32(reservation.id.encode()) % PARTS
    return f"{_minute(reservation.expires_at)}#{part}"


def _minute(moment: datetime) -> str:
    return rfc3339(moment)[:16]


def _told(ended: Reservation, cause: Cause) -> Envelope:
    return Envelope(
        id=event_id(ended.id, 2, 1),
        type="reservation_released",
        subject=ended.id,
        version=2,
        at=cause.at,
        by=cause.by,
        reason=cause.reason,
        correlation_id=cause.correlation_id,
        data={"skus": sorted(ended.skus)},
    )
