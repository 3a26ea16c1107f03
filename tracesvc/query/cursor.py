"""Cursors: where a list goes on, as text that callers keep and send back unread."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import TypeVar

from tracesvc.domain.errors import BadParameter
from tracesvc.query.answers import Page

T = TypeVar("T")
K = TypeVar("K")

_LENGTH_MAX = 1_000


def encode_cursor(name: str, *key: str | int) -> str:
    """Return the text of a key in the list `name`."""
    text = json.dumps([name, *key], ensure_ascii=False, separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(
    cursor: str | None, name: str, read: Callable[[Sequence[str | int]], K]
) -> K | None:
    """Return the key in a cursor, as `read` makes it of the parts; None where there is no cursor.

    Raises BadParameter for anything that `encode_cursor` did not make for this list. `read` may
    raise ValueError.
    """
    if cursor is None:
        return None
    try:
        return read(_parts(cursor, name))
    except (ValueError, OverflowError, RecursionError) as wrong:
        raise BadParameter(
            "the cursor does not belong to this list; start again without one",
            parameter="cursor",
            value=cursor[:100],
        ) from wrong


def _parts(cursor: str, name: str) -> list[str | int]:
    if len(cursor) > _LENGTH_MAX:
        raise ValueError("too long")
    parts = json.loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    if not isinstance(parts, list) or parts[:1] != [name]:
        raise ValueError("not of this list")
    if not all(isinstance(part, str | int) for part in parts):
        raise ValueError("not a key")
    return parts[1:]


def page_of(rows: Sequence[T], limit: int, cursor_of: Callable[[T], str]) -> Page[T]:
    """Return a page of `limit` rows out of one more that was read to see whether any follow."""
    items = tuple(rows[:limit])
    return Page(items=items, next_cursor=cursor_of(items[-1]) if len(rows) > limit else None)
