"""What the service answers: one model per shape, made from domain values by their attribute names.

Every model reads plain objects (`Model.model_validate(value)`), so whatever has fields of these names
fits. Party fields are `from_party` and `to_party` inside and `from` and `to` on the wire; digests are
lower-case hex; instants are UTC.
"""

from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    computed_field,
)

from tracesvc.domain.captures import CaptureReceipt, InclusionProof
from tracesvc.domain.vocabulary import PartyType, Status
from tracesvc.wire.messages import message_for

Hex = Annotated[
    bytes,
    PlainSerializer(bytes.hex, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]*$"}, mode="serialization"),
]
From = Annotated[str | None, Field(serialization_alias="from")]
To = Annotated[str | None, Field(serialization_alias="to")]
CaptureStateName = Literal["stored", "sequenced", "projected"]

T = TypeVar("T")


class Reply(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(from_attributes=True, serialize_by_alias=True)


class Page(Reply, Generic[T]):
    """One page of a list; `next_cursor` asks for the next one and is null on the last."""

    items: tuple[T, ...]
    next_cursor: str | None = None


class Problem(Reply):
    """Why a request failed (RFC 9457). `error_code` is stable; title and title_zh say what to do."""

    type: str
    title: str
    title_zh: str
    status: int
    detail: str = ""
    error_code: str
    request_id: UUID
    extra: dict[str, Any] = Field(
        default_factory=dict, description="Which limit, reason or parameter is meant."
    )


class Rejection(Reply):
    """One record that could not be understood, and how to mend it."""

    ordinal: int
    event_ordinal: int | None
    pointer: str = Field(description="JSON Pointer into the upload.")
    line: int | None = Field(None, description="Line of the file, from 1.")
    raw: str = Field(description="What was sent.")
    error_code: str
    detail: str = ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def message_zh(self) -> str:
        return message_for(self.error_code).zh

    @computed_field  # type: ignore[prop-decorator]
    @property
    def message_en(self) -> str:
        return message_for(self.error_code).en


class Verdict(Reply):
    """What became of one event: stored, or a duplicate of the event that `event_id` names."""

    ordinal: int
    event_id: UUID
    verdict: Literal["stored", "duplicate"]
    digest: Hex


class Proof(Reply):
    """That the capture is leaf `log_index` of the tree of `tree_size` captures (RFC 6962)."""

    log_index: int
    tree_size: int
    root_hash: Hex
    hashes: tuple[Hex, ...]


class Finding(Reply):
    """An anomaly or a gap that a rule found: what, by which rule and ground, about whom and what."""

    finding_id: UUID
    rule_id: str
    rule_version: int
    severity: str
    title_zh: str
    title_en: str
    ground: str = ""
    state: str
    actor: str | None = None
    from_party: From = None
    to_party: To = None
    document: str | None = None
    product: str | None = None
    lot: str | None = None
    event_id: UUID | None = None
    event_time: datetime | None = None
    opens_time: datetime | None = None
    subject_count: int | None = None
    subjects: tuple[str, ...] = ()
    events: tuple[UUID, ...] = ()
    detail: dict[str, Any] = Field(default_factory=dict)


class FindingSubject(Reply):
    """One code or document line that a finding is held against, with the events that prove it."""

    subject: str
    event_digest: Hex
    event_id: UUID | None
    events: tuple[UUID, ...]
    detail: dict[str, Any]


class FindingChange(Reply):
    """One entry of a finding's journal, and the event and upload that caused it."""

    change_id: int
    change: Literal["opened", "changed", "withdrawn"]
    subject_count: int
    event_id: UUID | None
    capture_id: UUID | None
    log_index: int
    record_time: datetime


class CaptureCounts(Reply):
    """Which capture, and how much of it was stored, was there already, or could not be read."""

    capture_id: UUID
    party_id: str
    record_time: datetime
    outcome: Literal["accepted", "rolled_back"]
    log_index: int | None = None
    event_count: int
    scan_count: int
    duplicate_count: int
    rejection_count: int
    root_hash: Hex = Field(description="RFC 6962 Merkle root of the digests of its events.")


class Receipt(CaptureCounts):
    """What the log promises about one upload. `findings` are there only if waited for."""

    replayed: bool
    state: CaptureStateName
    verdicts: tuple[Verdict, ...]
    rejections: tuple[Rejection, ...]
    proof: Proof | None = None
    findings: tuple[Finding, ...] | None = None


class CaptureReply(CaptureCounts):
    """One upload, and how far it has got; alone it also tells the findings it raised."""

    format: str
    on_error: str
    state: CaptureStateName
    findings: tuple[Finding, ...] | None = None


class PlannedVerdict(Reply):
    """What would become of one event; `event_id` binds only where it is one already in the log."""

    ordinal: int
    event_id: UUID | None
    verdict: Literal["stored", "duplicate"]
    digest: Hex


class Rehearsal(Reply):
    """What an upload would lead to, told without storing anything."""

    outcome: Literal["accepted", "rolled_back"]
    event_count: int
    scan_count: int
    duplicate_count: int
    verdicts: tuple[PlannedVerdict, ...]
    rejections: tuple[Rejection, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def rejection_count(self) -> int:
        return len(self.rejections)


class Document(Reply):
    """A business document as it was reported."""

    number: str
    part: str | None = None


class PathLink(Reply):
    """One event in the life of a code. `via` are the containers it travelled in, innermost first."""

    kind: str
    reason: str | None
    event_id: UUID | None
    event_time: datetime
    event_offset_min: int | None = None
    record_time: datetime | None
    actor: str | None
    from_party: From
    to_party: To
    owner: str | None = None
    carrier: str | None = None
    document: Document | None
    role: str | None = None
    parent: str | None = None
    via: tuple[str, ...]
    voided: bool
    voids: UUID | None = None
    findings: tuple[UUID, ...]


class Gap(Reply):
    """A report that is missing between two others, and who owes it."""

    kind: str
    owes: str
    owed_by: str | None
    counterpart: str | None = None
    document: str | None = None
    after_event_id: UUID | None = None
    after_time: datetime | None = None
    before_event_id: UUID | None = None
    before_time: datetime | None = None
    title_zh: str
    title_en: str


class PathReply(Reply):
    """The chain of custody of one code, as of an event time and as known at a record time."""

    trace_code: str
    product: str | None
    lot: str | None
    expiry: date | None
    status: Status
    holder: str | None
    owner: str | None
    as_of: datetime | None
    known_at: datetime | None
    links: tuple[PathLink, ...]
    gaps: tuple[Gap, ...]
    findings: tuple[Finding, ...]


class Transit(Reply):
    """A shipment under way."""

    from_party: From
    to_party: To
    document: str | None
    since: datetime | None


class CodeReply(Reply):
    """Where one code stands now. `containers` are around it, innermost first."""

    trace_code: str
    scheme: str
    product: str | None
    lot: str | None
    made_on: date | None
    expiry: date | None
    status: Status
    holder: str | None
    owner: str | None
    containers: tuple[str, ...]
    transit: Transit | None = Field(description="There while the status is in_transit.")
    last_event: PathLink | None
    link_count: int = Field(description="Links of the path.")
    gap_count: int = Field(description="Gaps of the path.")


class Content(Reply):
    """One code inside a container: `parent` is directly around it, depth 1 directly inside."""

    trace_code: str
    parent: str
    depth: int
    product: str | None
    holds: int = Field(description="Codes directly inside it.")


class LevelCount(Reply):
    """How many codes are on one level of a container."""

    depth: int
    code_count: int


class ContentsReply(Page[Content]):
    """What is inside a container, level by level; the counts are over all pages."""

    trace_code: str
    at: datetime | None = Field(description="The event time asked for; null is the present.")
    levels: tuple[LevelCount, ...]
    code_count: int
    smallest_count: int = Field(description="Codes that hold nothing themselves: packs.")


class PartyReply(Reply):
    """One company, institution or authority."""

    party_id: str
    party_type: PartyType
    name: str
    region: str
    cut_in_date: date | None


class Health(Reply):
    """The process is alive."""

    status: Literal["ok"]


class Readiness(Reply):
    """Whether an upload sent now would be stored, and what stands in the way if not."""

    ready: bool
    database: bool
    schema_current: bool
    partitions_ahead: bool
    lag_captures: int | None = Field(description="Captures stored and not yet projected.")
    detail: str = ""


class CapturePage(Page[CaptureReply]):
    """Uploads, newest first."""


class RejectionPage(Page[Rejection]):
    """Rejections of one upload, in its order."""


class FindingPage(Page[Finding]):
    """Findings, newest first."""


class FindingSubjectPage(Page[FindingSubject]):
    """What a finding is held against."""


class FindingChangePage(Page[FindingChange]):
    """The journal of a finding, in log order."""


class PartyPage(Page[PartyReply]):
    """Parties, by their id."""


def receipt_reply(
    receipt: CaptureReceipt,
    *,
    state: CaptureStateName | None = None,
    proof: InclusionProof | None = None,
    findings: tuple[Finding, ...] | None = None,
) -> Receipt:
    """Make the answer to an upload. Without `state` it says what the receipt itself can tell."""
    known = CaptureCounts.model_validate(receipt)
    return Receipt(
        **known.model_dump(exclude={"root_hash"}),
        root_hash=receipt.root_hash,
        replayed=receipt.replayed,
        state=state or ("stored" if receipt.log_index is None else "sequenced"),
        verdicts=tuple(Verdict.model_validate(verdict) for verdict in receipt.verdicts),
        rejections=tuple(Rejection.model_validate(item) for item in receipt.rejections),
        proof=None if proof is None else Proof.model_validate(proof),
        findings=findings,
    )
