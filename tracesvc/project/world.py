"""The part of the custody view that one turn touches, held in memory until it is saved."""

from collections import defaultdict
from collections.abc import Iterable
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
            for cohort_id, codes, seen_codes, seen_times in members:
                self._cohort_of.update(dict.fromkeys(codes, cohort_id))
                self.inside_seen.update(zip(seen_codes, seen_times, strict=True))
            cohort_ids = {one.cohort_id for one in members}
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

    def settle(
        self,
        groups: Iterable[tuple[Cohort | None, list[str]]],
        state: CustodyState,
        first_event_id: UUID,
        last_event_id: UUID,
    ) -> None:
        """Give codes of several cohorts one state, and make them one cohort where that is new.

        A cohort that has the state already only learns of the events; one that is meant as a whole
        and alone changes in place, whatever its size; all others leave theirs and come together.
        """
        leaving: list[tuple[Cohort | None, list[str]]] = []
        for cohort, trace_codes in groups:
            if cohort is not None and cohort.state == state:
                cohort.widen(first_event_id, last_event_id)
            else:
                leaving.append((cohort, trace_codes))
        if len(leaving) == 1:
            cohort, trace_codes = leaving[0]
            if cohort is not None and len(trace_codes) == cohort.code_count:
                cohort.state = state
                cohort.widen(first_event_id, last_event_id)
                return
        if leaving:
            self._found_cohort(leaving, Cohort(0, state, 0, first_event_id, last_event_id))

    def _found_cohort(
        self, leaving: list[tuple[Cohort | None, list[str]]], founded: Cohort
    ) -> None:
        founded.cohort_id = self.next_cohort_id
        self.next_cohort_id += 1
        self.cohorts[founded.cohort_id] = founded
        for cohort, trace_codes in leaving:
            if cohort is not None:
                cohort.code_count -= len(trace_codes)
                cohort.is_changed = True
                founded.widen(cohort.first_event_id, cohort.last_event_id)
            old = None if cohort is None else cohort.cohort_id
            for trace_code in trace_codes:
                self._stored_in.setdefault(trace_code, old)
                self._cohort_of[trace_code] = founded.cohort_id
            founded.code_count += len(trace_codes)
        founded.is_changed = True

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
