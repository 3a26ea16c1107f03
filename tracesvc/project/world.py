"""The part of the custody view that one turn touches, held in memory until it is saved."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from tracesvc.domain.custody import LEVELS_MAX, UNSEEN, CustodyState
from tracesvc.domain.projection import Cohort
from tracesvc.project.ports import Turn


class World:
    """Codes, cohorts and containers of one turn; knows what differs from the tables."""

    def __init__(self, next_cohort_id: int) -> None:
        self.next_cohort_id = next_cohort_id
        self.cohorts: dict[int, Cohort] = {}
        self.inside_seen: dict[str, datetime] = {}
        self.inside_seen_changed: set[str] = set()
        self._cohort_of: dict[str, int] = {}
        self._stored_in: dict[str, int | None] = {}
        self._loaded: set[str] = set()

    async def load(self, turn: Turn, trace_codes: Iterable[str]) -> None:
        """Read codes, their cohorts, and the containers around them, level by level."""
        wanted = set(trace_codes) - self._loaded
        for _ in range(LEVELS_MAX + 1):
            if not wanted:
                return
            self._loaded |= wanted
            members = await turn.members(wanted)
            for trace_code, cohort_id, seen in members:
                self._cohort_of[trace_code] = cohort_id
                if seen is not None:
                    self.inside_seen[trace_code] = seen
            cohort_ids = {cohort_id for _, cohort_id, _ in members}
            for cohort in await turn.cohorts(cohort_ids - self.cohorts.keys()):
                self.cohorts[cohort.cohort_id] = cohort
            parents = {self.cohorts[cohort_id].state.parent for cohort_id in cohort_ids}
            wanted = {parent for parent in parents if parent is not None} - self._loaded

    def cohort_of(self, trace_code: str) -> Cohort | None:
        cohort_id = self._cohort_of.get(trace_code)
        return None if cohort_id is None else self.cohorts[cohort_id]

    def state_of(self, trace_code: str) -> CustodyState | None:
        cohort = self.cohort_of(trace_code)
        return None if cohort is None else cohort.state

    def grouped(self, trace_codes: Iterable[str]) -> list[tuple[Cohort | None, list[str]]]:
        """Return the codes by their present cohort; codes never seen before form one group."""
        groups: defaultdict[int | None, list[str]] = defaultdict(list)
        place = self._cohort_of.get
        for trace_code in trace_codes:
            groups[place(trace_code)].append(trace_code)
        return [
            (None if cohort_id is None else self.cohorts[cohort_id], group)
            for cohort_id, group in groups.items()
        ]

    def move(
        self, cohort: Cohort | None, trace_codes: list[str], state: CustodyState, event_id: UUID
    ) -> None:
        """Give codes of one cohort a new state: in place if they are all of it, else as a new one."""
        if cohort is not None and len(trace_codes) == cohort.code_count:
            cohort.state = state
            cohort.first_event_id = min(cohort.first_event_id, event_id)
            cohort.last_event_id = max(cohort.last_event_id, event_id)
            cohort.is_changed = True
            return
        first = event_id if cohort is None else min(cohort.first_event_id, event_id)
        last = event_id if cohort is None else max(cohort.last_event_id, event_id)
        self.found_cohort(trace_codes, state, first, last)

    def found_cohort(
        self,
        trace_codes: Collection[str],
        state: CustodyState,
        first_event_id: UUID,
        last_event_id: UUID,
    ) -> None:
        """Take codes out of whatever cohorts they are in and make them a new one."""
        place = self._cohort_of
        for trace_code in trace_codes:
            old = place.get(trace_code)
            self._stored_in.setdefault(trace_code, old)
            if old is not None:
                left = self.cohorts[old]
                left.code_count -= 1
                left.is_changed = True
            place[trace_code] = self.next_cohort_id
        self.cohorts[self.next_cohort_id] = Cohort(
            self.next_cohort_id,
            state,
            len(trace_codes),
            first_event_id,
            last_event_id,
            is_changed=True,
        )
        self.next_cohort_id += 1

    def saw_inside(self, containers: Iterable[str], event_time: datetime) -> None:
        """Note that something inside these containers had an event of its own."""
        for container in containers:
            seen = self.inside_seen.get(container)
            if seen is None or seen < event_time:
                self.inside_seen[container] = event_time
                self.inside_seen_changed.add(container)

    def own_state(self, cohort: Cohort | None) -> CustodyState:
        return UNSEEN if cohort is None else cohort.state

    def created(self) -> dict[str, int]:
        """Return the codes the tables do not hold yet, with their cohort."""
        return {c: self._cohort_of[c] for c, was in self._stored_in.items() if was is None}

    def moved(self) -> dict[str, int]:
        """Return the codes whose stored cohort is another now."""
        return {
            c: self._cohort_of[c]
            for c, was in self._stored_in.items()
            if was is not None and was != self._cohort_of[c]
        }
