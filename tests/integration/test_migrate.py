"""The migration runner: whole files, once, by one process, and never on a stranger's schema."""

import asyncio
from pathlib import Path

import pytest

from tracesvc.domain.errors import StoreError
from tracesvc.store import migrate as module
from tracesvc.store.migrate import Migration, bundled, distribute, migrate, pending, pending_on

FIRST = Migration("0001_a.pre.sql", "-- Why.\nCREATE TABLE tracesvc.a (x int);\n-- End.\n")
LATER = Migration("0002_b.post.sql", "CREATE TABLE tracesvc.b (x int); SELECT 1;")


async def test_a_database_is_migrated_once(empty_dsn):
    """The first call applies every file, the second none, and the database is then up to date."""
    names = [migration.name for migration in bundled()]
    assert await pending(empty_dsn) == [n for n in names if n.endswith(".pre.sql")]
    assert await migrate(empty_dsn) == names
    assert await migrate(empty_dsn) == []
    assert await pending(empty_dsn) == []


async def test_the_service_can_ask_what_is_pending(pool):
    """Readiness uses the service's own connections and rights."""
    assert await pending_on(pool) == []


async def test_processes_that_start_together_migrate_once(empty_dsn):
    """One of several concurrent calls does the work; the others wait and find nothing to do."""
    results = await asyncio.gather(*(migrate(empty_dsn) for _ in range(4)))

    assert sorted(map(len, results)) == [0, 0, 0, len(bundled())]


async def test_post_files_can_be_left_for_later(empty_dsn):
    """While old processes still run only the files before the new code are applied."""
    assert await migrate(empty_dsn, migrations=[FIRST, LATER], post=False) == [FIRST.name]
    assert await migrate(empty_dsn, migrations=[FIRST, LATER]) == [LATER.name]


async def test_a_changed_file_is_refused(empty_dsn):
    """A file that was edited after it was applied stops the start, before anything is run."""
    await migrate(empty_dsn, migrations=[FIRST])

    with pytest.raises(StoreError, match=r"0001_a\.pre\.sql was changed"):
        await migrate(empty_dsn, migrations=[Migration(FIRST.name, "SELECT 1;"), LATER])


async def test_a_database_newer_than_the_code_is_refused(empty_dsn):
    """An old release does not start on a schema it was not told about."""
    await migrate(empty_dsn, migrations=[FIRST, LATER])

    with pytest.raises(StoreError, match="newer than this release"):
        await migrate(empty_dsn, migrations=[FIRST])
    with pytest.raises(StoreError, match="newer than this release"):
        await pending(empty_dsn)


async def test_a_failing_file_leaves_nothing_of_itself(empty_dsn):
    """A file is one transaction: what came before its bad statement is gone too."""
    bad = Migration("0002_bad.pre.sql", "CREATE TABLE tracesvc.c (x int); SELECT 1/0;")
    with pytest.raises(StoreError):
        await migrate(empty_dsn, migrations=[FIRST, bad])

    good = Migration("0002_bad.pre.sql", "CREATE TABLE tracesvc.c (x int);")
    assert await migrate(empty_dsn, migrations=[FIRST, good]) == [good.name]


async def test_distribute_needs_a_cluster(dsn):
    """On plain Postgres the step says so instead of failing somewhere."""
    with pytest.raises(StoreError, match="no citus extension"):
        await distribute(dsn)


def test_files_are_found_in_a_wheel_and_in_a_checkout(monkeypatch, tmp_path):
    """The package's own folder comes first, then the repository's; a lost folder is an error."""
    package = tmp_path / "tracesvc"
    package.mkdir()
    monkeypatch.setattr(module.tracesvc, "__file__", str(package / "__init__.py"))
    with pytest.raises(StoreError, match="lost its migrations"):
        bundled()
    for folder, text in (
        (tmp_path / "migrations", "SELECT 1;"),
        (package / "_migrations", "SELECT 2;"),
    ):
        folder.mkdir()
        Path(folder / "0001_a.pre.sql").write_text(text, encoding="utf-8")
        (folder / "roles.sql").touch()
        assert [(m.name, m.text) for m in bundled()] == [("0001_a.pre.sql", text)]
