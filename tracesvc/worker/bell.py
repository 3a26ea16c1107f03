"""A bell between the loops of one process: whoever made work rings, whoever waits hears it at once.

A hint only. Work may also come from another process, so every listener asks the database again after
its idle time, rung or not.
"""

import asyncio


class Bell:
    """Wakes every listener. Rings are counted, so one that came while a listener worked is not lost."""

    def __init__(self) -> None:
        self._rings = 0
        self._next = asyncio.Event()

    @property
    def rings(self) -> int:
        return self._rings

    def ring(self) -> None:
        self._rings += 1
        self._next.set()
        self._next = asyncio.Event()

    async def heard(self, after: int, timeout_s: float) -> bool:
        """Wait, at most `timeout_s`, until it has rung since `rings` was `after`; tell whether it has."""
        if self._rings != after:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await self._next.wait()
        except TimeoutError:
            return False
        return True
