"""Two small supply chains, uploaded in every order by the parties themselves."""

import json
import random
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1] / "scenarios"
CORPORA = Path(__file__).parents[3] / "shared" / "corpora" / "cn"
STORIES = sorted(HERE.glob("story-*"))


def in_file_order(uploads):
    return uploads


def reversed_order(uploads):
    return uploads[::-1]


def shuffled_and_twice(uploads):
    doubled = uploads * 2
    random.Random(20260201).shuffle(doubled)
    return doubled


def story_id(story: Path) -> str:
    return story.name


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the shared corpora are not beside this checkout")
def test_the_stories_here_are_those_of_the_shared_corpora():
    """The copies that this repository stands on alone are byte for byte the originals."""
    for story in sorted(CORPORA.glob("story-*")):
        for original in story.iterdir():
            assert (HERE / story.name / original.name).read_bytes() == original.read_bytes()


@pytest.mark.parametrize("order", [in_file_order, reversed_order, shuffled_and_twice])
@pytest.mark.parametrize("story", STORIES, ids=story_id)
async def test_a_story_ends_the_same_in_every_order(api, story, order):
    """Path, status and holder depend on what was reported, not on when it arrived or how often."""
    expected = json.loads((story / "expected.json").read_text())
    for party_id, party_type in expected["parties"].items():
        await api.party(party_id, party_type)
    seen = set()
    for upload in order(expected["uploads"]):
        answer = await api.upload(
            (story / upload["file"]).read_bytes(),
            party=upload["party"],
            format=upload["format"],
            wait="projected",
            **upload.get("params", {}),
        )
        assert answer.status == (200 if upload["file"] in seen else 201), answer.raw
        assert answer.json["state"] == "projected"
        seen.add(upload["file"])

    path = (await api.see(f"/v1/codes/{expected['unit']}/path")).json
    links = [
        [link["kind"], link["from"] or link["actor"], link["to"], link["via"]]
        for link in path["links"]
    ]
    hospital = (await api.see(f"/v1/codes/{expected['unsold_unit_in_hospital']}")).json

    assert links == expected["path"]
    assert (path["status"], path["holder"]) == (expected["status"], expected["holder"])
    assert (path["lot"], path["expiry"]) == (expected["lot"], expected["expiry"])
    assert path["product"] == expected["product"]
    assert hospital["status"] == expected["hospital_status"]


@pytest.mark.parametrize("story", STORIES, ids=story_id)
async def test_a_story_is_recognised_without_being_told_its_formats(api, story):
    """Every file's form can be told from its content."""
    expected = json.loads((story / "expected.json").read_text())
    for upload in expected["uploads"]:
        answer = await api.upload(
            (story / upload["file"]).read_bytes(),
            party=upload["party"],
            dry_run="1",
            **upload.get("params", {}),
        )
        assert answer.status == 200, answer.raw
        assert answer.json["outcome"] == "accepted"
