"""The loops' process, seen from the API: rings both ways, restarts, and an end in order."""

import asyncio
import sys

import structlog

from tracesvc.telemetry import FINDINGS_OPENED, SEQUENCED_CAPTURES
from tracesvc.worker.bell import Bell
from tracesvc.worker.companion import Companion
from tracesvc.worker.loop import LoopLimits

ECHO = """
import os, sys
while os.read(0, 1):
    print('[["sequenced_captures",{},2.0],["findings_opened",{"rule":"F01"},1.0]]', flush=True)
"""
HALF_A_LINE = "import os; print('[[\"seq', end=''); os.abort()"
DEAF = "import signal, time; print('[]', flush=True); time.sleep(60)"


def companion(program: str, *, stored: Bell, projected: Bell, **limits: float) -> Companion:
    return Companion(
        command=(sys.executable, "-c", program),
        stored=stored,
        projected=projected,
        limits=LoopLimits(backoff_s_min=0.01, backoff_s_max=0.02, **limits),
    )


async def rung(bell: Bell, after: int) -> None:
    async with asyncio.timeout(20):
        assert await bell.heard(after, 20)


def value_of(counter) -> float:
    return counter.collect()[0].samples[0].value


async def test_rings_go_down_and_come_up_with_their_counts():
    """What was stored wakes the child; what it did is heard here and counted here."""
    stored, projected = Bell(), Bell()
    sequenced, opened = value_of(SEQUENCED_CAPTURES), value_of(FINDINGS_OPENED.labels("F01"))
    async with companion(ECHO, stored=stored, projected=projected, stop_s_max=10).running():
        await rung(projected, 0)
        heard = projected.rings
        stored.ring()
        await rung(projected, heard)

    assert value_of(SEQUENCED_CAPTURES) - sequenced >= 4
    assert value_of(FINDINGS_OPENED.labels("F01")) - opened >= 2


async def test_a_child_that_dies_is_started_again():
    """Whatever it died of, even in the middle of a line."""
    projected = Bell()
    with structlog.testing.capture_logs() as entries:
        only = companion(HALF_A_LINE, stored=Bell(), projected=projected, stop_s_max=10)
        async with only.running():
            await rung(projected, 0)
            await rung(projected, projected.rings)

    assert {entry["event"] for entry in entries} == {
        "the loops' process ended and is started again"
    }


async def test_a_child_that_does_not_stop_is_killed():
    """A child deaf to the end of its pipe does not keep the service from stopping."""
    projected = Bell()
    with structlog.testing.capture_logs() as entries:
        only = companion(DEAF, stored=Bell(), projected=projected, stop_s_max=0.1)
        async with only.running():
            await rung(projected, 0)

    assert [entry["event"] for entry in entries] == ["the loops' process did not stop in time"]
