"""How the service is connected to Postgres: with which rights, limits, codecs and errors."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
import orjson

from tracesvc.domain.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = (
        asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    )
    _PlainConnection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Pool = asyncpg.Pool
    Connection = asyncpg.Connection
    _PlainConnection = asyncpg.Connection

SERVICE_ROLE = "tracesvc_service"
SEARCH_PATH = "tracesvc_view, tracesvc, public"
_DETAIL_LENGTH_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """Bounds of one pool. Times in seconds.

    `acquire_timeout_s` is how long work waits for a connection before the store counts as
    unavailable; admission control keeps that from being the normal case.
    """

    connections_min: int = 1
    connections_max: int = 10
    connect_timeout_s: float = 10.0
    acquire_timeout_s: float = 10.0
    statement_timeout_s: float = 60.0
    lock_timeout_s: float = 20.0
    idle_in_transaction_timeout_s: float = 60.0


async def open_pool(
    dsn: str, *, limits: PoolLimits | None = None, search_path: str = SEARCH_PATH
) -> Pool:
    """Open a pool whose sessions work as the service's role, in UTC, under the limits.

    `search_path` says which custody view its sessions see. Raises StoreUnavailable where nobody listens at `dsn`.
    """
    bounds = limits or PoolLimits()
    with store_errors():
        return await asyncpg.create_pool(
            dsn,
            min_size=bounds.connections_min,
            max_size=bounds.connections_max,
            timeout=bounds.connect_timeout_s,
            connection_class=_Connection,
            init=_set_codecs,
            server_settings=session_settings(bounds) | {"search_path": search_path},
        )


async def open_connection(dsn: str, *, limits: PoolLimits | None = None) -> _PlainConnection:
    """Open one connection like those of the pool, for a lock that must outlive a transaction."""
    bounds = limits or PoolLimits()
    with store_errors():
        connection = await asyncpg.connect(
            dsn, timeout=bounds.connect_timeout_s, server_settings=session_settings(bounds)
        )
    await _set_codecs(connection)
    return connection


@asynccontextmanager
async def acquired(pool: Pool, *, timeout_s: float = 10.0) -> AsyncIterator[Connection]:
    """Lend a connection of the pool; errors of the driver inside become StoreError."""
    with store_errors():
        async with pool.acquire(timeout=timeout_s) as connection:
            yield connection


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn errors of the driver and of the network into StoreError, with the original as cause.

    What a caller may simply send again becomes StoreUnavailable: lost connections, shutdowns, a
    full server, deadlocks and time-outs.
    """
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, *_BROKEN) as error:
        # The driver's messages may quote whole rows; the cause keeps them for the log.
        detail = str(error)[:_DETAIL_LENGTH_MAX] or type(error).__name__
        if isinstance(error, _UNAVAILABLE):
            raise StoreUnavailable(f"the database is not available: {detail}") from error
        raise StoreError(f"the database refused a statement: {detail}") from error


def session_settings(limits: PoolLimits) -> dict[str, str]:
    """Return what every session of the service is set to before its first statement.

    The Citus setting keeps writes to one connection per worker and is a mere placeholder on plain
    Postgres. `synchronous_commit` is set here because receipts promise it, whatever the server's
    default.
    """
    return {
        "application_name": "tracesvc",
        "search_path": SEARCH_PATH,
        "role": SERVICE_ROLE,
        "TimeZone": "UTC",
        "synchronous_commit": "on",
        "statement_timeout": _milliseconds(limits.statement_timeout_s),
        "lock_timeout": _milliseconds(limits.lock_timeout_s),
        "idle_in_transaction_session_timeout": _milliseconds(limits.idle_in_transaction_timeout_s),
        "jit": "off",
        "citus.multi_shard_modify_mode": "sequential",
    }


class _Connection(asyncpg.Connection[asyncpg.Record] if TYPE_CHECKING else asyncpg.Connection):  # type: ignore[misc]
    """A pooled connection that is not swept on release, which would cost a round trip per use.

    Sessions have nothing to sweep: users of the pool change settings with SET LOCAL only and take
    no session locks. An open transaction is still rolled back by the driver.
    """

    def get_reset_query(self) -> str:
        return ""


async def _set_codecs(connection: _PlainConnection) -> None:
    """Let jsonb come and go as Python values; binary, because COPY takes nothing else."""
    with store_errors():
        await connection.set_type_codec(
            "jsonb",
            schema="pg_catalog",
            encoder=lambda value: b"\x01" + orjson.dumps(value),
            decoder=lambda data: orjson.loads(data[1:]),
            format="binary",
        )


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


# The driver's own bookkeeping error is what a statement meets on a connection that has just broken.
_BROKEN = (OSError, TimeoutError, asyncpg.InternalClientError)

_UNAVAILABLE = (
    *_BROKEN,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
)
