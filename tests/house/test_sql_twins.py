"""SQL lives in files, and each file has one module that runs it."""

import ast
import re
from pathlib import Path

NAME = re.compile(r"^-- name: (?P<name>[a-z][a-z0-9_]*)[#!$^*<-]*[ !]*\s*$", re.MULTILINE)
STATEMENT = re.compile(
    r"\s*(SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|WITH|COPY|TRUNCATE|CREATE|ALTER|DROP|GRANT"
    r"|REVOKE|LISTEN|NOTIFY|LOCK\s+TABLE|SET\s+(LOCAL|ROLE))\s+\S"
)
SQL_HOMES = ("tests", "loadtests")
GENERATED = {
    "tracesvc/store/catalog.py": "the distribute step for Citus is derived from the map of tables",
    "tracesvc/store/embedded.py": "asks psql for the database before anything can connect to it",
}
FORBIDDEN = {
    "SELECT *": re.compile(r"\bSELECT\s+\*(?!\s+FROM\s+unnest)", re.IGNORECASE),
    "recursive query": re.compile(r"\bWITH\s+RECURSIVE\b", re.IGNORECASE),
    "transaction numbers": re.compile(r"pg_current_xact_id|pg_snapshot_xmin", re.IGNORECASE),
}


def loaded_families(tree: ast.AST) -> dict[str, str]:
    """Return which variables hold which family of queries: `_SQL = load("custody")`."""
    found = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(
                targets=[ast.Name(id=variable)],
                value=ast.Call(func=ast.Name(id="load"), args=[ast.Constant(value=str(family))]),
            ):
                found[variable] = family
            case ast.AnnAssign(
                target=ast.Name(id=variable),
                value=ast.Call(func=ast.Name(id="load"), args=[ast.Constant(value=str(family))]),
            ):
                found[variable] = family
    return found


def asked_names(tree: ast.AST) -> set[str]:
    """Return the names a module takes directly from the queries it loaded."""
    families = loaded_families(tree)
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Name(id=variable), slice=ast.Constant(value=str(name))):
                if variable in families:
                    names.add(name)
    return names


def strings(tree: ast.AST) -> set[str]:
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def docstrings(tree: ast.AST) -> set[int]:
    """Return the lines on which bare strings begin: docstrings, also those of constants."""
    return {
        node.value.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def sql_strings(path: Path, text: str) -> list[str]:
    tree = ast.parse(text)
    prose = docstrings(tree)
    return [
        f"{path.name}:{node.lineno}: {node.value.strip()[:60]}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.lineno not in prose
        and STATEMENT.match(node.value)
    ]


def test_every_sql_file_has_a_store_module_of_the_same_name(repo):
    """The queries of `sql/x.sql` are run by `store/x.py` and loaded nowhere else."""
    loaded = {
        (repo.name(path), family)
        for path in repo.files(".py")
        if repo.is_under(path, "tracesvc")
        for family in loaded_families(ast.parse(repo.text(path))).values()
    }
    families = {path.stem for path in (repo.root / "tracesvc" / "sql").glob("*.sql")}

    assert loaded == {(f"tracesvc/store/{family}.py", family) for family in families}


def test_every_query_is_used_and_every_used_query_exists(repo):
    """No query is left over, and no module asks for one that is not there."""
    unused, unknown = [], []
    for path in (repo.root / "tracesvc" / "sql").glob("*.sql"):
        written = set(NAME.findall(repo.text(path)))
        tree = ast.parse(repo.text(repo.root / "tracesvc" / "store" / f"{path.stem}.py"))
        # A name may reach the loaded queries through a helper, so any mention of it is a use.
        unused += sorted(f"{path.stem}: {name}" for name in written - strings(tree))
        unknown += sorted(f"{path.stem}: {name}" for name in asked_names(tree) - written)

    assert unused == []
    assert unknown == []


def test_no_query_is_named_twice(repo):
    """A name finds one query, within its family."""
    for path in (repo.root / "tracesvc" / "sql").glob("*.sql"):
        names = NAME.findall(repo.text(path))

        assert len(names) == len(set(names)), path.name


def test_python_contains_no_sql(repo):
    """No statement is written in Python, where nobody looks for it."""
    found = [
        line
        for path in repo.files(".py")
        if not repo.is_under(path, *SQL_HOMES) and repo.name(path) not in GENERATED
        for line in sql_strings(path, repo.text(path))
    ]

    assert found == []


def test_queries_keep_the_rules_for_every_server(repo):
    """Columns are spelled out, and nothing is used that a cluster cannot promise."""
    found = [
        f"{repo.name(path)}: {what}"
        for path in repo.files(".sql")
        for what, pattern in FORBIDDEN.items()
        if pattern.search(re.sub(r"--.*", "", repo.text(path)))
    ]

    assert found == []
