"""The simulator and the service agree: a clean run is read without loss and judged without a finding."""

from collections import Counter, defaultdict
from datetime import UTC, date

import pytest

from tracesvc.domain.ids import new_capture_id
from tracesvc.domain.ledger import Ledger, Scan, in_force
from tracesvc.domain.rules import observe
from tracesvc.domain.rules.bill_reuse import bill_reuse, document_line
from tracesvc.domain.vocabulary import VOIDING, Role
from tracesvc.simulate.plan import demo_plan, evening_plan, province_plan
from tracesvc.simulate.simulation import Simulation
from tracesvc.wire.context import DecodeContext, WireLimits
from tracesvc.wire.decode import decode

DAY = date(2026, 1, 20)
PLANS = {
    "demo": demo_plan(DAY),
    "demo of another seed": demo_plan(DAY, seed=5),
    "province": province_plan(DAY, days=8, parties=40, codes=8_000),
    "evening": evening_plan(DAY, bills=2, codes_min=50, codes_max=100),
}


class Reading:
    """Every upload of a run decoded as the service would at the moment it arrives."""

    def __init__(self, simulation):
        self.events = {}
        self.kinds = Counter()
        self.rejections = []
        self.miscounted = []
        digests = {}
        for number, upload in enumerate(simulation.uploads()):
            decoded = decode(
                self.filled(upload, digests),
                format=upload.format,
                context=self.context(upload, number),
                limits=WireLimits(),
            )
            self.rejections += decoded.rejections
            if len(decoded.events) != upload.event_count:
                self.miscounted.append(upload.filename)
            digests[upload.idempotency_key] = [one.event.digest for one in decoded.events]
            for one in decoded.events:
                if self.events.setdefault(one.event.digest, one) is one:
                    self.kinds[one.event.kind.value] += 1

    @staticmethod
    def filled(upload, digests):
        if upload.awaits is None:
            return upload.payload
        digest = digests[upload.awaits.idempotency_key][upload.awaits.ordinal]
        return upload.payload.replace(upload.awaits.placeholder.encode(), digest.hex().encode())

    @staticmethod
    def context(upload, number):
        arrived = upload.upload_time.astimezone(UTC)
        return DecodeContext(
            capture_id=new_capture_id(int(arrived.timestamp() * 1000) + number, bytes(10)),
            record_time=arrived,
            party_id=upload.party_id,
            params=dict(upload.params),
        )

    def counting(self):
        heads = {digest: one.event for digest, one in self.events.items()}
        voids = [head for head in heads.values() if head.kind in VOIDING]
        return [self.events[d] for d in in_force(heads, voids, regulators=frozenset())]

    def ledger(self):
        scans = defaultdict(list)
        for one in self.counting():
            for code in one.codes:
                scans[code].append(Scan(one.event, one.code_role))
            for code in one.replacements:
                scans[code].append(Scan(one.event, Role.REPLACEMENT))
            if one.event.parent is not None:
                scans[one.event.parent].append(Scan(one.event, Role.PARENT))
        return Ledger(scans), list(scans)


@pytest.fixture(scope="module", params=PLANS, ids=str)
def run(request):
    simulation = Simulation(PLANS[request.param])
    reading = Reading(simulation)
    return reading, simulation.truth()


def test_the_service_reads_everything(run):
    """No code or event is rejected, and the truth counts events and scans as the log will."""
    reading, truth = run

    assert reading.rejections == []
    assert reading.miscounted == []
    assert dict(reading.kinds) == truth["counts"]["events"]
    scans = sum(one.scan_count for one in reading.events.values())
    assert scans == truth["counts"]["scans"]


def test_no_rule_finds_anything(run):
    """The rules are silent on a clean run, once everything has arrived."""
    reading, _ = run
    ledger, codes = reading.ledger()

    found = [
        (one.rule_id, code, one.evidence.detail)
        for code in codes
        for step in ledger.steps(code)
        for one in observe(step)
    ]
    bills = defaultdict(list)
    for one in reading.counting():
        if (line := document_line(one.event)) is not None:
            bills[line].append(one)

    assert found == []
    assert [line for line, reports in bills.items() if bill_reuse(reports)] == []
    assert not any(one.repeated for one in reading.events.values())


def test_samples_have_the_path_of_the_truth(run):
    """The fold gives each sample the path, status, holder and identity that the truth states."""
    reading, truth = run
    ledger, _ = reading.ledger()

    for sample in truth["samples"]:
        state = ledger.effective_now(sample["unit"])
        path = [
            [link.step.event.kind, _from(link), link.step.event.to_party, list(link.via)]
            for link in ledger.links(sample["unit"])
        ]

        assert path == sample["path"]
        assert (state.possession.status, state.possession.holder) == (
            sample["status"],
            sample["holder"],
        )
        assert (state.identity.product, state.identity.lot, str(state.identity.expiry)) == (
            sample["product"],
            sample["lot"],
            sample["expiry"],
        )


def _from(link):
    return link.step.event.from_party or link.step.event.actor
