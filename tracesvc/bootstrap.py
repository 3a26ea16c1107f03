"""The composition root: the only place that builds concrete things and introduces them to each other."""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from aiohttp import web
from structlog import get_logger

from tracesvc.http.app import make_app
from tracesvc.http.auth import Authority
from tracesvc.http.body import BodyLimits
from tracesvc.http.services import Services
from tracesvc.http.upload import Preparation
from tracesvc.ingest.admission import Admission
from tracesvc.ingest.capture import Intake
from tracesvc.ingest.condition import Vitals
from tracesvc.ingest.receipt import Receipts
from tracesvc.project.projector import Projector
from tracesvc.project.rebuild import Rebuilt, rebuild
from tracesvc.project.sequencer import SequencerLoop
from tracesvc.query.queries import Queries
from tracesvc.settings import Settings
from tracesvc.store.capture_lists import CaptureLists
from tracesvc.store.custody import CustodyTables
from tracesvc.store.embedded import EmbeddedPostgres
from tracesvc.store.event_log import EventLog
from tracesvc.store.finding_lists import FindingLists
from tracesvc.store.history import History
from tracesvc.store.keys import Keys
from tracesvc.store.leader import Leader
from tracesvc.store.log_tree import LogTree
from tracesvc.store.migrate import migrate, pending_on
from tracesvc.store.parties import Parties
from tracesvc.store.partitions import ensure_partitions, has_partitions
from tracesvc.store.pool import Pool, open_pool
from tracesvc.store.projection_log import ProjectionLog
from tracesvc.store.rebuild import RebuildSite
from tracesvc.store.sequencer import Sequencer
from tracesvc.telemetry import SystemClock, configure_logging
from tracesvc.wire.stored import with_voids
from tracesvc.worker.bell import Bell
from tracesvc.worker.companion import Companion
from tracesvc.worker.loop import Stage, Worker
from tracesvc.worker.mender import Mender

_log = get_logger(__name__)
_LOOP_CONNECTIONS_MAX: Final = 4
_REQUEST_END_S_MAX: Final = 5.0
_GARBAGE_BEFORE_COLLECTION: Final = 200_000


@dataclass(frozen=True, slots=True)
class Bells:
    """Who wakes whom in one process: uploads the sequencer, it the projector, that the waiting."""

    stored: Bell = field(default_factory=Bell)
    sequenced: Bell = field(default_factory=Bell)
    projected: Bell = field(default_factory=Bell)
    never: Bell = field(default_factory=Bell)


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that answers at `url`, and its front door, which tells who is inside."""

    url: str
    dsn: str
    admission: Admission


@dataclass(frozen=True, slots=True)
class Office:
    """What the commands of an operator work with, straight on the database."""

    dsn: str
    pool: Pool
    log: EventLog
    parties: Parties
    keys: Keys
    tree: LogTree
    intake: Intake
    clock: SystemClock


@dataclass(frozen=True, slots=True)
class Database:
    """A Postgres that answers at `dsn`, and how to bring it back where that is up to us."""

    dsn: str
    start: Callable[[], Awaitable[object]] | None = None


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Database]:
    """Give the configured Postgres, or the embedded one while the block runs.

    An embedded server that another process of this data directory runs is shared with it.
    """
    if settings.dsn is not None:
        yield Database(settings.dsn.get_secret_value())
        return
    server = EmbeddedPostgres(settings.data_dir)
    dsn = await asyncio.to_thread(server.start)
    try:
        yield Database(dsn, partial(asyncio.to_thread, server.start))
    finally:
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def office(settings: Settings) -> AsyncIterator[Office]:
    """Open what the operator's commands need, on a migrated database."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        dsn = (await stack.enter_async_context(database(settings))).dsn
        await migrate(dsn, post=False)
        pool = await _pool(stack, dsn, settings, connections_max=_LOOP_CONNECTIONS_MAX)
        await ensure_partitions(pool, clock.now().date())
        log = EventLog(pool)
        yield Office(
            dsn=dsn,
            pool=pool,
            log=log,
            parties=Parties(pool),
            keys=Keys(pool),
            tree=LogTree(pool),
            intake=Intake(log, reseal=with_voids, wake=_nobody),
            clock=clock,
        )


@asynccontextmanager
async def service(settings: Settings) -> AsyncIterator[RunningService]:
    """Run the API, and with it the loops unless they run elsewhere; ready when the block begins.

    Ends in this order: stop accepting, drain what was admitted, finish the loops' pages, close the
    pools, leave the database.
    """
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(database(settings))
        await migrate(served.dsn, post=False)
        bells = Bells()
        follow = settings.run_loops == "inside"
        await _enter_worker(stack, served, settings, bells=bells, follow=follow)
        if settings.run_loops == "child":
            await stack.enter_async_context(_companion(settings, bells).running())
        services = await _services(stack, served.dsn, settings, bells=bells)
        url = await _open_door(stack, services, settings)
        # What start-up made lives as long as the process: the collector need not look at it again.
        # An upload makes tens of thousands of objects that die with it by their counts; looking
        # for cycles among them every 700 costs 3 µs an event and finds nothing.
        gc.freeze()
        gc.set_threshold(_GARBAGE_BEFORE_COLLECTION)
        yield RunningService(url=url, dsn=served.dsn, admission=services.admission)


@asynccontextmanager
async def workers(settings: Settings, bells: Bells) -> AsyncIterator[None]:
    """Run the loops alone, beside an API in another process."""
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(database(settings))
        await migrate(served.dsn, post=False)
        await _enter_worker(stack, served, settings, bells=bells, follow=True)
        yield


async def rebuild_view(
    dsn: str, settings: Settings, *, check_only: bool, on_progress: Callable[[int, int], None]
) -> Rebuilt:
    """Fold the whole log into new tables beside the running service; swap them in unless checking."""
    async with AsyncExitStack() as stack:
        pool = await _pool(stack, dsn, settings, connections_max=_LOOP_CONNECTIONS_MAX)
        return await rebuild(
            RebuildSite(dsn, pool, limits=settings.pool),
            ProjectionLog(pool),
            clock=SystemClock(),
            limits=settings.projector,
            check_only=check_only,
            on_progress=on_progress,
        )


def preparation(settings: Settings) -> Preparation:
    return Preparation(
        limits=settings.wire,
        clock=SystemClock(),
        random_bytes=os.urandom,
        inline_bytes_max=settings.http.inline_decode_bytes_max,
    )


def release() -> str:
    """Return the version of this installation; a bare source tree has none."""
    try:
        return version("tracesvc")
    except PackageNotFoundError:
        return "0+source"


def set_up_logging(settings: Settings) -> None:
    is_text = settings.log_format == "text" or (
        settings.log_format == "auto" and sys.stderr.isatty()
    )
    configure_logging(json=not is_text)
    # While the database is away every pool would print a trace per attempt; the loops report it once.
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)


async def _enter_worker(
    stack: AsyncExitStack, served: Database, settings: Settings, *, bells: Bells, follow: bool
) -> None:
    """Start the loops of this process; they stop before what was opened before them.

    `follow` says whether this process carries captures on from stored to projected.
    """
    pool = await _pool(stack, served.dsn, settings, connections_max=_LOOP_CONNECTIONS_MAX)
    clock, months_ahead = SystemClock(), settings.partition_months_ahead

    async def make_partitions() -> int:
        return await ensure_partitions(pool, clock.now().date(), months_ahead=months_ahead)

    # The first partitions must be there before the first upload.
    await make_partitions()
    stages = [
        Stage(
            name="partitions",
            run_once=make_partitions,
            listens=bells.never,
            idle_s=settings.loops.partition_idle_s,
        )
    ]
    if served.start is not None:
        stages.append(
            Stage(
                name="mender",
                run_once=Mender(look=LogTree(pool).size, start=served.start).run_once,
                listens=bells.never,
                idle_s=settings.loops.mend_idle_s,
            )
        )
    if follow:
        sequencer = Sequencer(served.dsn, limits=settings.pool)
        leader = Leader(served.dsn, "projector", limits=settings.pool)
        stack.push_async_callback(sequencer.close)
        stack.push_async_callback(leader.close)
        projector = Projector(
            ProjectionLog(pool),
            CustodyTables(pool, leader=leader),
            clock=clock,
            limits=settings.projector,
        )
        stages += _following(sequencer, projector, settings=settings, bells=bells)
    await stack.enter_async_context(Worker(stages, settings.loops).running())


def _companion(settings: Settings, bells: Bells) -> Companion:
    """Return what keeps `tracesvc work` running beside this process, with the same settings."""
    command = (sys.executable, "-m", "tracesvc", "work", "--beside")
    return Companion(
        command=(*command, "--data-dir", str(settings.data_dir)),
        stored=bells.stored,
        projected=bells.projected,
        limits=settings.loops,
    )


def _following(
    sequencer: Sequencer, projector: Projector, *, settings: Settings, bells: Bells
) -> list[Stage]:
    """Return the loops that carry captures from stored to projected."""
    return [
        Stage(
            name="sequencer",
            run_once=SequencerLoop(sequencer).run_once,
            listens=bells.stored,
            rings=bells.sequenced,
            idle_s=settings.loops.idle_s,
        ),
        Stage(
            name="projector",
            run_once=projector.run_once,
            listens=bells.sequenced,
            rings=bells.projected,
            idle_s=settings.loops.idle_s,
        ),
    ]


async def _services(
    stack: AsyncExitStack, dsn: str, settings: Settings, *, bells: Bells
) -> Services:
    # Appends have connections of their own, one for each that may work at a time: however many
    # people read, an admitted upload is never kept waiting for a connection.
    writing = await _pool(stack, dsn, settings, connections_max=settings.admission.working_max + 1)
    reading = await _pool(stack, dsn, settings, connections_max=settings.pool.connections_max)
    log, tree = EventLog(writing), LogTree(reading)
    return Services(
        intake=Intake(log, reseal=with_voids, wake=bells.stored.ring),
        receipts=Receipts(log=EventLog(reading), proofs=tree),
        admission=Admission(settings.admission),
        authority=Authority(Keys(reading), limits=settings.auth),
        queries=Queries(
            log=History(reading),
            captures=CaptureLists(reading),
            findings=FindingLists(reading),
            limits=settings.query,
        ),
        parties=Parties(reading),
        vitals=Vitals(
            pending=partial(pending_on, reading),
            log=tree,
            view=CustodyTables(reading),
            has_partitions=partial(has_partitions, reading),
            clock=SystemClock(),
        ),
        projected=bells.projected,
        clock=SystemClock(),
        random_bytes=os.urandom,
        limits=settings.http,
        preparation=preparation(settings),
        body_limits=BodyLimits(
            body_bytes_max=settings.wire.body_bytes_max,
            unpacked_bytes_max=settings.wire.unpacked_bytes_max,
            unpack_ratio_max=settings.wire.unpack_ratio_max,
        ),
    )


async def _open_door(stack: AsyncExitStack, services: Services, settings: Settings) -> str:
    """Listen; return the URL that reaches this process."""
    runner = web.AppRunner(
        make_app(services, release=release()),
        access_log=None,
        auto_decompress=False,
        shutdown_timeout=_REQUEST_END_S_MAX,
    )
    await runner.setup()
    site = web.TCPSite(runner, settings.host, settings.port)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    stack.push_async_callback(_close_door, site, runner, services.admission)
    host, port = runner.addresses[0][:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def _close_door(site: web.TCPSite, runner: web.AppRunner, admission: Admission) -> None:
    await site.stop()
    admission.close()
    if not await admission.drained():
        _log.warning(
            "uploads were still at work when the service stopped", inside=admission.inside
        )
    await runner.cleanup()


async def _pool(
    stack: AsyncExitStack, dsn: str, settings: Settings, *, connections_max: int
) -> Pool:
    pool = await open_pool(dsn, limits=replace(settings.pool, connections_max=connections_max))
    stack.push_async_callback(pool.close)
    return pool


def _nobody() -> None:
    """Wake nobody: the loops run in another process and look again by themselves."""
