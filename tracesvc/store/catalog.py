"""Where every table lives once the database is a Citus cluster: the one map of it.

The catalog lint fails for a table that is missing here, and `tracesvc migrate --distribute` makes
its statements from it. Placing a table obliges its keys: the distribution column stands in every
unique index, has the same type and collation throughout its group, and is never updated.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, TypeAlias

SHARD_COUNT: Final = 32


@dataclass(frozen=True, slots=True)
class Distributed:
    """Spread over the workers by a column, beside the other tables of its group."""

    column: str
    group: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Copied whole to every worker: small, read everywhere, seldom written."""


@dataclass(frozen=True, slots=True)
class Coordinator:
    """Kept on the coordinator: work lists, offsets, what one process at a time writes.

    `transactional` tables are written together with distributed ones. Citus must know them, or the
    two commit apart.
    """

    transactional: bool = True


Placement: TypeAlias = Distributed | Reference | Coordinator

TABLES: Final[dict[str, Placement]] = {
    "tracesvc.schema_migration": Coordinator(transactional=False),
    "tracesvc.capture": Coordinator(),
    "tracesvc.capture_key": Coordinator(),
    "tracesvc.rejection": Coordinator(),
    "tracesvc.log_tree": Coordinator(),
    "tracesvc.finding_change": Coordinator(),
    "tracesvc_view.checkpoint": Coordinator(),
    "tracesvc.party": Reference(),
    "tracesvc.api_key": Reference(),
    "tracesvc.scan": Distributed("trace_code", group="code"),
    "tracesvc.trace_event": Distributed("event_id", group="event"),
    "tracesvc.event_digest": Distributed("digest", group="digest"),
    "tracesvc_view.custody": Distributed("trace_code", group="code"),
    "tracesvc_view.finding_subject": Distributed("subject", group="code"),
    "tracesvc_view.cohort": Distributed("cohort_id", group="cohort"),
    "tracesvc_view.finding": Distributed("finding_id", group="finding"),
    "tracesvc_view.document_event": Distributed("actor_id", group="party"),
}
"""schema.table to its place, in the order in which the distribute step takes them: the first table
of a group founds it, and what foreign keys point at comes before what they start from."""


def distribute_statements(*, placed: Collection[str] = ()) -> list[str]:
    """Return the statements that hand the tables not yet `placed` to Citus, one per round trip."""
    founders: dict[str, str] = {}
    statements = [
        "SET citus.enable_local_reference_table_foreign_keys = off",
        "SET citus.enable_unsafe_triggers = on",
    ]
    ranks = {Coordinator: 0, Reference: 1, Distributed: 2}
    for table, place in sorted(TABLES.items(), key=lambda item: ranks[type(item[1])]):
        founder = None
        if isinstance(place, Distributed):
            founder = founders.setdefault(place.group, table)
        if table not in placed:
            statement = _statement(table, place, founder=founder)
            statements.extend([statement] if statement else [])
    return statements


def _statement(table: str, place: Placement, *, founder: str | None) -> str | None:
    match place:
        case Coordinator(transactional=True):
            return f"SELECT citus_add_local_table_to_metadata('{table}')"
        case Coordinator():
            return None
        case Reference():
            return f"SELECT create_reference_table('{table}')"
        case Distributed(column=column):
            beside = (
                f"colocate_with => 'none', shard_count => {SHARD_COUNT}"
                if founder == table
                else f"colocate_with => '{founder}'"
            )
            return f"SELECT create_distributed_table('{table}', '{column}', {beside})"
