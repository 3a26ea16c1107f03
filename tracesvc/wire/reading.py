"""The state of one upload while it is read: numbers its events and collects its rejections."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson
from pydantic import ValidationError

from tracesvc.domain.events import Rejection
from tracesvc.wire.context import DecodeContext, WireLimits, check_limit
from tracesvc.wire.native import EVENT, EventV1, faults_of

RAW_KEPT_MAX: Final = 500
"""Characters kept of a raw value that was rejected; enough to find it in the upload."""


class Draft(NamedTuple):
    """A well-formed event with its place in the upload, not yet judged.

    `base` is the pointer to the list it stands in, None for an event sent alone; `line` where it
    begins. `lines` and `places` give the line and the
    index in the upload of each of its codes, where these are known or differ from the position.
    """

    ordinal: int
    facts: EventV1
    base: str | None
    line: int | None = None
    lines: Sequence[int] | None = None
    places: Sequence[int] | None = None

    @property
    def pointer(self) -> str:
        """The JSON Pointer of the event in its upload."""
        return "" if self.base is None else f"{self.base}/{self.ordinal}"


@dataclass(slots=True)
class Reading:
    """One upload being read."""

    context: DecodeContext
    limits: WireLimits
    rejections: list[Rejection] = field(default_factory=list)
    events_seen: int = 0
    codes_seen: int = 0

    def next_ordinal(self) -> int:
        """Number the next event; rejected ones count too. Raises TooLarge beyond the limit."""
        self.events_seen += 1
        check_limit(self.limits, "events_per_capture_max", self.events_seen)
        return self.events_seen - 1

    def count_codes(self, count: int) -> None:
        """Count the codes of one event. Raises TooLarge beyond the limits."""
        self.codes_seen += count
        limits = self.limits
        if count > limits.codes_per_event_max or self.codes_seen > limits.codes_per_capture_max:
            check_limit(limits, "codes_per_event_max", count)
            check_limit(limits, "codes_per_capture_max", self.codes_seen)

    def reject(
        self,
        error_code: str,
        raw: object,
        *,
        ordinal: int | None,
        pointer: str,
        detail: str = "",
        line: int | None = None,
    ) -> None:
        """Keep one record that could not be understood."""
        self.rejections.append(
            Rejection(
                ordinal=len(self.rejections),
                event_ordinal=ordinal,
                pointer=pointer,
                raw=shown(raw),
                error_code=error_code,
                detail=shown(detail),
                line=line,
            )
        )

    def draft(
        self, facts: Mapping[str, Any], *, line: int, lines: Sequence[int] | None = None
    ) -> Iterable[Draft]:
        """Check an event that a text format yielded; nothing where its form is wrong.

        Upload parameters fill what the facts lack.
        """
        ordinal = self.next_ordinal()
        return self.checked(
            Draft(ordinal, filled(facts, self.context.params), "/events", line, lines)
        )

    def checked(self, draft: Draft) -> Iterable[Draft]:
        """Check the form of a draft; reject it field by field where it is wrong."""
        try:
            return (draft._replace(facts=EVENT.validate_python(draft.facts)),)
        except ValidationError as error:
            for fault in faults_of(error):
                self.reject(
                    fault.error_code,
                    None if fault.error_code in _ABSENT else fault.value,
                    ordinal=draft.ordinal,
                    pointer=pointer_to(draft.pointer, *fault.path),
                    detail=fault.detail,
                    line=draft.line,
                )
            return ()


_ABSENT: Final = frozenset({"missing_field", "no_event_time"})


def filled(facts: Mapping[str, Any], params: Mapping[str, str]) -> EventV1:
    """Return the facts with upload parameters where they say nothing themselves."""
    number, part = params.get("document"), params.get("part")
    document = facts.get("document") or ({"number": number} if number else None)
    if document and part:
        document = {"part": part, **document}
    given = {k: v for k, v in facts.items() if v is not None and v != ""}
    has_meaning = "kind" in given or "bill_type" in given
    defaults = {
        name: value
        for name, value in params.items()
        # A file that says what happened must not get half of another meaning from the parameters.
        if name not in {"document", "part"} and not (has_meaning and name in _MEANING)
    }
    return {**defaults, **given, "document": document}  # type: ignore[typeddict-item]


_MEANING: Final = frozenset({"kind", "bill_type"})


def pointer_to(base: str, *path: str | int) -> str:
    """Return the JSON Pointer (RFC 6901) of a path below another pointer."""
    return base + "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in path)


def shown(value: object) -> str:
    """Return a value as text to be kept: at most `RAW_KEPT_MAX` characters, and no NUL."""
    if value is None:
        return ""
    if not isinstance(value, str):
        try:
            value = orjson.dumps(value, default=str).decode()
        except TypeError:
            value = str(value)
    # Postgres text cannot hold NUL; the picture of it can be read by people as well.
    return value[:RAW_KEPT_MAX].replace("\x00", "␀")
