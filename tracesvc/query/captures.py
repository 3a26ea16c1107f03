"""Uploads, how far they have got, and what in them could not be understood."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tracesvc.domain.errors import NotFound
from tracesvc.domain.events import Rejection
from tracesvc.domain.lists import CaptureSummary
from tracesvc.domain.parties import Viewer
from tracesvc.query.answers import Page
from tracesvc.query.cursor import decode_cursor, encode_cursor, page_of
from tracesvc.query.ports import CaptureReader

_CAPTURES, _REJECTIONS = "captures", "rejections"


@dataclass(frozen=True, slots=True, kw_only=True)
class Captures:
    """An uploader sees its own captures; who sees all sees those of everybody."""

    reader: CaptureReader

    async def capture(self, viewer: Viewer, capture_id: UUID) -> CaptureSummary:
        """Return one capture; raises NotFound where there is none the viewer may see."""
        found = await self.reader.capture(capture_id)
        if found is None or not (viewer.sees_all or found.party_id == viewer.party_id):
            raise NotFound("there is no such capture", capture_id=str(capture_id))
        return found

    async def captures(
        self, viewer: Viewer, *, limit: int, cursor: str | None = None
    ) -> Page[CaptureSummary]:
        """Return captures, newest first. Raises BadParameter for a foreign cursor."""
        before = decode_cursor(cursor, _CAPTURES, _read_id)
        if not viewer.sees_all and viewer.party_id is None:
            return Page(items=(), next_cursor=None)
        party_id = None if viewer.sees_all else viewer.party_id
        rows = await self.reader.captures(party_id, before, limit + 1)
        return page_of(rows, limit, lambda row: encode_cursor(_CAPTURES, row.capture_id.hex))

    async def rejections(
        self, viewer: Viewer, capture_id: UUID, *, limit: int, cursor: str | None = None
    ) -> Page[Rejection]:
        """Return a capture's rejections in order. Raises NotFound like `capture`, BadParameter."""
        after = decode_cursor(cursor, f"{_REJECTIONS} {capture_id}", _read_ordinal)
        await self.capture(viewer, capture_id)
        rows = await self.reader.rejections(capture_id, -1 if after is None else after, limit + 1)
        return page_of(
            rows, limit, lambda row: encode_cursor(f"{_REJECTIONS} {capture_id}", row.ordinal)
        )


def _read_id(parts: Sequence[str | int]) -> UUID:
    (text,) = parts
    return UUID(str(text))


def _read_ordinal(parts: Sequence[str | int]) -> int:
    (ordinal,) = parts
    if not isinstance(ordinal, int) or not 0 <= ordinal < 2**31:
        raise ValueError("not an ordinal")
    return ordinal
