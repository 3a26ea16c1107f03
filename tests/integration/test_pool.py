"""Sessions of the service: whose rights, which limits, what errors become."""

import asyncpg
import pytest

from tracesvc.domain.errors import StoreError, StoreUnavailable
from tracesvc.store.pool import PoolLimits, acquired, open_pool, store_errors


async def test_sessions_work_as_the_service_under_limits(dsn):
    """Role, search path, time zone, durability and time-outs are set before the first statement."""
    pool = await open_pool(dsn, limits=PoolLimits(statement_timeout_s=1.5))
    async with acquired(pool) as connection:
        shown = {
            name: await connection.fetchval("SELECT current_setting($1)", name)
            for name in (
                "role",
                "search_path",
                "TimeZone",
                "synchronous_commit",
                "statement_timeout",
            )
        }
    await pool.close()

    assert shown == {
        "role": "tracesvc_service",
        "search_path": "tracesvc_view, tracesvc, public",
        "TimeZone": "UTC",
        "synchronous_commit": "on",
        "statement_timeout": "1500ms",
    }


async def test_json_travels_as_python_values(pool):
    """Parameters and results of type jsonb are values, also through COPY."""
    value = {"a": [1, None, "药"]}
    async with acquired(pool) as connection:
        assert await connection.fetchval("SELECT $1::jsonb", value) == value
        await connection.execute("CREATE TEMP TABLE t (v jsonb)")
        await connection.copy_records_to_table("t", records=[(value,)])
        assert await connection.fetchval("SELECT v FROM t") == value


async def test_errors_of_the_driver_become_ours(pool):
    """A refused statement is a StoreError with the original as its cause."""
    with pytest.raises(StoreError) as caught:
        async with acquired(pool) as connection:
            await connection.execute("SELECT 1/0")

    assert not isinstance(caught.value, StoreUnavailable)
    assert isinstance(caught.value.__cause__, asyncpg.DivisionByZeroError)


@pytest.mark.parametrize(
    "error",
    [
        OSError("gone"),
        TimeoutError(),
        asyncpg.InterfaceError("closed"),
        asyncpg.ConnectionDoesNotExistError("x"),
        asyncpg.AdminShutdownError("x"),
        asyncpg.TooManyConnectionsError("x"),
        asyncpg.DeadlockDetectedError("x"),
        asyncpg.QueryCanceledError("x"),
        asyncpg.LockNotAvailableError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_be_sent_again_is_unavailable(error):
    """Lost connections, shutdowns, full servers, deadlocks and time-outs may be tried again."""
    with pytest.raises(StoreUnavailable), store_errors():
        raise error


async def test_a_server_that_is_not_there_is_unavailable(tmp_path):
    """Opening a pool where nobody listens says so in our words."""
    with pytest.raises(StoreUnavailable):
        await open_pool(f"postgresql://postgres@/x?host={tmp_path}")
