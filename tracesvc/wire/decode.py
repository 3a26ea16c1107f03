"""From the bytes of an upload to events and rejections, whatever the format."""

import re
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final

from tracesvc.domain.errors import Unreadable
from tracesvc.wire.assemble import Assembler
from tracesvc.wire.bill_xml import read_bill_xml
from tracesvc.wire.context import PARAMS, DecodeContext, Decoded, WireLimits
from tracesvc.wire.csv_table import is_csv_header, read_csv
from tracesvc.wire.native_json import read_json
from tracesvc.wire.reading import Draft, Reading
from tracesvc.wire.relation_xml import read_relation_xml
from tracesvc.wire.scanner_txt import read_scanner_txt
from tracesvc.wire.text import decode_text
from tracesvc.wire.unwrap import unwrap

__all__ = ["FORMATS", "PARAMS", "DecodeContext", "Decoded", "WireLimits", "decode", "guess_format"]

_READERS: Final[dict[str, Callable[[bytes, Reading], Iterable[Draft]]]] = {
    "json": read_json,
    "bill-xml": read_bill_xml,
    "relation-xml": read_relation_xml,
    "scanner-txt": read_scanner_txt,
    "csv": read_csv,
}

FORMATS: Final = tuple(_READERS)
"""The values of `?format=`."""


def decode(
    payload: bytes,
    *,
    format: str | None,  # noqa: A002 - the name of the query parameter
    context: DecodeContext,
    limits: WireLimits,
) -> Decoded:
    """Decode one upload; `format` None means guess.

    Raises Unreadable where the upload as a whole cannot be read (its `extra["reason"]` says why) and
    TooLarge where it exceeds a limit. Anything wrong with a single event or code is a rejection.
    """
    content = unwrap(payload, limits)
    chosen = format or guess_format(content)
    reader = _READERS.get(chosen)
    if reader is None:
        raise Unreadable(
            f"format {chosen} is not one of {', '.join(FORMATS)}", reason="format_unknown"
        )
    reading = Reading(context, limits)
    made = map(Assembler(reading).event, reader(content, reading))
    events = [event for event in made if event is not None]
    if not events and not reading.rejections:
        raise Unreadable("there is no event in the upload", reason="upload_empty")
    return Decoded(
        format=chosen,
        events=events,
        rejections=reading.rejections,
        payload_sha256=sha256(content).digest(),
    )


_HEAD_BYTES: Final = 4096
_RELATION: Final = re.compile(r"<(?:\w+:)?relation\b|relationcreate", re.IGNORECASE)


def guess_format(content: bytes) -> str:
    """Tell the format of an unwrapped upload by its beginning. Raises Unreadable where none fits."""
    head = _head_of(content).lstrip()
    if head.startswith("<"):
        return "relation-xml" if _RELATION.search(head) else "bill-xml"
    if head.startswith(("{", "[")):
        return "json"
    if head.startswith(("$", "＄")):
        return "scanner-txt"
    if is_csv_header(re.split(r"[\r\n]", head, maxsplit=1)[0]):
        return "csv"
    raise Unreadable("the format cannot be told from the content", reason="format_unknown")


_ASCII_STARTS: Final = (b"<", b"{", b"[", b"$")


def _head_of(content: bytes) -> str:
    if content.lstrip().startswith(_ASCII_STARTS):
        return content[:_HEAD_BYTES].decode("ascii", "replace")
    return decode_text(content)[:_HEAD_BYTES]
