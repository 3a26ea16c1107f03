"""What a run promises: the same bytes again, uploads in order of time, sizes as planned."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from tracesvc.domain.vocabulary import Kind
from tracesvc.simulate.files import MANIFEST, read_uploads, write_truth, write_uploads
from tracesvc.simulate.participants import Form
from tracesvc.simulate.plan import (
    UploadHabits,
    demo_plan,
    evening_plan,
    province_plan,
)
from tracesvc.simulate.simulation import Simulation

DAY = date(2026, 1, 20)


@pytest.fixture(scope="module")
def demo():
    simulation = Simulation(demo_plan(DAY))
    uploads = list(simulation.uploads())
    return uploads, simulation.truth()


@pytest.mark.parametrize("plan", [demo_plan(DAY), evening_plan(DAY, bills=2, codes_max=1200)])
def test_the_same_plan_gives_the_same_bytes(plan):
    """Two runs of one plan agree in every field of every upload, and in the truth."""
    first, second = Simulation(plan), Simulation(plan)

    assert list(first.uploads()) == list(second.uploads())
    assert first.truth() == second.truth()


def test_a_simulation_runs_once():
    """A second iteration would go on from the end of the first, so it is refused."""
    simulation = Simulation(demo_plan(DAY))
    list(simulation.uploads())

    with pytest.raises(RuntimeError, match="once"):
        next(simulation.uploads())


def test_another_seed_gives_another_run(demo):
    """The seed changes what happens."""
    uploads, _ = demo

    other = list(Simulation(demo_plan(DAY, seed=2)).uploads())

    assert other != uploads


@pytest.mark.parametrize(
    "other", [demo_plan(DAY, seed=2), demo_plan(DAY + timedelta(days=1)), demo_plan(DAY, days=4)]
)
def test_two_runs_can_go_into_one_service(demo, other):
    """Another seed, date or size gives other parties, keys and codes; the last day may be shared."""
    uploads, truth = demo
    simulation = Simulation(other)

    others = list(simulation.uploads())

    parties = {party["party_id"] for party in truth["parties"]}
    assert parties.isdisjoint(p.party_id for p in simulation.participants)
    keys = {upload.idempotency_key for upload in uploads}
    assert keys.isdisjoint(upload.idempotency_key for upload in others)
    units = {sample["unit"] for sample in truth["samples"]}
    assert units.isdisjoint(sample["unit"] for sample in simulation.truth()["samples"])


def test_habits_leave_the_world_as_it_is(demo):
    """With every upload in time, the same things happen to the same packs."""
    _, truth = demo
    punctual = Simulation(replace(demo_plan(DAY), uploads=UploadHabits()))
    list(punctual.uploads())

    assert punctual.truth()["samples"] == truth["samples"]
    assert punctual.truth()["counts"]["events"] == truth["counts"]["events"]


def test_uploads_come_in_order_of_time(demo):
    """No upload is yielded after a later one, late and repeated ones included."""
    uploads, _ = demo

    times = [upload.upload_time for upload in uploads]

    assert times == sorted(times)
    assert times[0].date() == DAY - timedelta(days=4)


def test_the_demo_shows_every_kind_of_event_party_and_form(demo):
    """A visitor of the demo finds an example of everything."""
    _, truth = demo

    assert set(truth["counts"]["events"]) == {kind.value for kind in Kind}
    assert set(truth["counts"]["uploads_by_format"]) == {form.value for form in Form}
    assert {party["type"] for party in truth["parties"]} == {
        "manufacturer",
        "mah",
        "wholesaler",
        "pharmacy",
        "hospital",
        "cdc",
        "vaccination_unit",
        "logistics",
    }
    assert {"dispensed", "vaccinated", "in_stock"} <= {s["status"] for s in truth["samples"]}
    assert any(len(via) == 3 for s in truth["samples"] for *_, via in s["path"])
    assert 500 < truth["counts"]["units_made"] < 2000


def test_every_upload_has_a_key_of_its_own(demo):
    """Only a retry shares key and name with another upload, and it has the same bytes."""
    uploads, _ = demo
    once = [upload for upload in uploads if not upload.is_repeat]
    repeats = [upload for upload in uploads if upload.is_repeat]
    by_name = {(upload.party_id, upload.filename): upload for upload in once}

    assert len({upload.idempotency_key for upload in once}) == len(once) == len(by_name)
    assert repeats
    for repeat in repeats:
        original = by_name[repeat.party_id, repeat.filename]
        assert repeat.payload == original.payload
        assert repeat.upload_time > original.upload_time


def test_late_shares_are_kept():
    """About the planned share of uploads comes hours or days after its evening."""
    plan = replace(
        province_plan(DAY, days=6, parties=60, codes=20_000),
        uploads=UploadHabits(late_share=0.3, days_late_share=0.5),
    )

    uploads = list(Simulation(plan).uploads())

    late = [
        u
        for u in uploads
        if not 20 <= u.upload_time.hour < 21 or u.upload_time.date() > plan.last_day
    ]
    assert 0.15 < len(late) / len(uploads) < 0.4
    assert max(u.upload_time for u in uploads).date() > plan.last_day


def test_evening_bills_have_the_sizes_asked_for():
    """Each consignment is four uploads within the bounds; production is in relation files only."""
    plan = evening_plan(DAY, bills=6, codes_min=1000, codes_max=2000, units_per_carton=3)

    uploads = list(Simulation(plan).uploads())

    bills = [u for u in uploads if u.format != "relation-xml"]
    assert sum(u.event_count for u in bills) == 6 * 4
    sizes = sorted(u.code_count for u in bills)
    assert sizes[0] >= 1000
    assert sum(sizes) % 4 == 0
    assert 6 * 4 * 1000 <= sum(sizes) <= 6 * 4 * 2000


def test_bills_above_the_limit_are_split_into_parts():
    """No bill upload holds more codes than the limit, and the parts of a bill are numbered."""
    plan = replace(evening_plan(DAY, bills=3, codes_min=900, codes_max=1000), bill_codes_max=400)

    uploads = [u for u in Simulation(plan).uploads() if u.format == "bill-xml"]

    assert uploads
    assert max(u.code_count for u in uploads) == 400
    assert {u.params["part"] for u in uploads} == {"1", "2", "3"}
    assert any(u.filename.endswith("_3.xml") for u in uploads)


def test_a_province_has_about_the_parties_and_codes_asked_for():
    """Parties are met exactly, codes within a quarter even on a short run."""
    simulation = Simulation(province_plan(DAY, days=20, parties=80, codes=60_000))

    uploads = list(simulation.uploads())

    assert len(simulation.participants) == 80
    assert 45_000 < sum(upload.code_count for upload in uploads) < 75_000


def test_a_run_survives_being_written_and_read(tmp_path: Path, demo):
    """Files and manifest hold everything an upload has."""
    uploads, truth = demo

    written = write_uploads(uploads, tmp_path)
    path = write_truth(truth, tmp_path)

    assert written == len(uploads)
    assert list(read_uploads(tmp_path)) == uploads
    assert path.read_text(encoding="utf-8").startswith("{")
    assert len((tmp_path / MANIFEST).read_bytes().splitlines()) == len(uploads)
