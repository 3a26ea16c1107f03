"""What the container files name exists: commands, settings, paths of the API and of the tree."""

import re
from typing import Any

import yaml

SETTING = re.compile(r"\b(TRACESVC_[A-Z0-9_]+)")
CALLED_PATH = re.compile(r"http://127\.0\.0\.1:8080(/[a-z]+)")
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")
COPIED = re.compile(r"^COPY (?!--from)(?P<sources>.+) \S+$", re.MULTILINE)


def compose(repo) -> dict[str, Any]:
    return yaml.safe_load(repo.text("docker-compose.yml"))


def test_the_compose_file_runs_commands_that_exist(repo, command_names):
    """Every service of ours runs a command of the command line."""
    services = compose(repo)["services"]
    ours = {name: s["command"] for name, s in services.items() if s.get("image") == "tracesvc"}

    assert set(ours) == {"migrate", "api", "worker"}
    assert {command[0] for command in ours.values()} <= command_names


def test_the_service_waits_for_what_it_needs(repo):
    """Nothing starts before Postgres is healthy and the tables are there."""
    services = compose(repo)["services"]

    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    for name in ("api", "worker"):
        waits = services[name]["depends_on"]["migrate"]["condition"]

        assert waits == "service_completed_successfully"


def test_the_container_files_use_settings_that_exist(repo, setting_names):
    """A misspelt setting would be ignored in silence."""
    named = {
        name
        for file in ("Dockerfile", "docker-compose.yml")
        for name in SETTING.findall(repo.text(file))
    }

    assert named <= setting_names


def test_the_health_checks_ask_paths_that_exist(repo, paths):
    """A health check of a path that is not there would restart a healthy service."""
    asked = {
        path
        for file in ("Dockerfile", "docker-compose.yml")
        for path in CALLED_PATH.findall(repo.text(file))
    }

    assert asked
    assert asked <= paths


def test_the_image_is_built_from_files_that_exist_and_are_sent(repo):
    """Whatever the Dockerfile copies is in the tree and not hidden by .dockerignore."""
    sources = {
        source
        for copied in COPIED.finditer(repo.text("Dockerfile"))
        for source in copied["sources"].split()
    }
    sent = set(re.findall(r"^!(.+?)/?$", repo.text(".dockerignore"), re.MULTILINE))

    assert sources == sent
    assert [source for source in sources if not (repo.root / source).exists()] == []


def test_the_image_does_not_run_as_root(repo):
    """The last user named before the command is the service's own."""
    users = re.findall(r"^USER (\S+)$", repo.text("Dockerfile"), re.MULTILINE)

    assert users == ["tracesvc"]


def test_every_action_is_pinned_by_its_hash(repo):
    """A tag can be moved; a hash cannot."""
    workflows = sorted((repo.root / ".github" / "workflows").glob("*.yml"))
    used = [
        step["uses"]
        for path in workflows
        for job in yaml.safe_load(repo.text(path))["jobs"].values()
        for step in job["steps"]
        if "uses" in step
    ]

    assert used
    assert [action for action in used if not PINNED.match(action)] == []


def test_ci_runs_what_developers_run(repo):
    """CI has no checks of its own: it runs `make check`."""
    assert "make --no-print-directory check" in repo.text(".ci/run")
    assert "bash .ci/run" in repo.text(".github/workflows/ci.yml")
