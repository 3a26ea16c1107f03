"""The load tests themselves work; what they measure is not judged here."""

import asyncio
import json
import sys
from pathlib import Path

from loadtests.__main__ import SCENARIOS

ROOT = Path(__file__).resolve().parents[2]
SECONDS_MAX = 180


async def test_a_short_run_measures_everything(tmp_path):
    """`python -m loadtests --quick` ends with 0 and has a figure for every scenario and target."""
    report = tmp_path / "figures.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loadtests", "--quick", "--json", str(report), cwd=ROOT
    )
    async with asyncio.timeout(SECONDS_MAX):
        assert await process.wait() == 0

    figures = json.loads(report.read_text())["figures"]
    assert {figure["scenario"] for figure in figures} == set(SCENARIOS)
    judged = {figure["scenario"] for figure in figures if figure["is_met"] is not None}
    assert judged == set(SCENARIOS)
    measured = [figure for figure in figures if figure["unit"] in {"ratio", "codes/s", "MB"}]
    assert all(sample > 0 for figure in measured for sample in figure["samples"])
