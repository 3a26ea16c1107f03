"""Reading what a caller asks: query parameters and path parts to values, or a problem."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar
from uuid import UUID

from aiohttp import web

from tracesvc.domain.errors import BadParameter
from tracesvc.http.services import HttpLimits
from tracesvc.wire.scan_text import ScanFault, read_scan

T = TypeVar("T")

_TRUE: Final = frozenset({"1", "true", "yes"})
_FALSE: Final = frozenset({"0", "false", "no", ""})


def check_known(request: web.Request, known: Iterable[str]) -> None:
    """Raise BadParameter for a query parameter this call has not: a typing error must not pass unseen."""
    allowed = set(known)
    for name in request.query:
        if name not in allowed:
            raise BadParameter(
                f"this call has no parameter {name!r}", parameter=name, known=sorted(allowed)
            )


def one(request: web.Request, name: str) -> str | None:
    """Return a query parameter that may stand once; blank counts as absent."""
    values = request.query.getall(name, [])
    if len(values) > 1:
        raise BadParameter(f"{name} may be given once", parameter=name)
    return values[0].strip() or None if values else None


def flag(request: web.Request, name: str) -> bool:
    value = (one(request, name) or "").lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise BadParameter(f"{name} is 1 or 0", parameter=name, value=value)


def whole(request: web.Request, name: str, *, default: int, most: int) -> int:
    """Return a whole number from 1 to `most`."""
    value = one(request, name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:10]) <= most):
        raise BadParameter(f"{name} is a number from 1 to {most}", parameter=name, value=value)
    return int(value)


def instant(request: web.Request, name: str) -> datetime | None:
    """Return an ISO 8601 time with offset as aware UTC.

    A time without offset is refused: guessing a zone would answer for another moment.
    """
    value = one(request, name)
    if value is None:
        return None
    # An unencoded "+08:00" arrives as a blank; no valid time holds one there.
    moment = _read(
        datetime.fromisoformat,
        value.replace(" ", "+") if "T" in value else value,
        name=name,
        form="an ISO 8601 time with offset, as 2026-02-01T09:00:00+08:00",
    )
    if moment.tzinfo is None:
        raise BadParameter(f"{name} needs an offset, as +08:00 or Z", parameter=name, value=value)
    return moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Page:
    """The part of a list that is asked for. Cursors are made and read by the query stage."""

    cursor: str | None
    rows: int


def page_of(request: web.Request, limits: HttpLimits, *, filters: Iterable[str] = ()) -> Page:
    check_known(request, ("cursor", "limit", *filters))
    rows = whole(request, "limit", default=limits.page_rows_default, most=limits.page_rows_max)
    return Page(one(request, "cursor"), rows)


def path_id(request: web.Request, name: str) -> UUID:
    return _read(UUID, request.match_info[name], name=name, form="a UUID")


def trace_code(request: web.Request) -> str:
    """Return the canonical form of the code in the path, whichever spelling a scanner sent."""
    return _canonical(request.match_info["code"])


def code_filter(request: web.Request, name: str) -> str | None:
    """Return the canonical form of a code that a list is narrowed to."""
    value = one(request, name)
    return None if value is None else _canonical(value)


def id_filter(request: web.Request, name: str) -> UUID | None:
    value = one(request, name)
    return None if value is None else _read(UUID, value, name=name, form="a UUID")


def word(request: web.Request, name: str, *, words: tuple[str, ...]) -> str | None:
    """Return a parameter that is one of a few words."""
    value = one(request, name)
    if value is None or value in words:
        return value
    raise BadParameter(f"{name} is {' | '.join(words)}", parameter=name, value=value[:100])


def _canonical(raw: str) -> str:
    scan = read_scan(raw)
    if isinstance(scan, ScanFault):
        raise BadParameter(
            scan.detail or "this is no trace code",
            parameter="code",
            value=raw[:100],
            reason=scan.error_code,
        )
    return scan.trace_code


def _read(parse: Callable[[str], T], value: str, *, name: str, form: str) -> T:
    try:
        return parse(value)
    except ValueError as wrong:
        raise BadParameter(f"{name} is {form}", parameter=name, value=value[:100]) from wrong
