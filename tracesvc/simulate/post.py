"""Posting uploads to a running service, as patient clients do: bounded, retried, never sent as new."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from time import perf_counter
from typing import Any, Final

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from rich.progress import Progress, TaskID

from tracesvc.simulate.uploads import Upload

KeySource = Mapping[str, str] | Callable[[str], Awaitable[str]]
"""API keys by party id, or something that makes the key of a party when it is first needed."""

_AGAIN: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_FIRST_SERVER_ERROR: Final = 500
_FIRST_REFUSAL: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class PostLimits:
    """How long a client tries. Waits double from `backoff_s` unless the service names its own."""

    attempts_max: int = 10
    backoff_s: float = 0.1
    wait_s_max: float = 10.0
    request_s_max: float = 120.0
    failures_kept_max: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An upload that was not accepted: by the service (`status`), or never answered (None)."""

    party_id: str
    filename: str
    status: int | None
    detail: str


@dataclass(slots=True, kw_only=True)
class PostSummary:
    """What became of the uploads. `codes` and `events` count those that were answered with success.

    `rejected` uploads were answered with a refusal, `unsent` never answered. `events_stored` and
    `events_duplicate` are the service's own counts, replayed receipts left out. Latencies are those
    of the successful request, in seconds, from sending the first byte to having read the answer.
    """

    uploads: int = 0
    created: int = 0
    replayed: int = 0
    rejected: int = 0
    unsent: int = 0
    retries: int = 0
    codes: int = 0
    events: int = 0
    events_stored: int = 0
    scans_stored: int = 0
    events_duplicate: int = 0
    payload_bytes: int = 0
    elapsed_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    @property
    def codes_per_s(self) -> float:
        return self.codes / self.elapsed_s if self.elapsed_s else 0.0

    def latency_s(self, share: float) -> float:
        """Return the latency that this share of the successful requests did not exceed."""
        ordered = sorted(self.latencies_s)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


async def post_uploads(
    uploads: Iterable[Upload],
    *,
    base_url: str,
    key_for_party: KeySource,
    concurrency: int = 4,
    progress: Progress | None = None,
    total: int | None = None,
    limits: PostLimits | None = None,
) -> PostSummary:
    """Post uploads in their order, `concurrency` at a time, and return what became of them.

    An upload that is refused is counted and left; a busy or unreachable service is asked again with
    the same Idempotency-Key, so nothing counts twice. An upload that names an event of another one
    waits for that receipt, at most until all others are sent. `total` uploads give the progress bar
    its end. Raises only if a key cannot be had.
    """
    limits = limits or PostLimits()
    timeout = ClientTimeout(total=limits.request_s_max)
    connector = TCPConnector(limit=concurrency)
    started = perf_counter()
    async with ClientSession(base_url, connector=connector, timeout=timeout) as session:
        courier = _Courier(session, _Keys(key_for_party), limits, _Bar(progress, total))
        remaining = iter(uploads)
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(courier.deliver(remaining))
        await courier.deliver_postponed()
    courier.summary.elapsed_s = perf_counter() - started
    return courier.summary


class _Keys:
    """Keys of parties, asked for once each."""

    def __init__(self, source: KeySource) -> None:
        self._source = source
        self._known: dict[str, str] = {}
        self._making = asyncio.Lock()

    async def of(self, party_id: str) -> str:
        if isinstance(self._source, Mapping):
            return self._source[party_id]
        async with self._making:
            if party_id not in self._known:
                self._known[party_id] = await self._source(party_id)
        return self._known[party_id]


class _Bar:
    """One line of a rich progress display, if there is one."""

    def __init__(self, progress: Progress | None, total: int | None) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        if progress is not None:
            self._task = progress.add_task("uploads", total=total)

    def advance(self) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    retry_after: str | None

    @property
    def is_temporary(self) -> bool:
        return self.status in _AGAIN or self.status >= _FIRST_SERVER_ERROR

    def receipt(self) -> dict[str, Any]:
        found = orjson.loads(self.body)
        return found if isinstance(found, dict) else {}


class _Courier:
    def __init__(self, session: ClientSession, keys: _Keys, limits: PostLimits, bar: _Bar) -> None:
        self.summary = PostSummary()
        self._session = session
        self._keys = keys
        self._limits = limits
        self._bar = bar
        self._digests: dict[str, list[str]] = {}
        self._postponed: list[Upload] = []

    async def deliver(self, remaining: Iterator[Upload]) -> None:
        """Post what the shared iterator yields until there is no more."""
        for upload in remaining:
            ready = self._resolved(upload)
            if ready is None:
                self._postponed.append(upload)
            else:
                await self._post(ready)

    async def deliver_postponed(self) -> None:
        for upload in self._postponed:
            ready = self._resolved(upload)
            if ready is None:
                self._failed(upload, None, "the receipt it refers to is missing")
            else:
                await self._post(ready)

    def _resolved(self, upload: Upload) -> Upload | None:
        """Return the upload with the digest it names filled in; None while that is unknown."""
        reference = upload.awaits
        if reference is None:
            return upload
        digests = self._digests.get(reference.idempotency_key)
        if digests is None or reference.ordinal >= len(digests):
            return None
        digest = digests[reference.ordinal].encode()
        return replace(
            upload, payload=upload.payload.replace(reference.placeholder.encode(), digest)
        )

    async def _post(self, upload: Upload) -> None:
        headers = {
            "Authorization": f"Bearer {await self._keys.of(upload.party_id)}",
            "Idempotency-Key": upload.idempotency_key,
            "Content-Type": "application/octet-stream",
        }
        answer: _Answer | None = None
        detail = ""
        started = perf_counter()
        for attempt in range(self._limits.attempts_max):
            if attempt:
                self.summary.retries += 1
                await asyncio.sleep(self._wait_s(attempt, answer))
            started = perf_counter()
            try:
                answer = await self._send(upload, headers)
            except (ClientError, TimeoutError, OSError) as error:
                answer, detail = None, f"{type(error).__name__}: {error}"
                continue
            if not answer.is_temporary:
                break
        self._settle(upload, answer, detail, perf_counter() - started)

    async def _send(self, upload: Upload, headers: Mapping[str, str]) -> _Answer:
        params = {"format": upload.format, **upload.params}
        async with self._session.post(
            "/v1/captures", params=params, data=upload.payload, headers=headers
        ) as response:
            body = await response.read()
            return _Answer(response.status, body, response.headers.get("Retry-After"))

    def _wait_s(self, attempt: int, answer: _Answer | None) -> float:
        asked = answer.retry_after if answer is not None else None
        own = self._limits.backoff_s * 2 ** (attempt - 1)
        wait_s = float(asked) if asked is not None and asked.isdecimal() else own
        return min(wait_s, self._limits.wait_s_max)

    def _settle(
        self, upload: Upload, answer: _Answer | None, detail: str, latency_s: float
    ) -> None:
        if answer is None:
            self._failed(upload, None, detail)
            return
        self.summary.statuses[answer.status] += 1
        if answer.status >= _FIRST_REFUSAL:
            self._failed(upload, answer.status, answer.body.decode(errors="replace")[:2000])
            return
        receipt = answer.receipt()
        if upload.is_awaited:
            verdicts = sorted(receipt["verdicts"], key=lambda verdict: int(verdict["ordinal"]))
            self._digests[upload.idempotency_key] = [verdict["digest"] for verdict in verdicts]
        self._accepted(upload, answer, receipt, latency_s)

    def _accepted(
        self, upload: Upload, answer: _Answer, receipt: dict[str, Any], latency_s: float
    ) -> None:
        summary = self.summary
        summary.uploads += 1
        summary.codes += upload.code_count
        summary.events += upload.event_count
        summary.payload_bytes += len(upload.payload)
        summary.latencies_s.append(latency_s)
        if answer.status == HTTPStatus.CREATED:
            summary.created += 1
            summary.events_stored += receipt.get("event_count", 0)
            summary.scans_stored += receipt.get("scan_count", 0)
            summary.events_duplicate += receipt.get("duplicate_count", 0)
        else:
            summary.replayed += 1
        self._bar.advance()

    def _failed(self, upload: Upload, status: int | None, detail: str) -> None:
        summary = self.summary
        summary.uploads += 1
        if status is None:
            summary.unsent += 1
        else:
            summary.rejected += 1
        if len(summary.failures) < self._limits.failures_kept_max:
            summary.failures.append(
                Failure(
                    party_id=upload.party_id,
                    filename=upload.filename,
                    status=status,
                    detail=detail,
                )
            )
        self._bar.advance()
