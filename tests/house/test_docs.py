"""The pages hang together: links lead somewhere, commands exist, decisions keep their form."""

import re

LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
MAKE_COMMAND = re.compile(r"\bmake ([a-z][a-z-]*)\b")
TARGET = re.compile(r"^(?P<name>[a-z][a-z-]*):.*?## \S", re.MULTILINE)
README_COMMANDS = {"demo", "test"}
DECISION_PARTS = ("**Status:** ", "## Context", "## Decision", "## What we gave up")


def anchor(heading: str) -> str:
    """Return a heading's anchor as forges make it: lower case, blanks to dashes, marks dropped."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_link_between_pages_leads_somewhere(repo):
    """A link to a file names a file of ours, and a link to a section names a heading in it."""
    broken = []
    for page in repo.files(".md"):
        for found in LINK.finditer(repo.prose(page)):
            target, _, section = found["target"].partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            other = (page.parent / target).resolve() if target else page
            if not other.exists() or (
                section and section not in map(anchor, repo.headings(other))
            ):
                broken.append(f"{repo.name(page)}: {found['target']}")

    assert broken == []


def test_the_pages_name_files_that_exist(repo):
    """A path in the documentation can be opened."""
    named = re.compile(r"`((?:tracesvc|tests|docs|migrations|schemas|loadtests)/[\w./-]*)`")
    missing = {
        f"{repo.name(page)}: {path}"
        for page in repo.files(".md")
        for path in named.findall(repo.text(page))
        if "NNNN" not in path and not (repo.root / path).exists()
    }

    assert missing == set()


def test_every_page_is_reached_from_the_readme(repo):
    """Nobody has to guess that a page exists."""
    start = repo.root / "README.md"
    reached, waiting = {start}, [start]
    while waiting:
        page = waiting.pop()
        for found in LINK.finditer(repo.prose(page)):
            target = found["target"].partition("#")[0]
            other = (page.parent / target).resolve()
            if target.endswith(".md") and other.exists() and other not in reached:
                reached.add(other)
                waiting.append(other)
    pages = {path for path in repo.files(".md") if repo.is_under(path, "docs")}

    found = {repo.name(path) for path in pages - reached}

    assert found == set()


def test_make_prints_its_targets_and_the_pages_name_no_other(repo):
    """Every `make` command in the documentation is a documented target of the Makefile."""
    targets = {found["name"] for found in TARGET.finditer(repo.text("Makefile"))}
    inside_code = re.compile(r"`[^`\n]*`|^```.*?^```", re.MULTILINE | re.DOTALL)
    named = {
        (repo.name(page), command)
        for page in repo.files(".md")
        for code in inside_code.findall(repo.text(page))
        for command in MAKE_COMMAND.findall(code)
    }

    assert targets >= README_COMMANDS
    found = {(page, command) for page, command in named if command not in targets}

    assert found == set()


def test_the_readme_names_two_commands(repo):
    """A newcomer needs to know two commands, and the page shows these two."""
    blocks = "".join(
        re.findall(r"^```sh\n(.*?)^```", repo.text("README.md"), re.MULTILINE | re.DOTALL)
    )

    assert set(MAKE_COMMAND.findall(blocks)) == README_COMMANDS


def test_decisions_keep_their_form(repo):
    """Every decision is numbered once and says status, context, decision and what it cost."""
    records = sorted((repo.root / "docs" / "decisions").glob("[0-9]*.md"))
    index = repo.text("docs/decisions/README.md")

    assert [f"{number:04d}" for number in range(1, len(records) + 1)] == [
        record.name[:4] for record in records
    ]
    found = [record.name for record in records if f"({record.name})" not in index]

    assert found == []
    found = [
        f"{record.name}: {part}"
        for record in records
        for part in DECISION_PARTS
        if part not in repo.text(record)
    ]

    assert found == []


def test_the_changelog_has_a_place_for_the_next_change(repo):
    """The changelog keeps the form of Keep a Changelog, newest first, beginning with Unreleased."""
    assert repo.headings("CHANGELOG.md")[:2] == ["Changelog", "Unreleased"]
