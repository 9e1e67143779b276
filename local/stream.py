"""Where a failed batch is in a table's stream, and the records that are there.

Lambda keeps of a batch that it gave up not the records but their place (`DDBStreamBatchInfo`);
DynamoDB keeps the records for 24 hours.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

from local.failure import LocalFailure

# A read brings up to 1,000 records or 1 MB, and may bring none on its way to the next ones.
MAX_READS = 200

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """`first` and `last` are sequence numbers, both of records that belong to it.

    Between them are also records of other batches: a shard is read in several lanes at once.
    `since` and `until` say when the first and the last were written (RFC 3339).
    """

    stream: str
    shard: str
    first: str
    last: str
    since: str
    until: str

    @property
    def table(self) -> str:
        return self.stream.split("/")[1]

    def __str__(self) -> str:
        return f"{self.table}, written from {self.since} to {self.until}"


def read_place(message: str) -> Place:
    """The place that a message of a stream's failure queue names. Raises `LocalFailure`."""
    try:
        found = json.loads(message)["DDBStreamBatchInfo"]
        return Place(
            stream=found["streamArn"],
            shard=found["shardId"],
            first=found["startSequenceNumber"],
            last=found["endSequenceNumber"],
            since=found["approximateArrivalOfFirstRecord"],
            until=found["approximateArrivalOfLastRecord"],
        )
    except (KeyError, TypeError, ValueError):
        raise LocalFailure("a message names no place in a stream") from None


def records_at(streams: DynamoDBStreamsClient, place: Place) -> Iterator[Record]:
    """Every record of the place, as a function would get it.

    Raises `LocalFailure` when not all of them are there any more, before or after some were given.
    """
    last, complete = int(place.last), False
    for record in _read(streams, place):
        number = int(record["dynamodb"]["SequenceNumber"])
        if number <= last:
            yield _as_functions_get_it(record)
        if number >= last:
            complete = True
            break
    if not complete:
        raise _gone(place, "its shard ends before its last record")


def _read(streams: DynamoDBStreamsClient, place: Place) -> Iterator[Record]:
    try:
        iterator: str | None = streams.get_shard_iterator(
            StreamArn=place.stream,
            ShardId=place.shard,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=place.first,
        )["ShardIterator"]
        for _ in range(MAX_READS):
            if not iterator:
                return
            page = streams.get_records(ShardIterator=iterator)
            yield from page["Records"]
            iterator = page.get("NextShardIterator")
    except streams.exceptions.TrimmedDataAccessException:
        raise _gone(place, "its records are trimmed") from None
    except streams.exceptions.ResourceNotFoundException:
        raise _gone(place, "its shard is gone") from None
    raise LocalFailure(f"{place}: {MAX_READS} reads did not reach its last record")


def _as_functions_get_it(record: Record) -> Record:
    """The SDK makes a `datetime` of what Lambda hands on as seconds since 1970."""
    change = record["dynamodb"]
    written = change["ApproximateCreationDateTime"].timestamp()
    return {**record, "dynamodb": {**change, "ApproximateCreationDateTime": written}}


def _gone(place: Place, why: str) -> LocalFailure:
    return LocalFailure(
        f"{place}: {why}. 'make republish ORDER=…' publishes the events of an order again; "
        "docs/runbook.md#stuck-relay says how to find which"
    )
