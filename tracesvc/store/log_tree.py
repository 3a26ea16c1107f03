"""The transparency log as it is read: its size and root, proofs of inclusion, and its own check."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

from tracesvc.domain.captures import InclusionProof, LogCheck
from tracesvc.domain.ids import capture_range
from tracesvc.domain.merkle import Node, extend, proof_ranges, range_hash, range_nodes, root
from tracesvc.sql import load
from tracesvc.store.pool import Connection, Pool, acquired

if TYPE_CHECKING:
    import asyncpg

_SQL = load("log_tree")

_LEAVES_PER_PAGE: Final = 500


class LogTree:
    """Reads the Merkle tree over the captures in log order. Writing it is the sequencer's."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def size(self) -> int:
        """Return how many captures are in the tree: the next log index."""
        async with acquired(self._pool) as connection:
            return await _size(connection)

    async def root(self, tree_size: int) -> bytes:
        """Return the root as it was when the log had `tree_size` captures."""
        async with acquired(self._pool) as connection:
            nodes = await _nodes(connection, range_nodes(0, tree_size))
        return range_hash(0, tree_size, nodes.__getitem__)

    async def proof(self, log_index: int, tree_size: int | None = None) -> InclusionProof | None:
        """Return the audit path of a leaf in the tree of `tree_size`, or in the newest one.

        None where that tree has no such leaf, or is larger than the log is now.
        """
        async with acquired(self._pool) as connection:
            newest = await _size(connection)
            size = newest if tree_size is None else tree_size
            if not 0 <= log_index < size <= newest:
                return None
            ranges = proof_ranges(log_index, size)
            wanted = {
                node for start, end in (*ranges, (0, size)) for node in range_nodes(start, end)
            }
            nodes = await _nodes(connection, wanted)
        return InclusionProof(
            log_index=log_index,
            tree_size=size,
            root_hash=range_hash(0, size, nodes.__getitem__),
            hashes=tuple(range_hash(start, end, nodes.__getitem__) for start, end in ranges),
        )

    async def check(self) -> LogCheck:
        """Compute the whole log again: bodies, digests, roots, places, tree; report what differs.

        Takes time in proportion to the log and memory in proportion to a page.
        """
        async with acquired(self._pool) as connection:
            walk = _Walk(connection)
            while page := await connection.fetch(
                _SQL["leaves_after"], walk.size - 1, _LEAVES_PER_PAGE
            ):
                await walk.take(page)
            stored_size = await _size(connection)
        if stored_size != walk.size:
            walk.faults.append(f"the tree has {stored_size} leaves, the log {walk.size} captures")
        return LogCheck(tree_size=walk.size, root_hash=walk.root(), faults=tuple(walk.faults))


@dataclass(slots=True)
class _Walk:
    """A check under way: how far it is, the edge of the tree it has built, and what was wrong."""

    connection: Connection
    size: int = 0
    edge: dict[Node, bytes] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    async def take(self, page: "Sequence[asyncpg.Record]") -> None:
        """Check the next captures and grow the tree by them."""
        for place, row in enumerate(page, self.size):
            if row["log_index"] != place:
                self.faults.append(f"log index {place} is missing before {row['log_index']}")
            self.faults.extend(await _capture_faults(self.connection, row))
        added = extend(self.size, self.edge, [row["root_hash"] for row in page])
        stored = await _nodes(self.connection, [node for node, _ in added])
        self.faults.extend(
            f"node {node.place} of level {node.level} is not the hash of what it covers"
            for node, digest in added
            if stored.get(node) != digest
        )
        self.size += len(page)
        self.edge.update(added)
        self.edge = {node: self.edge[node] for node in range_nodes(0, self.size)}

    def root(self) -> bytes:
        return range_hash(0, self.size, self.edge.__getitem__)


async def _capture_faults(connection: Connection, row: "asyncpg.Record") -> list[str]:
    """Return what is wrong inside one capture: with its events, their digests, or its root."""
    name = f"capture {row['capture_id']}"
    stored = await connection.fetch(_SQL["event_digests"], *capture_range(row["capture_id"]))
    faults = [
        f"{name}: event {event['ordinal']} does not have the digest of its body"
        for event in stored
        if not event["is_true"]
    ]
    if len(stored) != row["event_count"]:
        faults.append(f"{name}: {len(stored)} of {row['event_count']} events are there")
    digests = {event["ordinal"]: event["digest"] for event in stored}
    copies = {ordinal: UUID(event_id) for ordinal, event_id in row["duplicates"]}
    if copies:
        found = await connection.fetch(_SQL["digests_of"], list(copies.values()))
        by_id = {event["event_id"]: event["digest"] for event in found}
        digests |= {ordinal: by_id.get(event_id, b"") for ordinal, event_id in copies.items()}
    if root([digests[ordinal] for ordinal in sorted(digests)]) != row["root_hash"]:
        faults.append(f"{name}: its root hash is not that of its events")
    return faults


async def _size(connection: Connection) -> int:
    return int(await connection.fetchval(_SQL["tree_size"]))


async def _nodes(connection: Connection, wanted: Iterable[Node]) -> dict[Node, bytes]:
    places = list(wanted)
    rows = await connection.fetch(
        _SQL["fetch_nodes"], [node.level for node in places], [node.place for node in places]
    )
    return {Node(row["level"], row["node_index"]): row["hash"] for row in rows}
