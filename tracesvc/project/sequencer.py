"""From stored to sequenced: every committed capture gets its place in the log.

Whoever catches up with the log reads by these places, because nothing else is safe: ids and times
are taken before the commit, so a slow transaction would appear behind a reader that had passed it.
"""

from dataclasses import dataclass
from typing import Protocol

from tracesvc.telemetry import SEQUENCED_CAPTURES


class CaptureSequencer(Protocol):
    """The log's side of it."""

    async def run_once(self) -> int:
        """Number a page of committed captures in one transaction and return how many they were.

        Places are dense and, once seen, final. 0 where nothing waits or another process numbers.
        Raises StoreUnavailable where the database is away; calling again is safe.
        """
        ...


@dataclass(slots=True)
class SequencerLoop:
    """One stage of the worker, which owns waiting, wake-ups and backing off."""

    sequencer: CaptureSequencer

    async def run_once(self) -> int:
        """Number a page; the answer is 0 when the stage may rest."""
        numbered = await self.sequencer.run_once()
        SEQUENCED_CAPTURES.inc(numbered)
        return numbered
