"""Everything a user can meet has its place in the reference pages, with what the code says."""

import re

import click
import prometheus_client
import pytest

from tracesvc import telemetry
from tracesvc.domain.errors import TraceError
from tracesvc.domain.rules import RULES
from tracesvc.domain.vocabulary import BILL_TYPES, Kind
from tracesvc.http.routes import ROUTES
from tracesvc.wire.decode import FORMATS
from tracesvc.wire.messages import REMEDIES

PAGES = "docs/reference"


def cells(page: str) -> dict[str, str]:
    """Return the rest of each table row by the code in its first cell."""
    return dict(re.findall(r"^\| `([^`]+)` \|(.*)\|$", page, re.MULTILINE))


def shown(default: object) -> str:
    match default:
        case None:
            return "–"
        case bool():
            return f"`{str(default).lower()}`"
        case _:
            return f"`{default}`"


def test_every_setting_is_explained_with_its_default(repo, settings):
    """settings.md has a row for every setting, and no row for anything else."""
    rows = cells(repo.text(f"{PAGES}/settings.md"))

    assert rows.keys() == settings.keys()
    assert {name: rows[name].split("|")[0].strip() for name in rows} == {
        name: shown(default) for name, default in settings.items()
    }


def test_every_error_code_is_explained_in_both_languages(repo):
    """errors.md has a row for every error code, with the remedies the service answers."""
    page = repo.text(f"{PAGES}/errors.md")
    wanted = {
        code: f"| `{code}` | {message.zh} | {message.en} |" for code, message in REMEDIES.items()
    }

    assert [row for row in wanted.values() if row not in page] == []
    assert cells(page).keys() == wanted.keys()


def test_every_code_of_a_raised_error_has_a_remedy():
    """No error reaches a caller without a word on how to mend it."""
    assert {error.error_code for error in descendants(TraceError)} <= REMEDIES.keys()


def descendants(error: type[TraceError]) -> set[type[TraceError]]:
    return {error}.union(*(descendants(special) for special in error.__subclasses__()))


def test_every_rule_is_explained(repo):
    """rules.md has a section for every rule, with the titles, severity and ground the rule bears."""
    sections = repo.sections(f"{PAGES}/rules.md")

    for rule in RULES:
        text = sections[rule.rule_id]

        assert f"**{rule.title_zh} · {rule.title_en}** (`{rule.severity}`)" in text, rule.rule_id
        assert f"Ground 依据: {rule.ground}" in text, rule.rule_id
        assert [value for value in rule.parameters.values() if value not in text] == []


def test_the_table_of_rules_is_the_list_of_rules(repo):
    """The overview of rules.md has one row for each rule, in the order of evaluation."""
    rows = re.findall(r"^\| \[([A-Z]\d+)\]\(#", repo.text(f"{PAGES}/rules.md"), re.MULTILINE)

    assert rows == [rule.rule_id for rule in RULES]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_call_is_explained(repo, route):
    """http-api.md has a section for every call that names each of its parameters."""
    sections = repo.sections(f"{PAGES}/http-api.md")
    text = sections[f"{route.method} {route.path}"]

    assert [p.name for p in route.parameters if f"`{p.name}`" not in text] == []


def test_every_command_is_explained(repo, commands):
    """cli.md has a section for every command that names each of its options and arguments."""
    sections = repo.sections(f"{PAGES}/cli.md")

    assert [name for name in commands if f"tracesvc {name}" not in sections] == []
    missing = {
        name: absent
        for name, command in commands.items()
        if (absent := [o for o in spellings(command) if o not in sections[f"tracesvc {name}"]])
    }
    assert missing == {}


def spellings(command: click.Command) -> list[str]:
    return [
        max(parameter.opts, key=len)
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
    ]


def test_every_metric_is_explained(repo):
    """operations.md says what each metric means."""
    text = repo.text(f"{PAGES}/operations.md")
    metrics = [
        next(iter(metric.describe())).name
        for metric in vars(telemetry).values()
        if isinstance(metric, prometheus_client.metrics.MetricWrapperBase)
    ]

    assert metrics
    assert [name for name in metrics if f"`{name}" not in text] == []


def test_every_format_has_an_example(repo):
    """formats.md has a section for each format an upload can have."""
    headings = repo.headings(f"{PAGES}/formats.md")

    assert [name for name in FORMATS if name not in headings] == []


def test_every_bill_type_and_kind_is_listed(repo):
    """formats.md lists the kinds and the bill types as the vocabulary has them."""
    rows = cells(repo.text(f"{PAGES}/formats.md"))

    assert [kind for kind in Kind if kind not in rows] == []
    for bill in BILL_TYPES:
        row = rows[str(bill.number)]

        assert f" {bill.label_zh} | {bill.label_en} | `{bill.kind}` | `{bill.reason}` |" in row


def test_every_glossary_word_is_used_once(repo):
    """The glossary explains a word in one place."""
    words = re.findall(r"^\| ([a-z][^|]*?) \|", repo.text("docs/glossary.md"), re.MULTILINE)

    assert len(words) == len(set(words))
