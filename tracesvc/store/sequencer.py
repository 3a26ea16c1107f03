"""How a committed capture gets its place in the log, in Postgres: once, densely, provably."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import UUID

from tracesvc.domain.errors import StoreError
from tracesvc.domain.ids import capture_range
from tracesvc.domain.merkle import Node, extend, frontier
from tracesvc.sql import load
from tracesvc.store.leader import Leader
from tracesvc.store.pool import PoolLimits, store_errors
from tracesvc.wire.stored import decode_body

if TYPE_CHECKING:
    import asyncpg

    _Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    _Rows: TypeAlias = Sequence[asyncpg.Record]

_SQL = load("sequencer")

CAPTURES_PER_PAGE: Final = 500
_CODES_PER_QUERY: Final = 500


class Sequencer:
    """Numbers captures from its own connection, on which it holds the sequencer's advisory lock.

    Lock and transaction share the connection, so a sequencer that lost its lock has lost its
    transaction too: two can never number at once. A second one stands by until the first is gone.
    `is_cluster` says that the tables are distributed, where a commit becomes visible piecemeal and
    scans must be counted as well as events.
    """

    def __init__(
        self, dsn: str, *, limits: PoolLimits | None = None, is_cluster: bool = False
    ) -> None:
        self._leader = Leader(dsn, "sequencer", limits=limits)
        self._is_cluster = is_cluster

    async def run_once(self, captures_max: int = CAPTURES_PER_PAGE) -> int:
        """Number the captures that are wholly visible and return how many those were.

        0 means that nothing is waiting, or that another sequencer is at work. Raises
        StoreUnavailable where the database is away; the next call connects anew.
        """
        connection = await self._leader.connection()
        if connection is None:
            return 0
        with store_errors():
            async with connection.transaction():
                return await self._number(connection, captures_max)

    async def close(self) -> None:
        """Give up the lock. The sequencer may be used again afterwards."""
        await self._leader.close()

    async def _number(self, connection: "_Connection", captures_max: int) -> int:
        """Give places to what is visible and grow the tree by it, in the caller's transaction.

        A crash before its commit leaves captures without places, to be found again; after it the
        places, the tree and what readers see agree. Readers cannot see a place before all lower
        ones, since one transaction assigns them at a time and only the lock's holder assigns.
        """
        waiting = await connection.fetch(_SQL["unsequenced"], captures_max)
        if not waiting:
            return 0
        ready = await self._wholly_visible(connection, waiting)
        if not ready:
            return 0
        size = await connection.fetchval(_SQL["tree_size"])
        numbered = await connection.fetchval(
            _SQL["assign_log_index"], [row["capture_id"] for row in ready], size
        )
        if numbered != len(ready):
            raise StoreError(f"{len(ready)} captures were to be numbered, {numbered} were")
        await _grow(connection, size, [row["root_hash"] for row in ready])
        return len(ready)

    async def _wholly_visible(
        self, connection: "_Connection", waiting: "_Rows"
    ) -> "list[asyncpg.Record]":
        """Return the captures of which every row can be seen; the others wait for the next turn.

        On one server a commit is seen whole, and the count confirms it. On a cluster the workers
        commit one after the other: a reader that trusted the capture's row alone would miss what
        is still on its way.
        """
        spans = [capture_range(row["capture_id"]) for row in waiting]
        counts = {
            row["nth"]: row["event_count"]
            for row in await connection.fetch(
                _SQL["visible_events"], [first for first, _ in spans], [last for _, last in spans]
            )
        }
        ready = [
            row for nth, row in enumerate(waiting, 1) if counts.get(nth, 0) == row["event_count"]
        ]
        if not self._is_cluster:
            return ready
        return [
            row
            for row in ready
            if await _visible_scans(connection, row["capture_id"]) == row["scan_count"]
        ]


async def _visible_scans(connection: "_Connection", capture_id: UUID) -> int:
    """Count a capture's scans by the codes in its bodies: scans are found by code only."""
    first, last = capture_range(capture_id)
    codes: dict[str, None] = {}
    for row in await connection.fetch(_SQL["bodies_of"], first, last):
        body = decode_body(row["body"])
        codes.update(dict.fromkeys((*body.codes, *body.replacements)))
        if row["parent_code"] is not None:
            codes[row["parent_code"]] = None
    wanted = list(codes)
    seen = 0
    for start in range(0, len(wanted), _CODES_PER_QUERY):
        page = wanted[start : start + _CODES_PER_QUERY]
        seen += await connection.fetchval(_SQL["visible_scans"], page, first, last)
    return seen


async def _grow(connection: "_Connection", size: int, root_hashes: Sequence[bytes]) -> None:
    """Add leaves to the tree; its key refuses a log index that exists already."""
    edge = frontier(size)
    rows = await connection.fetch(
        _SQL["fetch_nodes"], [node.level for node in edge], [node.place for node in edge]
    )
    known = {Node(row["level"], row["node_index"]): row["hash"] for row in rows}
    added = extend(size, known, root_hashes)
    await connection.execute(
        _SQL["insert_nodes"],
        [node.level for node, _ in added],
        [node.place for node, _ in added],
        [digest for _, digest in added],
    )
