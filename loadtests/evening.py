"""A wholesaler's evening, end to end: posted, durable, sequenced, judged by every rule and projected.

The clock runs from the first byte sent until the projection's checkpoint has passed the last
capture. The other side is the raw COPY of the very same rows into a second database on the same
server. Every repetition is another evening and begins with two fresh databases.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import date
from time import perf_counter

from loadtests.cpu import CpuWatch
from loadtests.figures import Figure
from loadtests.ground import Database, Ground
from loadtests.payloads import Payload
from loadtests.raw_copy import Undisturbed, copy_all, rows_of
from loadtests.scale import Scale
from loadtests.service import Service, serving
from tracesvc.domain.vocabulary import AccessRole
from tracesvc.simulate.participants import Form
from tracesvc.simulate.plan import evening_plan
from tracesvc.simulate.post import PostLimits, post_uploads
from tracesvc.simulate.simulation import Simulation
from tracesvc.simulate.uploads import Upload
from tracesvc.store.custody import CustodyTables

_START = date(2026, 1, 5)
_POLL_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One half of an evening on both sides. Times in seconds."""

    codes: int
    scans: int
    projected_s: float
    raw_s: float
    cpu_s: dict[str, float]


Beside = Callable[[Service, str], AbstractAsyncContextManager[None]]
"""Something to be done while the service takes in one half of an evening."""


async def run(ground: Ground, scale: Scale) -> list[Figure]:
    halves: dict[str, list[Run]] = {"bills": [], "production files": []}
    for repetition in range(scale.repetitions):
        for half, found in (await measure(ground, scale, seed=repetition + 1)).items():
            halves[half].append(found)
    whole = [_sum(pair) for pair in zip(*halves.values(), strict=True)]
    return [
        *_figures("bills", halves["bills"], at_least=0.3, codes_per_s=30_000),
        *_figures("production files", halves["production files"]),
        *_figures("bills and production", whole),
    ]


async def measure(
    ground: Ground, scale: Scale, *, seed: int, beside: Beside | None = None
) -> dict[str, Run]:
    """Measure both halves of one evening; production is posted first, as its goods must be made before they ship."""
    simulation = Simulation(evening_plan(_START, seed=seed, bills=scale.evening_bills))
    uploads = list(simulation.uploads())
    made = [upload for upload in uploads if upload.format == Form.RELATION_XML]
    billed = [upload for upload in uploads if upload.format != Form.RELATION_XML]
    found = {}
    async with (
        ground.database(f"evening_{seed}") as database,
        ground.database(f"evening_{seed}_raw") as raw,
        serving(database.dsn, ground.data_dir, follow=True) as service,
    ):
        parties = sorted({upload.party_id for upload in uploads})
        keys = {party: await database.key_of(party, AccessRole.UPLOADER) for party in parties}
        for half, part in (("production files", made), ("bills", billed)):
            watch = CpuWatch(ground, service)
            async with beside(service, half) if beside else nullcontext():
                projected_s = await _project(database, service, part, keys, scale)
            cpu_s = dict(watch.spent_s())
            rows = [
                rows_of(
                    Payload(format=each.format, body=each.payload, scans=each.code_count),
                    party_id=each.party_id,
                    params=dict(each.params),
                )
                for each in part
            ]
            with Undisturbed():
                raw_s = await copy_all(raw.pool, rows, writers=scale.evening_clients)
            found[half] = Run(
                codes=sum(upload.code_count for upload in part),
                scans=sum(len(each.scans) for each in rows),
                projected_s=projected_s,
                raw_s=raw_s,
                cpu_s=cpu_s,
            )
    return found


async def _project(
    database: Database,
    service: Service,
    uploads: Sequence[Upload],
    keys: dict[str, str],
    scale: Scale,
) -> float:
    """Post uploads and return the seconds until the last of them is projected."""
    view = CustodyTables(database.pool)
    end = await view.checkpoint() + len(uploads)
    started = perf_counter()
    summary = await post_uploads(
        uploads,
        base_url=service.url,
        key_for_party=keys,
        concurrency=scale.evening_clients,
        limits=PostLimits(attempts_max=100),
    )
    if summary.created != len(uploads):
        raise RuntimeError(f"{summary.created} of {len(uploads)} stored: {summary.failures[:3]}")
    await projected(view, end, wait_s_max=scale.projected_s_max)
    return perf_counter() - started


async def projected(view: CustodyTables, log_index: int, *, wait_s_max: float) -> None:
    """Return when the projection has passed a place in the log; raises TimeoutError if it is late."""
    async with asyncio.timeout(wait_s_max):
        while await view.checkpoint() < log_index:  # noqa: ASYNC110  (another process moves it)
            await asyncio.sleep(_POLL_S)


def _sum(runs: Sequence[Run]) -> Run:
    return Run(
        codes=sum(each.codes for each in runs),
        scans=sum(each.scans for each in runs),
        projected_s=sum(each.projected_s for each in runs),
        raw_s=sum(each.raw_s for each in runs),
        cpu_s={who: sum(each.cpu_s[who] for each in runs) for who in runs[0].cpu_s},
    )


def _figures(
    half: str,
    runs: Sequence[Run],
    *,
    at_least: float | None = None,
    codes_per_s: float | None = None,
) -> list[Figure]:
    ratio = Figure(
        scenario="evening",
        name=f"{half}: end to end / raw COPY",
        unit="ratio",
        samples=tuple(run.raw_s / run.projected_s for run in runs),
        at_least=at_least,
    )
    rate = Figure(
        scenario="evening",
        name=f"{half}: end to end",
        unit="codes/s",
        samples=tuple(run.codes / run.projected_s for run in runs),
        at_least=codes_per_s,
    )
    raw = Figure(
        scenario="evening",
        name=f"{half}: raw COPY",
        unit="codes/s",
        samples=tuple(run.codes / run.raw_s for run in runs),
    )
    cpu = [
        Figure(
            scenario="evening",
            name=f"{half}: processor time of {who}",
            unit="µs/code",
            samples=tuple(run.cpu_s[who] / run.codes * 1e6 for run in runs),
        )
        for who in runs[0].cpu_s
    ]
    return [ratio, rate, raw, *cpu]
