"""Whether an upload sent now would be stored, and how far behind the projector is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Protocol

from tracesvc.domain.errors import StoreError
from tracesvc.telemetry import PROJECTION_LAG, Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What was seen at one look. `lag_captures` is None where it could not be told."""

    database: bool
    schema_current: bool
    partitions_ahead: bool
    lag_captures: int | None
    detail: str = ""

    @property
    def ready(self) -> bool:
        return self.database and self.schema_current and self.partitions_ahead


AWAY: Final = Condition(
    database=False, schema_current=False, partitions_ahead=False, lag_captures=None
)


class LogSize(Protocol):
    """The sequenced end of the log."""

    async def size(self) -> int:
        """Return how many captures are sequenced."""
        ...


class Projected(Protocol):
    """The projector's place in the log."""

    async def checkpoint(self) -> int:
        """Return the last projected log index, -1 if none is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """Looks at the process and its database.

    `pending` returns the migrations that the database lacks; `has_partitions` tells whether uploads
    of a day have their month partition.
    """

    pending: Callable[[], Awaitable[Sequence[str]]]
    log: LogSize
    view: Projected
    has_partitions: Callable[[date], Awaitable[bool]]
    clock: Clock

    async def condition(self) -> Condition:
        """Look, now. Never raises: a database that is away is a condition, not a failure."""
        try:
            pending = await self.pending()
            if pending:
                return replace(
                    AWAY, database=True, detail=f"missing migrations: {', '.join(pending)}"
                )
            ahead = await self.has_partitions(self.clock.now().date())
            lag = await self.log.size() - 1 - await self.view.checkpoint()
        except StoreError as failure:
            return replace(AWAY, detail=failure.detail)
        PROJECTION_LAG.set(lag)
        return Condition(
            database=True,
            schema_current=True,
            partitions_ahead=ahead,
            lag_captures=lag,
        )
