"""Reading uploads within their limits, over a real connection."""

import gzip
import zlib

import pytest
from aiohttp import ClientSession, web

from tracesvc.domain.errors import TraceError
from tracesvc.http.body import BodyLimits, read_body
from tracesvc.ingest.admission import Admission, AdmissionLimits


def packed(data: bytes, level: int = 9) -> bytes:
    """Compress without the time of day, so that every worker names its cases alike."""
    return gzip.compress(data, level, mtime=0)


LIMITS = BodyLimits(
    body_bytes_max=50_000,
    unpacked_bytes_max=3_000_000,
    unpack_ratio_max=100,
    unpack_ratio_from_bytes=500_000,
)


@pytest.fixture
async def url():
    """An address that answers with the length of what it read, or the error code."""
    admission = Admission(AdmissionLimits(held_bytes_max=2_500_000))

    async def handle(request: web.Request) -> web.Response:
        async with admission.admit("A") as place:
            try:
                body = await read_body(request, place=place, limits=LIMITS)
            except TraceError as error:
                limit = error.extra.get("limit", "")
                return web.Response(text=f"{error.error_code} {limit}".strip())
            return web.Response(text=f"{len(body)} {zlib.crc32(body)}")

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}/"
    await runner.cleanup()


async def send(url: str, body: object, encoding: str | None = None) -> str:
    headers = {"Content-Encoding": encoding} if encoding else {}
    async with (
        ClientSession() as session,
        session.post(url, data=body, headers=headers, compress=None) as response,
    ):
        return await response.text()


def told(body: bytes) -> str:
    return f"{len(body)} {zlib.crc32(body)}"


async def test_plain_bodies_arrive_as_sent(url):
    """A body without encoding is returned byte for byte."""
    body = bytes(range(256)) * 100

    assert await send(url, body) == told(body)


@pytest.mark.parametrize("size", [0, 1, 262_144, 262_145, 400_000])
async def test_gzip_is_taken_off(url, size):
    """A packed body is returned unpacked, whatever its size is to the pieces."""
    body = bytes(i * i % 251 for i in range(512)) * (size // 512 + 1)

    assert await send(url, packed(body[:size]), "gzip") == told(body[:size])


async def test_gzip_members_follow_each_other(url):
    """Two members one after the other are one file, as gzip itself has it."""
    assert await send(url, packed(b"one ") + packed(b"two"), "gzip") == told(b"one two")


@pytest.mark.parametrize(
    ("body", "encoding", "answer"),
    [
        (b"x" * 50_001, None, "too_large body_bytes_max"),
        (packed(b"<" * 3_000_001, 1), "gzip", "too_large unpack_ratio_max"),
        (packed(b"hello")[:-4], "gzip", "unreadable"),
        (b"no gzip at all", "gzip", "unreadable"),
        (b"abc", "br", "unreadable"),
    ],
)
async def test_what_breaks_a_limit_is_refused(url, body, encoding, answer):
    """The answer names the limit, or says that the encoding cannot be read."""
    assert await send(url, body, encoding) == answer


async def test_a_body_of_unknown_length_is_counted_as_it_comes(url):
    """Chunked uploads cannot get round the limit by not saying how long they are."""

    async def chunks():
        for _ in range(60):
            yield b"x" * 1000

    assert await send(url, chunks()) == "too_large body_bytes_max"


async def test_no_more_is_held_than_admission_allows(url):
    """An honest growth that the process has no room for is told to come back."""
    noise = b"".join(zlib.crc32(i.to_bytes(4, "big")).to_bytes(4, "big") for i in range(7000))
    body = (noise + bytes(len(noise) * 90))[:2_600_000]

    assert await send(url, packed(body), "gzip") == "busy held_bytes_max"
