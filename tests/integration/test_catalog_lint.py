"""Every table keeps the rules under which it can be spread over a cluster, checked on plain Postgres."""

import re
from pathlib import Path

import pytest

from tracesvc.store.catalog import TABLES, Coordinator, Distributed, Reference
from tracesvc.store.migrate import bundled

SCHEMAS = ["tracesvc", "tracesvc_view"]
SQL_FILES = sorted((Path(__file__).resolve().parents[2] / "tracesvc" / "sql").glob("*.sql"))

TABLES_QUERY = """
SELECT n.nspname || '.' || c.relname AS name, c.oid, c.relpersistence, c.relhasrules, c.relkind
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""
INDEXES_QUERY = """
SELECT i.indisprimary, i.indisunique, i.indisexclusion, c.relname AS name,
       ARRAY(SELECT a.attname::text FROM pg_attribute a
              WHERE a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey::int2[])) AS columns
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = $1
"""
COLUMN_QUERY = """
SELECT format_type(a.atttypid, a.atttypmod) AS type, t.typtype::text, a.attnotnull, a.attgenerated::text,
       a.attidentity::text, coalesce(co.collname::text, '') AS collation
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_collation co ON co.oid = a.attcollation
 WHERE a.attrelid = $1 AND a.attname = $2
"""
FOREIGN_KEYS_QUERY = """
SELECT c.conname, n.nspname || '.' || t.relname AS target
  FROM pg_constraint c JOIN pg_class t ON t.oid = c.confrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
 WHERE c.contype = 'f' AND c.conrelid = $1
"""
TEXT_KEYS_QUERY = """
SELECT DISTINCT c.relname || '.' || a.attname
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey::int2[])
  JOIN pg_collation co ON co.oid = a.attcollation
 WHERE n.nspname = ANY($1) AND co.collname <> 'C'
"""


@pytest.fixture
async def tables(owner):
    """Every table of the service by name, partitions left out."""
    return {row["name"]: row for row in await owner.fetch(TABLES_QUERY, SCHEMAS)}


async def test_every_table_has_its_place_in_the_map(tables):
    """A new table is put into the map, a dropped one taken out, or this fails."""
    assert set(tables) == set(TABLES)


async def test_distributed_tables_can_be_distributed(owner, tables):
    """Primary key, distribution column in every unique index, not null, plain, never generated."""
    for name, place in TABLES.items():
        if not isinstance(place, Distributed):
            continue
        oid = tables[name]["oid"]
        indexes = await owner.fetch(INDEXES_QUERY, oid)
        column = await owner.fetchrow(COLUMN_QUERY, oid, place.column)

        assert any(index["indisprimary"] for index in indexes), name
        for index in indexes:
            if index["indisunique"] or index["indisexclusion"]:
                assert place.column in index["columns"], (name, index["name"])
        assert column["attnotnull"], name
        assert column["typtype"] == "b", f"{name}: a domain cannot distribute"
        assert (column["attgenerated"], column["attidentity"]) == ("", ""), name


async def test_groups_share_type_and_collation(owner, tables):
    """Tables of a group can only lie together where their columns are of one kind."""
    groups = {}
    for name, place in TABLES.items():
        if isinstance(place, Distributed):
            row = await owner.fetchrow(COLUMN_QUERY, tables[name]["oid"], place.column)
            groups.setdefault(place.group, set()).add((row["type"], row["collation"]))

    assert all(len(kinds) == 1 for kinds in groups.values()), groups


async def test_foreign_keys_point_where_they_may(owner, tables):
    """To reference tables, or inside a group; never from a distributed to a coordinator table."""
    for name, place in TABLES.items():
        for key in await owner.fetch(FOREIGN_KEYS_QUERY, tables[name]["oid"]):
            target = TABLES[key["target"]]
            allowed = isinstance(target, Reference) or (
                isinstance(place, Distributed)
                and isinstance(target, Distributed)
                and place.group == target.group
            )
            assert allowed or isinstance(place, Coordinator), (name, key["conname"])


async def test_tables_are_logged_without_rules_and_with_keys(owner, tables):
    """Nothing unlogged, no rules, no narrow identities; every table has a primary key."""
    for name, table in tables.items():
        assert table["relpersistence"] == b"p", name
        assert not table["relhasrules"], name
        assert any(i["indisprimary"] for i in await owner.fetch(INDEXES_QUERY, table["oid"])), name
    narrow = await owner.fetch(
        "SELECT attrelid::regclass::text FROM pg_attribute"
        " WHERE attidentity <> '' AND atttypid <> 'bigint'::regtype"
    )
    assert narrow == []


async def test_text_in_keys_sorts_by_bytes(owner):
    """No index depends on the collation of the machine: an upgrade of its C library breaks none."""
    assert await owner.fetch(TEXT_KEYS_QUERY, SCHEMAS) == []


@pytest.mark.parametrize("path", SQL_FILES, ids=lambda path: path.stem)
def test_queries_use_nothing_that_a_cluster_cannot_do(path):
    """No recursion over codes, no transaction numbers, no `SELECT *`."""
    text = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))

    for forbidden in (
        r"WITH\s+RECURSIVE",
        "pg_current_xact_id",
        "pg_snapshot_xmin",
        r"SELECT\s+\*",
    ):
        assert not re.search(forbidden, text, re.IGNORECASE), forbidden


def test_migrations_begin_with_time_limits_and_are_sent_one_by_one():
    """A migration never waits for ever behind a long transaction, and is never a joined string."""
    for migration in bundled():
        statements = migration.statements()

        assert "lock_timeout" in statements[0], migration.name
        assert "statement_timeout" in statements[1], migration.name
        for statement in statements:
            outside = re.sub(r"\$\$.*?\$\$|--[^\n]*|'[^']*'", "", statement, flags=re.DOTALL)
            assert outside.rstrip().rstrip(";").count(";") == 0, statement[:80]
