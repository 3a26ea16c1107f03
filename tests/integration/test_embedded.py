"""The embedded server: shared by processes, stopped by the last, and not to be harmed by a kill."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import psutil
import pytest

from tracesvc.store.embedded import SMALL_MACHINE, EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[2]
TINY = {**SMALL_MACHINE, "shared_buffers": "32MB", "max_connections": "20"}

OTHER_PROCESS = """
import sys
from pathlib import Path
from tracesvc.store.embedded import SMALL_MACHINE, EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), settings={**SMALL_MACHINE, "shared_buffers": "32MB"})
print(server.start(), flush=True)
sys.stdin.readline()
server.stop()
print("left", flush=True)
"""


@pytest.fixture(scope="module")
def initialised(tmp_path_factory):
    """A data directory whose server has run once and is stopped."""
    data_dir = tmp_path_factory.mktemp("embedded")
    server = EmbeddedPostgres(data_dir, settings=TINY)
    server.start()
    server.stop()
    return data_dir


@pytest.fixture
def data_dir(initialised):
    """The directory; whatever still runs in it after the test is ended."""
    yield initialised
    end(initialised)


@pytest.fixture
def server(data_dir):
    return EmbeddedPostgres(data_dir, settings=TINY)


def end(data_dir):
    process = postmaster(data_dir)
    if process is not None:
        process.send_signal(signal.SIGINT)
        process.wait(20)
    (data_dir / "server.users").unlink(missing_ok=True)


def postmaster(data_dir):
    """The running server of a directory, found among all processes and not by its own notes."""
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "postgres" and str(data_dir / "pg") in (
            process.info["cmdline"] or ()
        ):
            return process
    return None


def other_process(data_dir, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        **options,
    )


async def run(dsn, statement):
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_it_keeps_its_promises(server, data_dir):
    """Bytes order text, commits reach the disk, only the owner may connect, nobody by network."""
    dsn = server.start()

    assert await run(dsn, "SELECT datcollate FROM pg_database WHERE datname = 'tracesvc'") == "C"
    for name, value in {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "shared_buffers": "32MB",
        "TimeZone": "UTC",
    }.items():
        assert await run(dsn, f"SHOW {name}") == value, name
    assert postmaster(data_dir) is not None
    server.stop()
    assert postmaster(data_dir) is None
    server.stop()


async def test_data_survives_a_restart(server):
    """What was stored is there after stop and start, and start may be called twice."""
    dsn = server.start()
    await run(dsn, "CREATE TABLE kept AS SELECT 42 AS n")
    server.stop()
    dsn = server.start()
    assert server.start() == dsn
    assert await run(dsn, "SELECT n FROM kept") == 42
    await run(dsn, "DROP TABLE kept")
    server.stop()


async def test_processes_share_one_server_and_the_last_stops_it(server, data_dir):
    """A second process finds the running server; leaving it leaves it to the other."""
    dsn = server.start()
    with other_process(data_dir) as other:
        assert other.stdout.readline().strip() == dsn
        server.stop()
        assert await run(dsn, "SELECT 1") == 1
        other.communicate("go\n", timeout=30)
    assert postmaster(data_dir) is None


async def test_a_killed_user_does_not_keep_the_server_alive(server, data_dir):
    """A process that died without leaving is not counted: the server stops with the last living."""
    with other_process(data_dir) as other:
        dsn = other.stdout.readline().strip()
        other.kill()
    assert await run(dsn, "SELECT 1") == 1
    assert server.start() == dsn
    server.stop()
    assert postmaster(data_dir) is None


async def test_a_killed_server_recovers(server, data_dir):
    """After kill -9 of Postgres the next start has every commit."""
    dsn = server.start()
    await run(dsn, "CREATE TABLE survivor AS SELECT 7 AS n")
    postmaster(data_dir).kill()
    again = EmbeddedPostgres(data_dir, settings=TINY)
    dsn = again.start()
    assert await run(dsn, "SELECT n FROM survivor") == 7
    await run(dsn, "DROP TABLE survivor")
    again.stop()


async def test_a_note_left_by_a_dead_server_does_not_mislead(server, data_dir):
    """postmaster.pid may name a process that is now something else, or be cut short."""
    notes = data_dir / "pg" / "postmaster.pid"
    for text in (f"{os.getpid()}\n{data_dir / 'pg'}\n0\n5432\n/tmp\n\n0 0\nready\n", "12"):
        notes.write_text(text)
        dsn = server.start()
        assert await run(dsn, "SELECT 1") == 1
        server.stop()


async def test_a_long_path_and_an_unfinished_beginning(tmp_path):
    """A socket path may have 107 bytes, a data directory more; a half-made cluster is thrown away."""
    data_dir = tmp_path / ("long" * 30)
    (data_dir / "pg.new" / "base").mkdir(parents=True)
    (data_dir / "pg.new" / "PG_VERSION").write_text("18")
    server = EmbeddedPostgres(data_dir, settings=TINY)
    dsn = server.start()

    (socket_dir,) = parse_qs(urlsplit(dsn).query)["host"]
    assert len(socket_dir) < 90
    assert await run(dsn, "SELECT 1") == 1
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_an_ordinary_user_can_run_it_too():
    """Without root's rights the server runs as the user itself."""
    # Not below pytest's own directory, which is closed to others.
    data_dir = Path("/var/tmp") / f"tracesvc-user-{os.getpid()}"  # noqa: S108
    data_dir.mkdir()
    try:
        shutil.chown(data_dir, "nobody")
        with other_process(data_dir, user="nobody", cwd="/", stderr=subprocess.PIPE) as other:
            dsn, error = other.communicate("go\n", timeout=60)
        if "PermissionError" in error or "No module named" in error:
            pytest.skip("the interpreter is closed to other users")
        assert dsn.startswith("postgresql://"), error
        assert dsn.endswith("left\n"), error
    except PermissionError:
        pytest.skip("the interpreter is closed to other users")
    finally:
        shutil.rmtree(data_dir)


def test_a_server_that_cannot_start_says_why(initialised, monkeypatch):
    """The end of the server's own log is in the error."""
    from tracesvc.domain.errors import StoreUnavailable  # noqa: PLC0415
    from tracesvc.store import embedded  # noqa: PLC0415

    monkeypatch.setattr(embedded, "START_TIMEOUT_S", 0.1)
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="no_such_setting"):
        EmbeddedPostgres(initialised, settings={"no_such_setting": "1"}).start()
    assert time.monotonic() - began < 20
