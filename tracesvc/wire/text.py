"""Bytes to text, in the encodings that Chinese trade systems write."""

import codecs
import re
from typing import Final

from tracesvc.domain.errors import Unreadable

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED: Final = re.compile(
    rb"""^\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']"""
)
_CHINESE: Final = re.compile(r"gb[-_]?(k|2312|18030)|cp936|ms936", re.IGNORECASE)


def decode_text(content: bytes) -> str:
    """Decode an upload: by its mark, its XML declaration, as UTF-8, or as GB18030 (GBK, GB2312).

    The mark and the XML declaration are not part of the result. Raises Unreadable
    (`encoding_unknown`) where none of them fits.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _without_declaration(_decoded(content[len(mark) :], encoding))
    for encoding in _candidates(content):
        try:
            return _without_declaration(content.decode(encoding))
        except UnicodeDecodeError:
            continue
    raise Unreadable("neither UTF-8 nor GBK", reason="encoding_unknown")


def _candidates(content: bytes) -> tuple[str, ...]:
    declared = _DECLARED.match(content)
    if declared and _CHINESE.fullmatch(declared[1].decode("ascii")):
        # Files that say GB2312 hold characters of its successors; GB18030 contains them all.
        return "gb18030", "utf-8"
    return "utf-8", "gb18030"


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"not {encoding}, as its first bytes say", reason="encoding_unknown"
        ) from error


_XML_DECLARATION: Final = re.compile(r"\s*<\?xml\s[^>]{0,200}\?>")


def _without_declaration(text: str) -> str:
    declaration = _XML_DECLARATION.match(text)
    return text[declaration.end() :] if declaration else text
