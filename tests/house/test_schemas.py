"""The JSON Schemas in the repository are those of the wire models."""

from tracesvc.wire.schemas import documents


def test_the_schema_files_are_current(repo):
    """A changed wire form is seen in review, as a changed file in schemas/."""
    found = {path.name: path.read_bytes() for path in (repo.root / "schemas").iterdir()}
    wanted = documents()

    assert found.keys() == wanted.keys()
    assert [name for name, content in wanted.items() if found[name] != content] == []
