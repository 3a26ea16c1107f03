"""The repository works wherever it is cloned and says nothing about the machine it was made on."""

import io
import re
import tokenize

MACHINE_PATH = re.compile(r"(?<![\w.}])/(work|root|home|Users|tmp/team)/")

# Written in pieces, so that this file does not contain what it looks for.
_HOSTS = [
    ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("crates", "io"),
    ("debian", "org"), ("ubuntu", "com"), ("golang", "org"), ("docker", "io"), ("docker", "com"),
    ("ghcr", "io"), ("quay", "io"), ("anaconda", "org"), ("rubygems", "org"), ("maven", "org"),
]  # fmt: skip
REGISTRY_HOST = re.compile(
    r"(?<![\w-])(" + "|".join(rf"{name}\.{domain}" for name, domain in _HOSTS) + r")\b"
)
NEIGHBOUR = "../shared"
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")
COMMENT_MARKS = {".sql": "--", ".yml": "#", ".yaml": "#", ".toml": "#", "": "#"}


def comments(text: str, suffix: str) -> list[str]:
    if suffix == ".py":
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        return [token.string for token in tokens if token.type == tokenize.COMMENT]
    mark = COMMENT_MARKS.get(suffix)
    return [] if mark is None else [line for line in text.splitlines() if mark in line]


def test_no_file_names_a_machine_path(repo):
    """No file knows where it was cloned or who its user is."""
    found = [
        f"{repo.name(path)}: {found[0]}"
        for path in repo.files()
        for found in MACHINE_PATH.finditer(repo.text(path))
        if path.name != "test_hygiene.py"
    ]

    assert found == []


def test_no_file_names_a_package_registry_host(repo):
    """Packages are asked for by name; where from is the machine's configuration."""
    found = [
        f"{repo.name(path)}: {found[0]}"
        for path in repo.files()
        for found in REGISTRY_HOST.finditer(repo.text(path))
    ]

    assert found == []


def test_only_tests_look_beside_the_repository(repo):
    """Code and documentation stand alone; only tests may use corpora that lie beside a clone."""
    found = [
        repo.name(path)
        for path in repo.files()
        if not repo.is_under(path, "tests") and NEIGHBOUR in repo.text(path)
    ]

    assert found == []


def test_nothing_cites_a_paper_that_is_not_here(repo):
    """What code and pages rest on is in the repository or is a public standard."""
    absent = re.compile(r"\b(DESIGN|DOMAIN|CITUS|PEERS|STYLE|CONTRACT)\.md\b")
    found = [
        f"{repo.name(path)}: {cited[0]}"
        for path in repo.files()
        for cited in absent.finditer(repo.text(path))
        if path.name != "test_hygiene.py"
    ]

    assert found == []


def test_every_unfinished_thing_has_an_issue(repo):
    """A TODO comment carries the number of the issue that will remove it."""
    found = [
        f"{repo.name(path)}: {comment.strip()}"
        for path in repo.files()
        for comment in comments(repo.text(path), path.suffix)
        if UNFINISHED.search(comment)
    ]

    assert found == []


def test_no_relative_or_star_import(repo):
    """Where a name comes from is written out in full."""
    found = re.compile(r"^\s*from \.|^\s*from \S+ import \*", re.MULTILINE)

    found = [repo.name(path) for path in repo.files(".py") if found.search(repo.text(path))]

    assert found == []
