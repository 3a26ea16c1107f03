"""Bringing the embedded Postgres back after it was killed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from structlog import get_logger

from tracesvc.domain.errors import StoreUnavailable

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mender:
    """One loop: looks whether the database answers and starts it again where it does not.

    `look` asks the database anything and raises StoreUnavailable where it is away. `start` may be
    called whatever the state of the server, also by several processes; it returns once the server has
    recovered, at the same address.
    """

    look: Callable[[], Awaitable[object]]
    start: Callable[[], Awaitable[object]]

    async def run_once(self) -> int:
        """Return 1 where the server had to be started, 0 where all was well."""
        try:
            await self.look()
        except StoreUnavailable as failure:
            _log.warning("the embedded database is away", detail=failure.detail)
        else:
            return 0
        await self.start()
        _log.info("the embedded database is back")
        return 1
