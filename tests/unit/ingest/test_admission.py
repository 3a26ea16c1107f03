"""The front door's bounds: places, bytes, fairness, turns and closing."""

import asyncio

import pytest

from tracesvc.domain.errors import Busy
from tracesvc.ingest.admission import Admission, AdmissionLimits


def door(**limits: float) -> Admission:
    return Admission(AdmissionLimits(**limits))


async def test_refuses_at_once_when_every_place_is_taken():
    """One capture more than there are places is told to come back, without waiting."""
    admission = door(captures_max=2, party_captures_max=2)
    async with admission.admit("A"), admission.admit("B"):
        with pytest.raises(Busy) as refused:
            async with admission.admit("C"):
                pass

    assert refused.value.extra["limit"] == "captures_max"
    assert refused.value.extra["retry_after_s"] == 1


async def test_one_party_cannot_take_every_place():
    """A party at its share is refused while another still finds room."""
    admission = door(captures_max=4, party_captures_max=1)
    async with admission.admit("A"):
        with pytest.raises(Busy) as refused:
            async with admission.admit("A"):
                pass
        async with admission.admit("B"):
            assert admission.inside == 2

    assert refused.value.extra["limit"] == "party_captures_max"


async def test_bytes_are_counted_and_given_back():
    """What one capture holds is not there for the next until the first has left."""
    admission = door(held_bytes_max=100)
    async with admission.admit("A") as first:
        first.hold(80)
        async with admission.admit("B") as second:
            with pytest.raises(Busy) as refused:
                second.hold(30)
    async with admission.admit("B") as third:
        third.hold(100)

    assert refused.value.extra["limit"] == "held_bytes_max"


async def test_turns_are_bounded_in_number_and_in_waiting():
    """Only so many work at a time, and who waits too long is told so."""
    admission = door(working_max=1, turn_wait_s_max=0.01)
    async with admission.admit("A") as first, admission.admit("B") as second, first.turn():
        with pytest.raises(Busy) as refused:
            async with second.turn():
                pass

    assert refused.value.extra["limit"] == "turn_wait_s_max"


async def test_a_turn_comes_free_when_its_holder_fails():
    """An exception inside a turn does not lose the working place."""
    admission = door(working_max=1, turn_wait_s_max=0.05)
    async with admission.admit("A") as place:
        with pytest.raises(ZeroDivisionError):
            async with place.turn():
                raise ZeroDivisionError
        async with place.turn():
            pass


async def test_draining_waits_for_the_last_capture():
    """A closed door admits nobody and is drained when the last one has left."""
    admission = door(drain_s_max=1)
    leave = asyncio.Event()

    async def stay() -> None:
        async with admission.admit("A"):
            await leave.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(stay())
        await asyncio.sleep(0)
        admission.close()
        with pytest.raises(Busy):
            async with admission.admit("B"):
                pass
        leave.set()
        drained = await admission.drained()

    assert drained


async def test_draining_ends_after_its_limit():
    """A capture that never ends does not keep the service from stopping."""
    admission = door(drain_s_max=0.01)
    async with admission.admit("A"):
        drained = await admission.drained()

    assert not drained
