"""A second custody view beside the present one, in a schema of its own, and the swap by name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

import asyncpg

from tracesvc.domain.errors import StoreError
from tracesvc.sql import load
from tracesvc.store.custody import CustodyTables
from tracesvc.store.pool import Pool, PoolLimits, open_pool, store_errors

if TYPE_CHECKING:
    _Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

_SQL: Final = load("rebuild")
_SEARCH_PATH_NEXT: Final = "tracesvc_view_next, tracesvc, public"


class RebuildSite:
    """Builds with the rights of the database's owner; the folding itself runs as the service."""

    def __init__(self, dsn: str, pool: Pool, *, limits: PoolLimits | None = None) -> None:
        self._dsn = dsn
        self._pool = pool
        self._limits = limits
        self._holding: _Connection | None = None

    def present_view(self) -> CustodyTables:
        return CustodyTables(self._pool)

    @asynccontextmanager
    async def next_view(self) -> AsyncIterator[CustodyTables]:
        """Make the second view's tables and drop whatever of them is left after the block.

        Raises StoreError where another rebuild is at work on this database.
        """
        owner = await self._connect()
        try:
            with store_errors():
                if not await owner.fetchval(_SQL["lock_rebuild"]):
                    raise StoreError("another rebuild of this database is under way")
                await _make_tables(owner)
            pool = await open_pool(self._dsn, limits=self._limits, search_path=_SEARCH_PATH_NEXT)
            try:
                yield CustodyTables(pool)
            finally:
                await pool.close()
            with store_errors():
                await owner.execute(_SQL["drop_old"])
                await owner.execute(_SQL["drop_next"])
        finally:
            await owner.close()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold the present view's checkpoint in a transaction that `swap` is part of."""
        owner = await self._connect()
        try:
            with store_errors():
                async with owner.transaction():
                    await owner.fetch(_SQL["hold_present"])
                    self._holding = owner
                    yield
        finally:
            self._holding = None
            await owner.close()

    async def swap(self) -> None:
        """Rename the schemas. Seen by all at the commit that ends `held`, or by none."""
        if self._holding is None:
            raise StoreError("the present view is not held")
        for name in (
            "keep_withdrawn",
            "drop_trial_journal",
            "end_present",
            "rename_present",
            "rename_next",
        ):
            await self._holding.execute(_SQL[name])

    async def _connect(self) -> "_Connection":
        with store_errors():
            return await asyncpg.connect(self._dsn, timeout=10)


async def _make_tables(owner: "_Connection") -> None:
    await owner.execute(_SQL["drop_next"])
    await owner.execute(_SQL["create_next"])
    tables = [("tracesvc_view", row[0]) for row in await owner.fetch(_SQL["view_tables"])]
    # The trial view writes a journal as the real one does; its own table keeps it out of the real.
    for schema, table in (*tables, ("tracesvc", "finding_change")):
        await owner.execute(await owner.fetchval(_SQL["copy_table"], schema, table))
    for name in ("grant_next", "grant_next_tables", "start_next"):
        await owner.execute(_SQL[name])
