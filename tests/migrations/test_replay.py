"""Migrations lead to one schema, whatever the steps, and leave data alone."""

import asyncpg

from tracesvc.store.migrate import bundled, migrate

FINGERPRINT = """
SELECT 'column', format('%s.%s.%s', table_schema, table_name, column_name),
       concat_ws(' ', data_type, is_nullable, column_default, collation_name)
  FROM information_schema.columns WHERE table_schema LIKE 'tracesvc%'
UNION ALL
SELECT 'index', indexname::text, indexdef FROM pg_indexes WHERE schemaname LIKE 'tracesvc%'
UNION ALL
SELECT 'grant', format('%s.%s', table_schema, table_name), grantee || ' ' || privilege_type
  FROM information_schema.table_privileges WHERE table_schema LIKE 'tracesvc%'
UNION ALL
SELECT 'trigger', c.relname::text, t.tgname || ' ' || t.tgenabled::text
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'function', p.oid::regprocedure::text, md5(p.prosrc) || ' ' || p.prosecdef || ' ' || p.proacl::text
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname LIKE 'tracesvc%'
 ORDER BY 1, 2, 3
"""


async def fingerprint(dsn):
    """Everything about the schema that a query can meet."""
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(FINGERPRINT)]
    finally:
        await connection.close()


async def test_file_by_file_and_all_at_once_give_the_same_schema(empty_dsn, fresh_database):
    """A database that lived through every release equals one that was made today."""
    files = bundled()
    for count in range(1, len(files) + 1):
        assert await migrate(empty_dsn, migrations=files[:count]) == [files[count - 1].name]
    at_once = await fresh_database()
    await migrate(at_once)

    assert await fingerprint(empty_dsn) == await fingerprint(at_once)


async def test_two_databases_of_one_server_share_the_role(fresh_database):
    """The service's role belongs to the server; a second database finds it there."""
    for _ in range(2):
        assert await migrate(await fresh_database())


async def test_numbers_are_used_once_and_names_say_their_phase():
    """Files are ordered by number; each name says whether it runs before or after the new code."""
    names = [migration.name for migration in bundled()]

    assert names == sorted(names)
    assert len({name[:4] for name in names}) == len(names)
    assert all(name.endswith((".pre.sql", ".post.sql")) for name in names)
