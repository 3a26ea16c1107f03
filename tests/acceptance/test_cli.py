"""The command line on a machine of its own: an empty directory and an embedded Postgres."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

import psutil
import pytest

ROOT = Path(__file__).parents[2]
STORY = ROOT / "tests" / "scenarios" / "story-clean"
MAKER = "91140100MA00010048"
UNIT = "84103910003280448792"


def environment() -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TRACESVC_")}
    return {**inherited, "PYTHONPATH": str(ROOT), "TRACESVC_LOG_FORMAT": "json"}


def command(*args: str, data_dir: Path) -> list[str]:
    return [sys.executable, "-m", "tracesvc", *args, "--data-dir", str(data_dir)]


def run(*args: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*args, data_dir=data_dir),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# The addresses opened here are those of the service just started.
# ruff: noqa: S310


class Served:
    """A `tracesvc serve` in a process of its own."""

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(exist_ok=True)
        self.log = data_dir / "serve.log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command("serve", "--port", "0", data_dir=data_dir),
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.line = self.process.stdout.readline()
        self.url = self.line.split()[-1]

    def stop(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGTERM)
        with self.process.stdout as out:
            rest = out.read()
        return self.process.wait(timeout=60), rest

    def get(self, path: str, key: str) -> dict:
        with urlopen(Request(self.url + path, headers={"X-API-Key": key}), timeout=30) as answer:
            return json.loads(answer.read())

    def post(self, path: str, key: str, body: bytes) -> dict:
        asked = Request(self.url + path, data=body, headers={"X-API-Key": key})
        with urlopen(asked, timeout=30) as answer:
            return json.loads(answer.read())


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cli") / "data"


def test_a_whole_day_on_the_command_line(data_dir):
    """Serve, register, import, ask, verify, rebuild, lose the loops, stop, and start again."""
    served = Served(data_dir)
    try:
        _a_day(served, data_dir)
    finally:
        code, rest = served.stop()

    assert re.fullmatch(r"tracesvc ready at http://127\.0\.0\.1:\d+\n", served.line)
    assert (code, rest) == (0, ""), served.log.read_text()[-4000:]
    assert not (data_dir / "service.json").exists()
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(data_dir) in _line(p)]
    _the_next_morning(data_dir)


def _line(process: psutil.Process) -> str:
    return " ".join(process.info["cmdline"] or ())


def _a_day(served: Served, data_dir: Path) -> None:
    added = run(
        "parties", "add", MAKER, "--type", "manufacturer", "--name", "M", data_dir=data_dir
    )
    assert added.returncode == 0, added.stderr
    again = run(
        "parties", "add", MAKER, "--type", "manufacturer", "--name", "X", data_dir=data_dir
    )
    assert again.returncode == 1
    assert "already_there" in again.stderr

    key = run("keys", "create", "--role", "regulator", data_dir=data_dir).stdout.splitlines()[-1]
    assert key.startswith("tsk_")
    listed = run("keys", "list", "--json", data_dir=data_dir)
    assert [row["roles"] for row in json.loads(listed.stdout)] == ["regulator"]
    assert key not in listed.stdout

    imported = run(
        "import", str(STORY / "1-relation.xml"), str(STORY / "2-maker-out.xml"),
        "--party", MAKER, "--param", "event_time=2026-01-05T18:00:00+08:00", "--json",
        data_dir=data_dir,
    )  # fmt: skip
    assert imported.returncode == 0, imported.stdout + imported.stderr
    assert [row["outcome"] for row in json.loads(imported.stdout)] == ["accepted"] * 2
    broken = data_dir / "broken.json"
    broken.write_text("{")
    assert run("import", str(broken), "--party", MAKER, data_dir=data_dir).returncode == 1

    _wait_projected(served, key)
    assert served.get(f"/v1/codes/{UNIT}", key)["status"] == "in_transit"
    assert json.loads(run("verify", "--json", data_dir=data_dir).stdout)["tree_size"] == 2
    rebuilt = run("rebuild", "--json", data_dir=data_dir)
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert json.loads(rebuilt.stdout)["is_equal"]
    _lose_the_loops(served, data_dir)


def _lose_the_loops(served: Served, data_dir: Path) -> None:
    """The process of the loops is killed; another takes over and projects what came meanwhile."""
    (loops,) = psutil.Process(served.process.pid).children()
    loops.kill()
    key = run(
        "keys", "create", "--role", "uploader", "--party", MAKER, data_dir=data_dir
    ).stdout.splitlines()[-1]
    event = {"kind": "activate", "event_time": "2026-01-05T18:00:00+08:00", "codes": [UNIT]}
    body = json.dumps([event]).encode()
    receipt = served.post("/v1/captures?wait=projected", key, body)
    assert receipt["state"] == "projected"


def _wait_projected(served: Served, key: str) -> None:
    deadline = time.monotonic() + 30
    while served.get("/readyz", key)["lag_captures"] != 0 or not _all_sequenced(served, key):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _all_sequenced(served: Served, key: str) -> bool:
    return all(c["state"] == "projected" for c in served.get("/v1/captures", key)["items"])


def _the_next_morning(data_dir: Path) -> None:
    """What was stored yesterday is there, and its key still works."""
    served = Served(data_dir)
    try:
        key = run("keys", "create", "--role", "auditor", data_dir=data_dir).stdout.splitlines()[-1]
        assert len(served.get("/v1/captures", key)["items"]) == 3
        assert served.get(f"/v1/codes/{UNIT}/path", key)["links"]
    finally:
        assert served.stop()[0] == 0


@pytest.mark.parametrize(
    "args",
    [
        ("nonsense",),
        ("keys", "create"),
        ("keys", "create", "--role", "uploader"),
        ("import", "/does/not/exist", "--party", "x"),
        ("simulate", "--plan", "evening", "--parties", "3", "--out", "x"),
        ("serve", "--port", "99999"),
    ],
)
def test_wrong_usage_is_exit_code_2(args, tmp_path):
    """What cannot be understood is told from what failed."""
    done = subprocess.run(
        [sys.executable, "-m", "tracesvc", *args],
        env={**environment(), "TRACESVC_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2, done.stderr
    assert "Usage" in done.stderr or "Error" in done.stderr
