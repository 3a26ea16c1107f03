"""The database itself keeps the log append-only, also against its owner."""

import asyncpg
import pytest

from tracesvc.domain.vocabulary import Kind
from tracesvc.store.event_log import EventLog
from tracesvc.store.sequencer import Sequencer

LOG_TABLES = (
    "capture",
    "capture_key",
    "trace_event",
    "scan",
    "event_digest",
    "rejection",
    "log_tree",
)
COLUMN = {
    "capture": "party_id",
    "capture_key": "idempotency_key",
    "trace_event": "body",
    "scan": "trace_code",
    "event_digest": "event_id",
    "rejection": "raw",
    "log_tree": "hash",
}


@pytest.fixture
async def filled(dsn, pool, make_upload):
    """A log with a row in every table."""
    from tracesvc.domain.events import Rejection  # noqa: PLC0415

    rejected = Rejection(ordinal=0, event_ordinal=None, pointer="", raw="?", error_code="bad")
    await EventLog(pool).append(
        *make_upload(
            {"codes": ["a"], "kind": Kind.SHIP}, key="k", on_error="proceed", rejections=[rejected]
        )
    )
    sequencer = Sequencer(dsn)
    await sequencer.run_once()
    await sequencer.close()


def refused():
    return pytest.raises(asyncpg.PostgresError, match="append-only")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("table", LOG_TABLES)
async def test_the_owner_cannot_change_or_remove_rows(owner, table):
    """UPDATE, DELETE and TRUNCATE raise for the superuser who owns the tables."""
    column = COLUMN[table]
    with refused() as caught:
        await owner.execute(f"UPDATE {table} SET {column} = {column}")
    assert caught.value.sqlstate == "45000"
    with refused():
        await owner.execute(f"DELETE FROM {table}")
    with refused():
        await owner.execute(f"TRUNCATE {table}")
    await owner.execute("SET session_replication_role = replica")
    with refused():
        await owner.execute(f"DELETE FROM {table}")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("table", ["capture", "trace_event", "scan", "rejection"])
async def test_partitions_are_guarded_like_their_parents(owner, table):
    """Going to the partition instead of the table does not help."""
    partition = await owner.fetchval(f"SELECT tableoid::regclass::text FROM {table} LIMIT 1")
    for statement in ("DELETE FROM", "TRUNCATE"):
        with refused():
            await owner.execute(f"{statement} {partition}")
    with refused():
        await owner.execute(f"UPDATE {partition} SET {COLUMN[table]} = {COLUMN[table]}")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("table", LOG_TABLES)
async def test_the_service_may_not_even_try(pool, table):
    """The service's role has no right to change the log."""
    for statement in (
        f"UPDATE {table} SET {COLUMN[table]} = NULL",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)


async def test_a_place_in_the_log_is_given_once(owner, pool, make_upload):
    """log_index goes from null to a number, through the function, and nothing else changes."""
    up = make_upload({"codes": ["a"]})
    await EventLog(pool).append(*up)
    capture_id = up.capture.capture_id

    with refused():
        await owner.execute("UPDATE capture SET log_index = 5, party_id = 'other'")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute("UPDATE capture SET log_index = 5")
    assert await pool.fetchval("SELECT assign_log_index($1, 5)", [capture_id]) == 1
    assert await pool.fetchval("SELECT assign_log_index($1, 6)", [capture_id]) == 0
    for value in ("6", "5", "NULL"):
        with refused():
            await owner.execute(f"UPDATE capture SET log_index = {value}")
    assert await owner.fetchval("SELECT log_index FROM capture") == 5


async def test_the_service_cannot_define_anything_in_the_log_schema(pool):
    """A stolen service connection can neither add tables nor switch guards off."""
    for statement in (
        "CREATE TABLE tracesvc.mine (a int)",
        "ALTER TABLE tracesvc.scan DISABLE TRIGGER guard_row",
        "DROP TABLE tracesvc.scan",
        "SELECT tracesvc.refuse_change()",
    ):
        with pytest.raises(asyncpg.PostgresError):
            await pool.execute(statement)
