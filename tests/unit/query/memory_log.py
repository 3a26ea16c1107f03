"""The query stage's ports over plain lists, to ask questions without a database."""

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from itertools import groupby

from tests.builders import histories
from tracesvc.domain.events import ScannedEvent
from tracesvc.domain.findings import FindingSubject
from tracesvc.domain.rules.bill_reuse import document_line
from tracesvc.domain.vocabulary import Kind


class MemoryLog:
    """A log of the given events, which counts how often it is read."""

    def __init__(self, *events: ScannedEvent, regulators: Iterable[str] = ()) -> None:
        self.events = list(events)
        self.reads: list[str] = []
        self._regulators = frozenset(regulators)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["MemoryLog"]:
        yield self

    async def histories(self, trace_codes: Collection[str], scans_max: int):
        del scans_max
        self.reads.append("histories")
        return {c: s for c, s in histories(*self.events).items() if c in trace_codes}

    async def voids_of(self, digests: Collection[bytes]):
        self.reads.append("voids")
        return [one.event for one in self.events if one.event.voids in digests]

    async def contested(self, documents: Collection[tuple[str, str]], events_max: int):
        self.reads.append("documents")
        named = [
            one for one in self.events if (one.event.actor, one.event.document_number) in documents
        ]
        lines = groupby(
            sorted(named, key=lambda one: document_line(one.event)),
            key=lambda one: document_line(one.event),
        )
        return [one for _, ones in lines for one in _if_several(list(ones))][:events_max]

    async def packed_into(self, containers: Collection[str]):
        self.reads.append("packs")
        found = {}
        for one in self.events:
            if one.event.kind is Kind.PACK and one.event.parent in containers:
                found.setdefault(one.event.parent, []).extend(one.codes)
        return found

    async def regulators(self) -> frozenset[str]:
        self.reads.append("regulators")
        return self._regulators


class HeldFindings:
    """What the projection would hold of rules of single events."""

    def __init__(self, *held: FindingSubject) -> None:
        self.held = held

    async def held_against(self, subjects: Collection[str], rule_id: str):
        return [
            one for one in self.held if one.key.subject in subjects and one.key.rule_id == rule_id
        ]


def _if_several(ones: list[ScannedEvent]) -> list[ScannedEvent]:
    return ones if len(ones) > 1 else []
