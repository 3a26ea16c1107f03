"""Wrappings and hostile XML: taken off within limits, refused beyond them."""

import base64
import gzip
import io
import zipfile

import pytest

from tracesvc.domain.errors import TooLarge, Unreadable
from tracesvc.wire.decode import WireLimits
from tracesvc.wire.unwrap import unwrap
from tracesvc.wire.xml_tree import parse_text, xml_text


def packed(data: bytes, level: int = 9) -> bytes:
    """Compress without the time of day, so that every worker names its cases alike."""
    return gzip.compress(data, level, mtime=0)


TEXT = b"<Document>" + b"x" * 100 + b"</Document>"
LIMITS = WireLimits()


@pytest.mark.parametrize(
    "payload",
    [
        TEXT,
        b"\xef\xbb\xbf" + TEXT,
        packed(TEXT),
        base64.b64encode(TEXT),
        base64.encodebytes(packed(TEXT)),
        packed(base64.b64encode(packed(TEXT))),
        packed(TEXT[:50]) + packed(TEXT[50:]),
    ],
)
def test_wrappings(payload):
    """Gzip, base64, both, and a mark are taken off."""
    assert unwrap(payload, LIMITS) == TEXT


@pytest.mark.parametrize("payload", [b"8410391000328044", b"abcdefgh", b"$AAAA,1\n8410"])
def test_plain_texts(payload):
    """Texts that only look like base64 are left alone."""
    assert unwrap(payload, LIMITS) == payload


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.xml"), TEXT)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "upload_empty"),
        (b"\xef\xbb\xbf \n", "upload_empty"),
        (packed(TEXT)[:-12], "gzip_broken"),
        (packed(TEXT) + b"rest", "gzip_broken"),
        (b"\x1f\x8b rubbish", "gzip_broken"),
        (zipped(), "zip_refused"),
        (packed(zipped()), "zip_refused"),
        (
            packed(packed(packed(packed(TEXT)))),
            "wrapped_too_deep",
        ),
    ],
)
def test_refused(payload, reason):
    """Broken, deep, empty and foreign wrappings are refused with the reason."""
    with pytest.raises(Unreadable) as caught:
        unwrap(payload, LIMITS)

    assert caught.value.extra["reason"] == reason


def test_bombs():
    """A bomb is stopped by the limit on size or on ratio, whichever comes first."""
    bomb = packed(b"0" * 8_000_000)

    for limits, name in (
        (WireLimits(unpacked_bytes_max=1_000_000, unpack_ratio_max=10**6), "unpacked_bytes_max"),
        (WireLimits(unpack_ratio_max=100), "unpack_ratio_max"),
    ):
        with pytest.raises(TooLarge) as caught:
            unwrap(bomb, limits)
        assert caught.value.extra["limit"] == name


@pytest.mark.parametrize(
    "payload",
    [
        b'<!DOCTYPE d [<!ENTITY a "b">]><Document>&a;</Document>',
        b'<?xml version="1.0"?>\n<!doctype html><Document/>',
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE d><d/>'.encode("utf-16"),
        '<!DOCTYPE d SYSTEM "file:///etc/passwd"><d/>'.encode("gbk"),
    ],
)
def test_entities(payload):
    """Document types are refused before anything is expanded, in whatever encoding they hide."""
    with pytest.raises(Unreadable) as caught:
        parse_text(xml_text(payload))

    assert caught.value.extra["reason"] == "xml_dtd_forbidden"


@pytest.mark.parametrize(
    "payload", [b"<a>" * 300 + b"</a>" * 300, b"<a>&b;</a>", b"<a", b"<a>\x00</a>"]
)
def test_broken_xml(payload):
    """Deep nesting, unknown entities and broken XML are refused."""
    with pytest.raises(Unreadable) as caught:
        parse_text(xml_text(payload))

    assert caught.value.extra["reason"] == "xml_broken"
