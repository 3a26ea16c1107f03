"""Posting: bounded, patient with a busy service, and never counted twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

from aiohttp import web
from rich.console import Console
from rich.progress import Progress

from tracesvc.simulate.post import PostLimits, post_uploads
from tracesvc.simulate.uploads import Reference, Upload

FAST = PostLimits(backoff_s=0.001, wait_s_max=0.002, attempts_max=4)


def upload(name: str, **more) -> Upload:
    fields = {
        "party_id": "P1",
        "upload_time": datetime(2026, 1, 5, tzinfo=UTC),
        "format": "json",
        "filename": name,
        "params": {"event_time": "2026-01-05T18:00:00+08:00"},
        "payload": name.encode(),
        "idempotency_key": f"P1/{name}",
        "code_count": 10,
        "event_count": 2,
    }
    return Upload(**{**fields, **more})


class Service:
    """Answers as the service does: 201, then 200 for the same key; `moods` come before that."""

    def __init__(self, *moods: int) -> None:
        self.moods = list(moods)
        self.seen: list[tuple[str, bytes]] = []
        self.requests: list[web.Request] = []

    async def post(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append(request)
        if self.moods and (mood := self.moods.pop(0)):
            if mood == 1:
                request.transport.abort()
            return web.Response(status=mood, headers={"Retry-After": "7"}, text="busy")
        key = request.headers["Idempotency-Key"]
        is_new = key not in dict(self.seen)
        self.seen.append((key, body))
        verdicts = [{"ordinal": 0, "digest": sha256(body).hexdigest()}]
        receipt = {"event_count": 2, "scan_count": 10, "duplicate_count": 0, "verdicts": verdicts}
        return web.json_response(receipt, status=201 if is_new else 200)


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/v1/captures", service.post)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_uploads_arrive_with_key_format_and_parameters():
    """Each request carries the party's key, the idempotency key and what the format lacks."""
    service = Service()
    async with running(service) as url:
        summary = await post_uploads([upload("a")], base_url=url, key_for_party={"P1": "tsk_1"})

    request = service.requests[0]
    assert request.headers["Authorization"] == "Bearer tsk_1"
    assert request.headers["Idempotency-Key"] == "P1/a"
    assert request.query == {"format": "json", "event_time": "2026-01-05T18:00:00+08:00"}
    assert (summary.created, summary.codes, summary.events_stored) == (1, 10, 2)
    assert summary.codes_per_s > 0
    assert summary.latency_s(0.95) > 0


async def test_a_busy_or_broken_service_is_asked_again_with_the_same_key():
    """429, 503 and a dropped connection are retried, and the upload counts once."""
    service = Service(429, 1, 503)
    async with running(service) as url:
        summary = await post_uploads(
            [upload("a")], base_url=url, key_for_party={"P1": "k"}, concurrency=1, limits=FAST
        )

    assert service.seen == [("P1/a", b"a")]
    assert len({request.headers["Idempotency-Key"] for request in service.requests}) == 1
    assert (summary.created, summary.rejected, summary.unsent) == (1, 0, 0)
    assert summary.retries >= 3


async def test_a_refusal_is_counted_and_not_repeated():
    """What the service will never take is reported with its answer; the others go on."""
    service = Service(422)
    async with running(service) as url:
        summary = await post_uploads(
            [upload("a"), upload("b")], base_url=url, key_for_party={"P1": "k"}, concurrency=1
        )

    assert (summary.uploads, summary.created, summary.rejected) == (2, 1, 1)
    assert [(f.filename, f.status, f.detail) for f in summary.failures] == [("a", 422, "busy")]
    assert len(service.requests) == 2


async def test_a_service_that_is_not_there_leaves_uploads_unsent():
    """After the last attempt the upload is reported as never answered."""
    summary = await post_uploads(
        [upload("a")], base_url="http://127.0.0.1:9", key_for_party={"P1": "k"}, limits=FAST
    )

    assert (summary.unsent, summary.retries) == (1, 3)
    assert summary.failures[0].status is None


async def test_a_void_names_the_digest_from_the_receipt():
    """A void waits for the receipt it refers to, even if it is posted before."""
    slip = upload("slip", is_awaited=True)
    void = upload(
        "void",
        payload=b"voids to-be-voided",
        awaits=Reference(placeholder="to-be-voided", idempotency_key=slip.idempotency_key),
    )
    service = Service()
    async with running(service) as url:
        summary = await post_uploads([void, slip], base_url=url, key_for_party={"P1": "k"})

    assert dict(service.seen)["P1/void"].decode() == f"voids {sha256(b'slip').hexdigest()}"
    assert summary.created == 2


async def test_a_void_without_its_receipt_is_not_sent():
    """A placeholder never reaches the service."""
    void = upload("void", awaits=Reference(placeholder="x", idempotency_key="unknown"))
    service = Service()
    async with running(service) as url:
        summary = await post_uploads([void], base_url=url, key_for_party={"P1": "k"})

    assert service.requests == []
    assert summary.unsent == 1


async def test_repeats_are_told_from_new_uploads_and_keys_are_made_once():
    """A second sending counts as replayed; a key is asked for once per party; the bar moves."""
    asked = []

    async def make_key(party_id: str) -> str:
        asked.append(party_id)
        return f"key of {party_id}"

    first = upload("a")
    uploads = [first, replace(first, is_repeat=True), upload("b"), upload("c", party_id="P2")]
    progress = Progress(console=Console(quiet=True))
    service = Service()
    async with running(service) as url:
        summary = await post_uploads(
            uploads,
            base_url=url,
            key_for_party=make_key,
            concurrency=1,
            progress=progress,
            total=len(uploads),
        )

    assert (summary.created, summary.replayed) == (3, 1)
    assert sorted(asked) == ["P1", "P2"]
    assert progress.finished
