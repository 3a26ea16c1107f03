"""Reading by code never walks the log: every statement of the code's path goes through an index."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from tracesvc.domain.ids import new_capture_id
from tracesvc.sql import load

SQL = load("history")
EVENTS, CODES_PER_EVENT = 5_000, 20

INSIDE = {
    "scans": "FROM scan AS s WHERE s.trace_code = ANY ({})",
    "parents": "FROM trace_event AS e WHERE e.event_id = ANY ({}) AND e.kind = 'pack'",
    "heads": "FROM trace_event AS e WHERE e.event_id = ANY ({});",
}
"""What the function code_history reads by; EXPLAIN does not look into functions."""

_SEED_EVENTS = """
INSERT INTO trace_event (
    event_id, capture_id, ordinal, digest, kind, event_time, event_offset_min, record_time,
    actor_id, document_number, parent_code, scan_count, voids, body
)
SELECT ('{head}' || lpad(to_hex(n), 5, '0'))::uuid, '{capture}', n, sha256(n::text::bytea),
       CASE n % 5 WHEN 0 THEN 'pack' ELSE 'ship' END, now(), 480, now(),
       'party-' || n % 50, 'bill-' || n, CASE n % 5 WHEN 0 THEN 'case-' || n END, {codes},
       CASE n % 100 WHEN 0 THEN sha256((n - 1)::text::bytea) END, '{{}}'
  FROM generate_series(1, {events}) AS n
"""
_SEED_SCANS = """
INSERT INTO scan (trace_code, event_id, role)
SELECT 'code-' || (n * 7919 + c) % 50000, ('{head}' || lpad(to_hex(n), 5, '0'))::uuid, 0
  FROM generate_series(1, {events}) AS n, generate_series(1, {codes}) AS c
    ON CONFLICT DO NOTHING
"""


@pytest.fixture
async def large_log(owner):
    """A month with a hundred thousand scans: small for the log, large enough for bad plans."""
    capture = new_capture_id(int(datetime.now(UTC).timestamp() * 1000), bytes(7))
    # Ordinals fill the low 20 bits of an event id: its last five hexadecimal digits.
    words = {
        "head": capture.hex[:-5],
        "capture": capture,
        "events": EVENTS,
        "codes": CODES_PER_EVENT,
    }
    await owner.execute(_SEED_EVENTS.format(**words))
    await owner.execute(_SEED_SCANS.format(**words))
    await owner.execute("ANALYZE trace_event, scan")
    return owner


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("scans", (["code-1", "code-2"],)),
        ("scans", ([f"code-{n}" for n in range(300)],)),
        ("parents", ([UUID(int=n) for n in range(20)],)),
        ("heads", ([UUID(int=n) for n in range(20)],)),
        ("voids_of", ([bytes([n]) * 32 for n in range(20)],)),
        ("contested", (["party-1"] * 10, [f"bill-{n}" for n in range(10)], 200)),
        ("packs_into", (["case-5", "case-10"],)),
    ],
)
@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
async def test_a_read_by_code_uses_indexes(large_log, name, arguments, mode):
    """Whether planned for its arguments or for any, no statement scans a filled partition."""
    await large_log.execute(f"SET plan_cache_mode = {mode}")
    statement = f"SELECT 1 {INSIDE[name].format('$1')}" if name in INSIDE else SQL[name]
    plan = json.loads(await large_log.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *arguments))

    walked = [node["Relation Name"] for node in nodes(plan[0]["Plan"]) if walks(node)]
    filled = {row[0] for row in await large_log.fetch(_FILLED)}
    assert filled
    assert not filled & set(walked)


async def test_what_is_explained_is_what_the_function_does(owner):
    """The statements above are those of code_history, so that the guard cannot go stale."""
    source = await owner.fetchval("SELECT prosrc FROM pg_proc WHERE proname = 'code_history'")

    words = " ".join(source.split())
    assert INSIDE["scans"].format("wanted") in words
    assert INSIDE["parents"].format("pack_ids") in words
    assert INSIDE["heads"].format("all_ids") in words


_FILLED = """
SELECT relname FROM pg_class
 WHERE relkind = 'r' AND reltuples > 0 AND relname ~ '^(scan|trace_event)_[0-9]{4}_[0-9]{2}$'
"""


def nodes(plan):
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def walks(node) -> bool:
    return node["Node Type"] == "Seq Scan"
