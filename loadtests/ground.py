"""What is measured on: a real Postgres of its own with full durability, and databases on it."""

import asyncio
import os
import platform
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil

from tracesvc.domain.parties import Party
from tracesvc.domain.vocabulary import AccessRole, PartyType
from tracesvc.store.embedded import EmbeddedPostgres
from tracesvc.store.keys import Keys
from tracesvc.store.migrate import migrate
from tracesvc.store.parties import Parties
from tracesvc.store.partitions import ensure_partitions
from tracesvc.store.pool import Connection, Pool, PoolLimits, open_pool
from tracesvc.telemetry import SystemClock

CONNECTIONS_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """One migrated database and a pool on it like the service's own."""

    name: str
    dsn: str
    pool: Pool

    async def key_of(self, party_id: str | None, role: AccessRole) -> str:
        """Add the party, if one is named, and return a new API key for it."""
        now = SystemClock().now()
        if party_id is not None:
            party = Party(party_id=party_id, party_type=PartyType.WHOLESALER, name=party_id)
            await Parties(self.pool).add(party, now=now)
        _, key = await Keys(self.pool).create(party_id, [role], now=now)
        return key

    async def owner(self) -> "Connection":
        """Open a connection with every right."""
        return await asyncpg.connect(self.dsn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A server in a temporary directory."""

    data_dir: Path
    dsn: str

    @asynccontextmanager
    async def database(self, name: str) -> AsyncIterator[Database]:
        """Make a database for the length of the block."""
        await self._run(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
        dsn = urlunsplit(urlsplit(self.dsn)._replace(path=f"/{name}"))
        await migrate(dsn)
        limits = PoolLimits(connections_min=CONNECTIONS_MAX, connections_max=CONNECTIONS_MAX)
        pool = await open_pool(dsn, limits=limits)
        try:
            await ensure_partitions(pool, SystemClock().now().date())
            yield Database(name=name, dsn=dsn, pool=pool)
        finally:
            await pool.close()
            await self._run(f"DROP DATABASE {name} WITH (FORCE)")

    async def machine(self) -> dict[str, Any]:
        """Say what the figures were made with."""
        connection = await asyncpg.connect(self.dsn)
        try:
            settings = {
                name: await connection.fetchval("SELECT current_setting($1)", name)
                for name in (
                    "server_version", "fsync", "synchronous_commit", "full_page_writes",
                    "shared_buffers",
                )
            }  # fmt: skip
        finally:
            await connection.close()
        return {
            "python": platform.python_version(),
            "asyncpg": version("asyncpg"),
            "aiohttp": version("aiohttp"),
            "system": f"{platform.system()} {platform.machine()}",
            "cores": os.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "load_average": round(os.getloadavg()[0], 2),
            "postgres": settings,
        }

    def postmaster(self) -> psutil.Process:
        text = (self.data_dir / "pg" / "postmaster.pid").read_text(encoding="utf-8")
        return psutil.Process(int(text.split("\n", 1)[0]))

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    """Start the server and remove it, with everything in it, at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="tracesvc-load-") as directory:
        data_dir = Path(directory)
        server = EmbeddedPostgres(data_dir)
        dsn = await asyncio.to_thread(server.start)
        try:
            yield Ground(data_dir=data_dir, dsn=dsn)
        finally:
            await asyncio.to_thread(server.stop)
