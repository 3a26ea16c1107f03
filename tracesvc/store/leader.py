"""One active worker per task and database: whoever holds its advisory lock, on its own connection."""

from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from tracesvc.domain.errors import StoreError
from tracesvc.sql import load
from tracesvc.store.pool import PoolLimits, open_connection, store_errors

if TYPE_CHECKING:
    import asyncpg

    LeadingConnection: TypeAlias = asyncpg.Connection[asyncpg.Record]

_SQL: Final = load("leader")


class Leader:
    """Holds the lock of one task, and the connection that the task's transactions run on.

    Lock and transactions share the connection, so a worker that lost its lock has lost its
    transaction too: two can never be at work at once. A standby asks again at its next turn and
    takes over as soon as the connection of the one before it is gone.
    """

    def __init__(self, dsn: str, task: str, *, limits: PoolLimits | None = None) -> None:
        self._dsn = dsn
        self._task = task
        self._limits = limits
        self._leading: LeadingConnection | None = None

    async def connection(self) -> "LeadingConnection | None":
        """Return the connection that holds the lock, None while another process holds it.

        Raises StoreUnavailable where the database is away; the next call connects anew.
        """
        if self._leading is not None and not self._leading.is_closed():
            return self._leading
        connection = await open_connection(self._dsn, limits=self._limits)
        self._leading = connection
        with store_errors():
            if await connection.fetchval(_SQL["try_lead"], self._task):
                return connection
        await self.close()
        return None

    async def close(self) -> None:
        """Give up the lock. The leader may be used again afterwards."""
        connection, self._leading = self._leading, None
        if connection is not None:
            with suppress(StoreError), store_errors():
                await connection.close()
