"""Take off what is wrapped round an upload (gzip, base64, a byte-order mark), within limits."""

import binascii
import codecs
import re
import zlib
from typing import Final

from tracesvc.domain.errors import TooLarge, Unreadable
from tracesvc.wire.context import WireLimits, check_limit

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_STEP_BYTES: Final = 1024 * 1024
_RATIO_FREE_BYTES: Final = 1024 * 1024
"""Output below which the ratio is not judged: small files of alike rows compress very well."""

_BASE64_HEAD: Final = re.compile(rb"\s*[A-Za-z0-9+/\s]{8,}={0,2}\s*")
_HEAD_BYTES: Final = 64
# Only what reveals itself as one of our formats is taken for base64; a list of digits is not.
_PLAIN_HEADS: Final = (_GZIP, codecs.BOM_UTF8, codecs.BOM_UTF16_LE, b"<", b"{", b"[", b"$")


def unwrap(payload: bytes, limits: WireLimits) -> bytes:
    """Return the content of an upload without its wrappings and without a UTF-8 mark.

    Raises TooLarge (naming the limit) where it is or unpacks to too much, Unreadable where a wrapping
    is broken (`gzip_broken`), nested too deep (`wrapped_too_deep`), a zip archive (`zip_refused`),
    or where there is nothing (`upload_empty`).
    """
    check_limit(limits, "body_bytes_max", len(payload))
    content = payload
    for _ in range(limits.unpack_depth_max + 1):
        if content.startswith(_ZIP):
            raise Unreadable(
                "zip archives are not taken; send the file itself or gzip", reason="zip_refused"
            )
        if content.startswith(_GZIP):
            content = _gunzip(content, len(payload), limits)
        elif (inner := _from_base64(content)) is not None:
            content = inner
        else:
            break
    else:
        raise Unreadable("wrapped too many times", reason="wrapped_too_deep")
    content = content.removeprefix(codecs.BOM_UTF8)
    if not content.strip():
        raise Unreadable("the upload is empty", reason="upload_empty")
    return content


def _gunzip(packed: bytes, received: int, limits: WireLimits) -> bytes:
    """Unpack all gzip members, never holding more than a step beyond what is allowed."""
    allowed = max(_RATIO_FREE_BYTES, received * limits.unpack_ratio_max)
    parts: list[bytes] = []
    total = 0
    while packed:
        member = zlib.decompressobj(_GZIP_WINDOW)
        while not member.eof:
            try:
                part = member.decompress(packed, _STEP_BYTES)
            except zlib.error as error:
                raise Unreadable(f"gzip: {error}", reason="gzip_broken") from error
            packed = member.unconsumed_tail
            if not part and not packed and not member.eof:
                raise Unreadable("gzip: the end is missing", reason="gzip_broken")
            parts.append(part)
            total += len(part)
            check_limit(limits, "unpacked_bytes_max", total)
            if total > allowed:
                raise TooLarge(
                    f"unpacks to more than {limits.unpack_ratio_max} times its size",
                    limit="unpack_ratio_max",
                    value=limits.unpack_ratio_max,
                )
        packed = member.unused_data.lstrip(b"\x00")
    return b"".join(parts)


def _from_base64(content: bytes) -> bytes | None:
    """Return what a base64 text holds; None where it is not one, or not of a form we read."""
    if not _BASE64_HEAD.fullmatch(content[:_HEAD_BYTES]):
        return None
    try:
        inner = binascii.a2b_base64(b"".join(content.split()), strict_mode=True)
    except binascii.Error:
        return None
    return inner if inner.lstrip().startswith(_PLAIN_HEADS) else None
