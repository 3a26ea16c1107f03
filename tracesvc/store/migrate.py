"""How a database gets the tables of this release: numbered files of plain SQL, applied in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

import asyncpg
import sqlparse

import tracesvc
from tracesvc.domain.errors import StoreError
from tracesvc.sql import load
from tracesvc.store.catalog import distribute_statements
from tracesvc.store.pool import Connection, Pool, acquired, store_errors

_SQL = load("migrate")
_CONNECT_TIMEOUT_S = 10.0

_SESSION = {
    "application_name": "tracesvc-migrate",
    "search_path": "tracesvc_view, tracesvc, public",
    "TimeZone": "UTC",
    # Both mean something on Citus only, and there in every session that migrates: without them
    # partitions with checks, and triggers on distributed tables, are refused.
    "citus.enable_local_reference_table_foreign_keys": "off",
    "citus.enable_unsafe_triggers": "on",
    "citus.multi_shard_modify_mode": "sequential",
}

_Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `NNNN_name.pre.sql` runs before the new code, `.post.sql` after the old is gone."""

    name: str
    text: str

    @property
    def sha256(self) -> bytes:
        return sha256(self.text.encode()).digest()

    @property
    def is_post(self) -> bool:
        return self.name.endswith(".post.sql")

    def statements(self) -> list[str]:
        """Return the statements one by one: a joined string cannot be planned on Citus."""
        split = (statement.strip() for statement in sqlparse.split(self.text))
        return [statement for statement in split if not _is_only_comment(statement)]


def bundled() -> tuple[Migration, ...]:
    """Return the migrations of this release: from the wheel, else from the source checkout."""
    package = Path(tracesvc.__file__).parent
    for folder in (package / "_migrations", package.parent / "migrations"):
        if folder.is_dir():
            paths = sorted(folder.glob("[0-9]*.sql"))
            return tuple(Migration(p.name, p.read_text(encoding="utf-8")) for p in paths)
    raise StoreError("this installation has lost its migrations")


async def migrate(
    dsn: str, *, migrations: Sequence[Migration] | None = None, post: bool = True
) -> list[str]:
    """Apply what the database lacks and return the names applied; with `post` false only `.pre`.

    Each file is one transaction, so a failure leaves whole files only. Several processes may call
    at once: one works, the others wait and find nothing to do. Raises StoreError where an applied
    file was changed since, or where the database knows a file that this release does not.
    """
    known = bundled() if migrations is None else tuple(migrations)
    with store_errors():
        connection = await _connect(dsn)
        try:
            await connection.execute(_SQL["lock"])
            await connection.execute(_SQL["create_schema"])
            await connection.execute(_SQL["create_table"])
            applied = await _applied(connection)
            _refuse_strangers(known, applied)
            waiting = [m for m in known if m.name not in applied and (post or not m.is_post)]
            for migration in waiting:
                await _apply(connection, migration)
        finally:
            await connection.close()
    return [migration.name for migration in waiting]


async def pending(dsn: str) -> list[str]:
    """Return the names of `.pre` files the database lacks; empty means this release may start.

    Raises StoreError as `migrate` does: `serve` must not start on a schema it was not told about.
    """
    with store_errors():
        connection = await _connect(dsn)
        try:
            return await _pending(connection)
        finally:
            await connection.close()


async def pending_on(pool: Pool) -> list[str]:
    """Return what `pending` does, over a connection that is open already."""
    async with acquired(pool) as connection:
        return await _pending(connection)


async def distribute(dsn: str) -> list[str]:
    """Hand the tables to Citus as the catalog says; returns the statements run.

    Tables already placed are left alone, so the step can be repeated after later migrations.
    Raises StoreError where the database has no Citus extension.
    """
    with store_errors():
        connection = await _connect(dsn)
        try:
            if not await connection.fetchval(_SQL["has_citus"]):
                raise StoreError("this database has no citus extension; nothing to distribute")
            rows = await connection.fetch(_SQL["citus_placed"])
            statements = distribute_statements(placed={row["table_name"] for row in rows})
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()
    return statements


async def _connect(dsn: str) -> _Connection:
    return await asyncpg.connect(dsn, timeout=_CONNECT_TIMEOUT_S, server_settings=_SESSION)


async def _applied(connection: Connection) -> dict[str, bytes]:
    return {row["name"]: row["sha256"] for row in await connection.fetch(_SQL["applied"])}


async def _pending(connection: Connection) -> list[str]:
    known = bundled()
    if not await connection.fetchval(_SQL["has_table"]):
        return [migration.name for migration in known]
    applied = await _applied(connection)
    _refuse_strangers(known, applied)
    return [m.name for m in known if m.name not in applied and not m.is_post]


async def _apply(connection: _Connection, migration: Migration) -> None:
    async with connection.transaction():
        for statement in migration.statements():
            await connection.execute(statement)
        await connection.execute(_SQL["record"], migration.name, migration.sha256)


def _refuse_strangers(known: Sequence[Migration], applied: dict[str, bytes]) -> None:
    hashes = {migration.name: migration.sha256 for migration in known}
    for name, applied_sha256 in applied.items():
        if name not in hashes:
            raise StoreError(f"the database is newer than this release: it has applied {name}")
        if hashes[name] != applied_sha256:
            raise StoreError(f"{name} was changed after this database had applied it")


def _is_only_comment(statement: str) -> bool:
    return all(
        not line.strip() or line.lstrip().startswith("--") for line in statement.split("\n")
    )
