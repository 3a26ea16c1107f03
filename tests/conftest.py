"""Fixtures used by two folders or more: a Postgres to test on, and a fresh database per test."""

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from tracesvc.store.embedded import SMALL_MACHINE, EmbeddedPostgres
from tracesvc.store.migrate import migrate
from tracesvc.store.partitions import ensure_partitions
from tracesvc.store.pool import PoolLimits, open_pool

_FAST = {**SMALL_MACHINE, "fsync": "off", "shared_buffers": "128MB", "max_connections": "200"}
"""Test databases die with the test, so nothing need reach the disk."""

_CONTAINER_IMAGES = ("postgres:18", "postgres:17", "postgres:16", "postgres:15")
_DOCKER_TIMEOUT_S = 2


def pytest_report_header(config: pytest.Config) -> str:
    """Say which Postgres the tests will use."""
    del config
    return f"postgres: {_server_kind()}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the embedded server's directory once every worker has left it."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(_embedded_dir(), ignore_errors=True)


@pytest.fixture(scope="session")
def server_dsn() -> Iterator[str]:
    """A superuser's DSN of the server: given by environment, in a container, or embedded."""
    kind = _server_kind()
    if kind == "given by TRACESVC_TEST_DSN":
        yield os.environ["TRACESVC_TEST_DSN"]
    elif kind.startswith("container"):
        yield from _container(kind.split()[-1])
    else:
        server = EmbeddedPostgres(_embedded_dir(), settings=_FAST)
        yield server.start()
        server.stop()


@pytest.fixture(scope="session")
def template_name(server_dsn: str) -> Iterator[str]:
    """The name of a migrated database that tests clone; each xdist worker has its own."""
    name = f"tracesvc_template_{uuid.uuid4().hex[:12]}"
    asyncio_run(_make_template(server_dsn, name))
    yield name
    asyncio_run(_execute(server_dsn, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
async def dsn(server_dsn: str, template_name: str) -> AsyncIterator[str]:
    """A superuser's DSN of a fresh, migrated database with partitions for last month, this one and the next."""
    name = f"tracesvc_test_{uuid.uuid4().hex[:12]}"
    await _execute(
        server_dsn, f'CREATE DATABASE "{name}" TEMPLATE "{template_name}" STRATEGY file_copy'
    )
    yield with_database(server_dsn, name)
    await _execute(server_dsn, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def fresh_database(server_dsn: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Make databases that no migration has touched, and drop them after the test."""
    names = []

    async def make() -> str:
        names.append(f"tracesvc_empty_{uuid.uuid4().hex[:12]}")
        await _execute(server_dsn, _create(names[-1]))
        return with_database(server_dsn, names[-1])

    yield make
    for name in names:
        await _execute(server_dsn, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def empty_dsn(fresh_database: Callable[[], Awaitable[str]]) -> str:
    """A superuser's DSN of a database that no migration has touched."""
    return await fresh_database()


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool as the service opens it, on a fresh database."""
    opened = await open_pool(dsn, limits=PoolLimits(connections_min=1, connections_max=8))
    yield opened
    await opened.close()


@pytest.fixture
async def owner(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner of the tables, who is a superuser here."""
    connection = await asyncpg.connect(
        dsn, server_settings={"search_path": "tracesvc_view, tracesvc, public"}
    )
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
def citus_dsn() -> str:
    """A Citus coordinator with two workers, where the environment names one."""
    given = os.environ.get("TRACESVC_TEST_CITUS_DSN")
    if not given:
        pytest.skip("no Citus coordinator given (TRACESVC_TEST_CITUS_DSN)")
    problem = asyncio_run(_citus_problem(given))
    if problem:
        pytest.skip(problem)
    return given


def with_database(server_dsn: str, name: str) -> str:
    """Return the DSN of another database on the same server."""
    return urlunsplit(urlsplit(server_dsn)._replace(path=f"/{name}"))


def asyncio_run(coroutine):
    """Run a coroutine outside any test's event loop, for fixtures that live longer than one."""
    import asyncio  # noqa: PLC0415  (kept beside its only use)

    with asyncio.Runner() as runner:
        return runner.run(coroutine)


async def _make_template(server_dsn: str, name: str) -> None:
    await _execute(server_dsn, _create(name))
    dsn = with_database(server_dsn, name)
    await migrate(dsn)
    opened = await open_pool(dsn, limits=PoolLimits(connections_max=1))
    # Every partition is files to copy for every test, so there are no more than readiness asks for.
    await ensure_partitions(opened, datetime.now(UTC).date(), months_ahead=1)
    await opened.close()


def _create(name: str) -> str:
    return f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _citus_problem(dsn: str) -> str | None:
    try:
        connection = await asyncpg.connect(dsn, timeout=5)
    except (OSError, asyncpg.PostgresError) as error:
        return f"Citus coordinator not reachable: {error}"
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_extension WHERE extname = 'citus'"):
            return "the server has no citus extension"
        if not await connection.fetchval("SELECT citus_is_coordinator()"):
            return "not the coordinator"
        if await connection.fetchval("SELECT count(*) FROM citus_get_active_worker_nodes()") < 2:
            return "fewer than two workers: two-phase commits would not be exercised"
    finally:
        await connection.close()
    return None


def _server_kind() -> str:
    if os.environ.get("TRACESVC_TEST_DSN"):
        return "given by TRACESVC_TEST_DSN"
    image = _container_image()
    return f"container {image}" if image else "embedded"


def _container_image() -> str | None:
    """Return an image that can be run at once: nothing is pulled, and a dead engine costs nothing."""
    if not os.environ.get("DOCKER_HOST") and not Path("/var/run/docker.sock").exists():
        return None
    import docker  # noqa: PLC0415  (a slow import that most machines do not need)

    try:
        client = docker.from_env(timeout=_DOCKER_TIMEOUT_S)
    except docker.errors.DockerException:
        return None
    try:
        client.ping()
        present = {tag for image in client.images.list() for tag in image.tags}
    except (docker.errors.DockerException, OSError):
        return None
    finally:
        client.close()
    return next((image for image in _CONTAINER_IMAGES if image in present), None)


def _container(image: str) -> Iterator[str]:
    from testcontainers.postgres import PostgresContainer  # noqa: PLC0415  (see above)

    with PostgresContainer(image, driver=None) as container:
        yield container.get_connection_url()


def _embedded_dir() -> Path:
    """One directory per test run, shared by the workers of xdist."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    return Path(tempfile.gettempdir()) / f"tracesvc-test-{os.getuid()}-{run[:12]}"
