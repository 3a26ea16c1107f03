"""What one upload is on its way into the log, in the log, and in the answer to its sender."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

from tracesvc.domain.events import Rejection, TraceEvent

OnError: TypeAlias = Literal["rollback", "proceed"]
Outcome: TypeAlias = Literal["accepted", "rolled_back"]
Verdict: TypeAlias = Literal["stored", "duplicate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCapture:
    """An upload about to be appended; its events and rejections are passed beside it.

    `party_id` is the uploader. `payload_sha256` is over the bytes received (unpacked);
    `request_sha256` also covers the parameters that change their meaning, so that an idempotency
    key used for another request is told from a repetition. `record_time` is aware UTC.
    """

    capture_id: UUID
    party_id: str
    idempotency_key: str | None
    format: str
    on_error: OnError
    payload_sha256: bytes
    request_sha256: bytes
    record_time: datetime


class EventVerdict(NamedTuple):
    """What became of one event: stored as `event_id`, or a duplicate of the event `event_id`.

    A tuple, because a receipt has one per event and they are made while the uploader waits.
    """

    ordinal: int
    event_id: UUID
    verdict: Verdict
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureReceipt:
    """What the log promises about one capture once it is committed.

    `event_count` and `scan_count` count what this capture added to the log, `duplicate_count` the
    events that were already there (or stood twice in the upload). `root_hash` is the RFC 6962
    Merkle root of the digests of all its events in ordinal order, duplicates included. `log_index`
    is None until the sequencer has numbered the capture. `verdicts` are in ordinal order.
    `replayed` says that the same request was stored before and this is its receipt.
    """

    capture_id: UUID
    party_id: str
    record_time: datetime
    outcome: Outcome
    replayed: bool
    log_index: int | None
    event_count: int
    scan_count: int
    duplicate_count: int
    rejection_count: int
    root_hash: bytes
    verdicts: tuple[EventVerdict, ...]
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """An idempotency key in use, the capture it belongs to, and what was asked with it."""

    capture_id: UUID
    request_sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencedCapture:
    """A capture with its place in the log, as whoever catches up reads it."""

    capture_id: UUID
    log_index: int
    party_id: str
    record_time: datetime
    event_count: int
    scan_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as the log holds it: its head, its place, and the canonical body as text."""

    event: TraceEvent
    capture_id: UUID
    ordinal: int
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """That a capture is leaf `log_index` of the tree of `tree_size` captures with root `root_hash`.

    `hashes` is the RFC 6962 audit path from the leaf to the root.
    """

    log_index: int
    tree_size: int
    root_hash: bytes
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCheck:
    """What a check of the whole log found: its size and root, and every fault in words."""

    tree_size: int
    root_hash: bytes
    faults: tuple[str, ...]
