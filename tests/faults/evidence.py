"""What must be true of log and projection when everything has calmed down."""

import asyncio
from collections.abc import Sequence

from tests.faults.swarm import EVENTS_PER_UPLOAD, PARTY, Sent
from tracesvc.bootstrap import rebuild_view
from tracesvc.settings import Settings
from tracesvc.store.custody import CustodyTables
from tracesvc.store.event_log import EventLog
from tracesvc.store.log_tree import LogTree
from tracesvc.store.pool import Pool

PROJECTED_S_MAX = 30.0
_POLL_S = 0.05


async def assert_once_each(pool: Pool, uploads: Sequence[Sent]) -> None:
    """Every upload is in the log once, as each of its receipts says, and nothing else is."""
    log = EventLog(pool)
    for upload in uploads:
        assert upload.receipts, f"{upload.key} was never acknowledged"
        known = await log.replay_of(PARTY, upload.key)
        assert {receipt["capture_id"] for receipt in upload.receipts} == {str(known.capture_id)}
        stored = await log.receipt(known.capture_id)
        for receipt in upload.receipts:
            assert [
                (verdict["event_id"], verdict["digest"]) for verdict in receipt["verdicts"]
            ] == [(str(verdict.event_id), verdict.digest.hex()) for verdict in stored.verdicts]
            assert receipt["root_hash"] == stored.root_hash.hex()
        assert stored.duplicate_count == 0

    counts = await pool.fetchrow(
        """SELECT (SELECT count(*) FROM capture) AS captures,
                  (SELECT count(*) FROM trace_event) AS events,
                  (SELECT count(DISTINCT digest) FROM trace_event) AS digests,
                  (SELECT count(*) FROM event_digest) AS claims,
                  (SELECT count(*) FROM scan) AS scans"""
    )
    events = EVENTS_PER_UPLOAD * len(uploads)
    scans = sum(2 * len(upload.codes) for upload in uploads)
    assert dict(counts) == {
        "captures": len(uploads),
        "events": events,
        "digests": events,
        "claims": events,
        "scans": scans,
    }


async def assert_projected_as_rebuilt(pool: Pool, dsn: str, captures: int) -> None:
    """The projection reaches the end of the log by itself, and equals one made anew."""
    view = CustodyTables(pool)
    async with asyncio.timeout(PROJECTED_S_MAX):
        while await view.checkpoint() < captures - 1:
            await asyncio.sleep(_POLL_S)
    await assert_as_folded_anew(dsn, captures)
    assert (await LogTree(pool).check()).faults == ()
    codes = await pool.fetchval("SELECT count(*) FROM custody")
    assert codes == await pool.fetchval("SELECT count(DISTINCT trace_code) FROM scan")
    assert await pool.fetchval("SELECT count(*) FROM finding") > 0


async def assert_as_folded_anew(dsn: str, captures: int) -> None:
    """The projection is at the end of the log and says what a fold of the whole log says."""
    rebuilt = await rebuild_view(
        dsn, Settings(), check_only=True, on_progress=lambda _done, _end: None
    )
    assert rebuilt.log_index == captures - 1
    assert rebuilt.is_equal
