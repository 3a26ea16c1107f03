"""The native event, version 1: the form every other format is read into, and the JSON that holds it.

The types say what is well formed; what an event of one kind needs is judged in `wire.assemble`. They
are typed dictionaries rather than models because an evening's uploads are made of events with one
code each: pydantic checks a thousand of them in 2 to 3 ms this way, and in 7 ms as objects with
twenty mostly empty fields. The other formats build the same dictionaries.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final, NamedTuple, Required

from pydantic import (
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    with_config,
)
from typing_extensions import TypedDict

from tracesvc.domain.vocabulary import Kind

TEXT_LENGTH_MAX: Final = 200

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=TEXT_LENGTH_MAX)]

_NO_OTHER_FIELDS: Final = ConfigDict(extra="forbid")


@with_config(_NO_OTHER_FIELDS)
class DocumentV1(TypedDict, total=False):
    """The business document an event belongs to; `part` where one document was sent in parts."""

    number: Required[Text]
    part: Text | None


@with_config(_NO_OTHER_FIELDS)
class PortionV1(TypedDict):
    """The share of one pack that was taken: 1 of 12 tablets is 1/12."""

    numerator: int
    denominator: int


PairV1 = Annotated[list[int], Field(min_length=2, max_length=2)]

# `from` is a keyword of the language, so this field cannot be declared in a class body.
_RouteV1 = TypedDict(
    "_RouteV1",
    {"from": Annotated[Text | None, Field(description="Who hands over; a ship's is its actor.")]},
    total=False,
)


@with_config(_NO_OTHER_FIELDS)
class EventV1(_RouteV1, total=False):
    """One reported fact: what, when, where, who and why. Null and empty text count as absent."""

    kind: Annotated[Kind | None, Field(description="What happened; or give bill_type.")]
    reason: Annotated[Text | None, Field(description="Why; other reasons are kept as reported.")]
    bill_type: Annotated[int | None, Field(description="Bill type instead of kind and reason.")]
    event_time: Required[
        Annotated[Text, Field(description="RFC 3339; without offset it is +08:00.")]
    ]
    actor: Annotated[Text | None, Field(description="Who reports it; by default the uploader.")]
    to: Annotated[
        Text | None, Field(description="Where the goods go physically; most shipments need it.")
    ]
    owner: Annotated[
        Text | None, Field(description="Who owns the goods afterwards, if not the holder.")
    ]
    carrier: Text | None
    location: Text | None
    document: DocumentV1 | None
    product: Text | None
    lot: Text | None
    made_on: Annotated[Text | None, Field(description="Production date, YYYY-MM-DD.")]
    expiry: Annotated[
        Text | None, Field(description="YYYY-MM-DD; YYYY-MM is the last day of that month.")
    ]
    parent: Annotated[str | None, Field(description="The container, for pack and unpack.")]
    declared_count: Annotated[int | None, Field(ge=0, le=10**9)]
    codes: Annotated[list[str], Field(description="Scans in any known spelling.")]
    replacements: Annotated[
        list[str], Field(description="The new codes of a relabel, position by position.")
    ]
    portion: Annotated[
        str | PairV1 | PortionV1 | None,
        Field(description='"1/12", [1, 12], or numerator and denominator.'),
    ]
    voids: Annotated[
        Text | None, Field(description="The voided event: its event_id, or its digest in hex.")
    ]
    attributes: Annotated[
        dict[str, Any] | None,
        Field(description="Anything else worth keeping; stored, never interpreted."),
    ]


@with_config(_NO_OTHER_FIELDS)
class CaptureV1(TypedDict):
    """One upload: events sent together. A bare list or a single event will do as well."""

    events: list[EventV1]


EVENT: Final = TypeAdapter(EventV1)
CAPTURE: Final = TypeAdapter(CaptureV1)
EVENTS: Final = TypeAdapter(list[EventV1])


class FieldFault(NamedTuple):
    """One thing wrong with the form of an event: where (path of keys), what it holds, and why."""

    error_code: str
    path: tuple[str | int, ...]
    value: Any
    detail: str


def faults_of(error: ValidationError) -> Iterator[FieldFault]:
    """Name what pydantic found, once per field, in our error codes."""
    seen = set()
    for item in error.errors(include_url=False, include_context=False):
        path = item["loc"]
        if path[:1] == ("portion",):
            path = path[:1]  # the rest only says which alternative was tried
        if path not in seen:
            seen.add(path)
            code = _code_of(item["type"], path)
            yield FieldFault(code, path, item["input"], item["msg"])


_BY_FIELD: Final = {
    "portion": "bad_portion",
    "attributes": "bad_attributes",
    "declared_count": "bad_number",
    "bill_type": "bad_number",
}
_BY_TYPE: Final = {
    "extra_forbidden": "unknown_field",
    "missing": "missing_field",
    "enum": "unknown_kind",
    "string_too_long": "text_too_long",
}


def _code_of(error_type: str, path: tuple[str | int, ...]) -> str:
    if not path:
        return "bad_event"
    if path == ("event_time",) and error_type == "missing":
        return "no_event_time"
    return _BY_TYPE.get(error_type) or _BY_FIELD.get(str(path[0]), "bad_value")
