"""Bringing the embedded database back."""

import pytest

from tracesvc.domain.errors import StoreUnavailable
from tracesvc.worker.mender import Mender


@pytest.mark.parametrize("is_away", [False, True])
async def test_a_database_that_does_not_answer_is_started(is_away):
    """A look that fails starts the server; one that succeeds leaves it alone."""
    starts = []

    async def look() -> None:
        if is_away:
            raise StoreUnavailable("away")

    async def start() -> None:
        starts.append(None)

    done = await Mender(look=look, start=start).run_once()

    assert done == len(starts) == is_away


async def test_a_failed_start_is_left_to_the_supervisor():
    """Where the server does not come up the failure goes on, to be tried again."""

    async def fail() -> None:
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        await Mender(look=fail, start=fail).run_once()
