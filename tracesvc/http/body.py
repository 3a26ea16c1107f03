"""Reading an upload: never more bytes in memory than the limits say, packed or unpacked."""

import asyncio
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from aiohttp import web

from tracesvc.domain.errors import TooLarge, Unreadable
from tracesvc.ingest.admission import Place

_GZIP: Final = frozenset({"gzip", "x-gzip"})
_GZIP_WBITS: Final = 31
_PIECE_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """Largest upload as sent, largest after unpacking, largest growth, and how long it may take.

    The growth limit applies once the unpacked part is larger than `unpack_ratio_from_bytes`: a small
    text of blanks packs better than any honest bill and harms nobody.
    """

    body_bytes_max: int
    unpacked_bytes_max: int
    unpack_ratio_max: int
    unpack_ratio_from_bytes: int = 1024 * 1024
    read_s_max: float = 60.0


class _Unpacker(Protocol):
    def feed(self, chunk: bytes) -> Iterator[bytes]: ...

    def finish(self) -> None: ...


async def read_body(request: web.Request, *, place: Place, limits: BodyLimits) -> bytes:
    """Return the upload, unpacked where its Content-Encoding says gzip.

    Raises TooLarge naming the limit, Busy where the process holds too much already, and Unreadable for
    a broken or unknown encoding or a body that does not arrive in time.
    """
    if (request.content_length or 0) > limits.body_bytes_max:
        raise _too_large("body_bytes_max", limits.body_bytes_max)
    try:
        async with asyncio.timeout(limits.read_s_max):
            return await _read(request, place=place, limits=limits)
    except TimeoutError as late:
        raise Unreadable(
            "the upload did not arrive in time", read_s_max=limits.read_s_max
        ) from late


async def _read(request: web.Request, *, place: Place, limits: BodyLimits) -> bytes:
    unpacker = _unpacker_for(request)
    pieces: list[bytes] = []
    received = unpacked = 0
    async for chunk in request.content.iter_any():
        received += len(chunk)
        if received > limits.body_bytes_max:
            raise _too_large("body_bytes_max", limits.body_bytes_max)
        for piece in unpacker.feed(chunk):
            unpacked += len(piece)
            _check_growth(received, unpacked, limits)
            place.hold(len(piece))
            pieces.append(piece)
    unpacker.finish()
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _check_growth(received: int, unpacked: int, limits: BodyLimits) -> None:
    if unpacked > limits.unpacked_bytes_max:
        raise _too_large("unpacked_bytes_max", limits.unpacked_bytes_max)
    grown = unpacked > limits.unpack_ratio_from_bytes
    if grown and unpacked > received * limits.unpack_ratio_max:
        raise _too_large("unpack_ratio_max", limits.unpack_ratio_max)


def _unpacker_for(request: web.Request) -> _Unpacker:
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in _GZIP:
        return _Gunzip()
    if encoding == "identity":
        return _Identity()
    raise Unreadable("only gzip is understood as Content-Encoding", content_encoding=encoding)


class _Identity:
    def feed(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk

    def finish(self) -> None:
        return


class _Gunzip:
    """Unpacks gzip in pieces of bounded size; a file may be several members one after another."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_WBITS)
        self._fed = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        rest, full = chunk, False
        # A full piece may leave output inside zlib although every byte of input is used up.
        while rest or full:
            if rest and self._member.eof:
                self._member = zlib.decompressobj(_GZIP_WBITS)
            self._fed = True
            try:
                piece = self._member.decompress(rest, _PIECE_BYTES)
            except zlib.error as broken:
                raise Unreadable("the body is not gzip") from broken
            if piece:
                yield piece
            full = len(piece) == _PIECE_BYTES and not self._member.eof
            rest = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def finish(self) -> None:
        if self._fed and not self._member.eof:
            raise Unreadable("the gzip body ends too early")


def _too_large(limit: str, value: int) -> TooLarge:
    return TooLarge(f"the upload is larger than {limit} = {value}", limit=limit, value=value)
