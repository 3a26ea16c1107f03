"""A run of a plan: its participants, its uploads in order of time, and what really happened."""

from collections.abc import Iterator
from datetime import datetime, time
from heapq import heappop, heappush
from itertools import count
from typing import Any, Protocol

from tracesvc.simulate.evening import Evening
from tracesvc.simulate.facts import Fact
from tracesvc.simulate.offices import Offices
from tracesvc.simulate.participants import Participant
from tracesvc.simulate.plan import SimulationPlan
from tracesvc.simulate.timetable import CHINA
from tracesvc.simulate.truth import Witness
from tracesvc.simulate.uploads import Draft, Upload
from tracesvc.simulate.working_day import WorkingDays
from tracesvc.simulate.world import Today, World


class Script(Protocol):
    """What happens on each day, asked once per day and in order of days."""

    def facts(self, today: Today) -> Iterator[Fact]: ...


class Simulation:
    """One run of a plan. The same plan gives the same uploads, byte for byte.

    `uploads` may be iterated once; days are simulated and payloads written only when they are due, so
    memory is bounded by stock in play and a day's drafts, not by the length of the run.
    """

    def __init__(self, plan: SimulationPlan) -> None:
        self.plan = plan
        self._world = World(plan)
        self._script: Script = (
            WorkingDays(self._world)
            if plan.evening is None
            else Evening(self._world, plan.evening)
        )
        self._offices = Offices(self._world)
        self._witness = Witness(self._world)
        self._waiting: list[tuple[datetime, int, Draft]] = []
        self._numbers = count()
        self._has_begun = False

    @property
    def participants(self) -> tuple[Participant, ...]:
        """The parties a service must know before the first upload."""
        return self._world.participants

    def uploads(self) -> Iterator[Upload]:
        """Yield every upload in order of upload time, the late ones of the last days at the end.

        Raises RuntimeError if called again: the chain has moved on, and a second run would differ.
        """
        if self._has_begun:
            raise RuntimeError("a simulation runs once; make another of the same plan")
        self._has_begun = True
        for today in self._world.days():
            yield from self._due_before(datetime.combine(today.day, time(), CHINA))
            facts = list(self._script.facts(today))
            for fact in facts:
                self._witness.saw(fact)
            for draft in self._offices.drafts(facts, today):
                self._witness.counted(draft)
                heappush(self._waiting, (draft.due, next(self._numbers), draft))
        yield from self._due_before(None)

    def truth(self) -> dict[str, Any]:
        """Return the ground truth of what has been iterated so far; complete after the last upload."""
        return self._witness.truth()

    def _due_before(self, moment: datetime | None) -> Iterator[Upload]:
        while self._waiting and (moment is None or self._waiting[0][0] < moment):
            upload = heappop(self._waiting)[2].write()
            self._witness.uploaded(upload)
            yield upload
