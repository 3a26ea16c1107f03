"""What a turn has to say about findings: subjects that appear and subjects that vanish."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tracesvc.domain.custody import Identity
from tracesvc.domain.findings import FindingGroup, FindingSubject, SubjectKey, group_of
from tracesvc.domain.projection import Cause
from tracesvc.domain.rules.base import Observation

if TYPE_CHECKING:
    from uuid import UUID


class FindingBook:
    """Collects the turn's last word on every (subject, rule, event); the store counts per finding."""

    def __init__(self) -> None:
        self.groups: dict[UUID, FindingGroup] = {}
        self.added: dict[SubjectKey, tuple[FindingSubject, Cause]] = {}
        self.removed: dict[SubjectKey, Cause] = {}

    def add(
        self,
        subjects: Iterable[str],
        observation: Observation,
        identity: Identity,
        *,
        cause: Cause,
    ) -> None:
        group = group_of(observation, identity)
        self.groups[group.finding_id] = group
        for subject in subjects:
            key = SubjectKey(subject, observation.rule_id, observation.event.digest)
            self.removed.pop(key, None)
            self.added[key] = (
                FindingSubject(
                    key=key, finding_id=group.finding_id, evidence=observation.evidence
                ),
                cause,
            )

    def remove(
        self, subjects: Iterable[str], rule_id: str, event_digest: bytes, *, cause: Cause
    ) -> None:
        for subject in subjects:
            key = SubjectKey(subject, rule_id, event_digest)
            self.added.pop(key, None)
            self.removed[key] = cause

    def forget(self, subjects: set[str], rule_ids: frozenset[str]) -> None:
        """Drop what this turn said of subjects under all rules but these: they are judged anew."""
        if not subjects:
            return
        self.added = {
            k: v
            for k, v in self.added.items()
            if k.subject not in subjects or k.rule_id in rule_ids
        }
        self.removed = {
            k: v
            for k, v in self.removed.items()
            if k.subject not in subjects or k.rule_id in rule_ids
        }

    def replace(
        self,
        held: Iterable[FindingSubject],
        found: dict[SubjectKey, tuple[FindingSubject, FindingGroup]],
        *,
        cause_of: dict[str, Cause],
    ) -> None:
        """Note the difference between what is held against re-folded codes and what holds now."""
        held_by_key = {subject.key: subject for subject in held}
        for key, subject in held_by_key.items():
            now = found.get(key)
            if now is None or now[0].finding_id != subject.finding_id:
                self.removed[key] = cause_of[key.subject]
        for key, (now_subject, group) in found.items():
            before = held_by_key.get(key)
            if before != now_subject:
                self.groups[group.finding_id] = group
                self.added[key] = (now_subject, cause_of[key.subject])
