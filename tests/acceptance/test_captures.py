"""Uploading: all or nothing, the good beside the bad, rehearsals, repetitions, limits."""

import asyncio
import gzip

import pytest
from aiohttp import ClientSession

from tests.acceptance.client import (
    DEALER,
    MAKER,
    PHARMACY,
    Api,
    code,
    eventually,
    receive,
    settings_for,
)
from tracesvc.bootstrap import service
from tracesvc.domain.merkle import verify_inclusion
from tracesvc.ingest.admission import AdmissionLimits
from tracesvc.wire.context import WireLimits


async def test_a_receipt_tells_what_was_stored(api):
    """201, counts, one verdict per event with its digest, and where to ask again."""
    answer = await api.upload([receive([code(1), code(2)]), receive([code(3)])])
    receipt = answer.json

    assert answer.status == 201
    assert answer.headers["Location"] == f"/v1/captures/{receipt['capture_id']}"
    assert receipt["outcome"] == "accepted"
    assert receipt["replayed"] is False
    assert (receipt["event_count"], receipt["scan_count"], receipt["rejection_count"]) == (2, 3, 0)
    assert [v["verdict"] for v in receipt["verdicts"]] == ["stored", "stored"]
    assert all(len(v["digest"]) == 64 for v in receipt["verdicts"])
    assert len(receipt["root_hash"]) == 64


async def test_rollback_stores_nothing_but_the_rejections(api):
    """One bad code keeps the whole upload out; the answer explains it in both languages."""
    answer = await api.upload([receive([code(1)]), receive(["6901234567892"])])
    receipt = answer.json
    rejection = receipt["rejections"][0]
    kept = await api.ask(DEALER, f"/v1/captures/{receipt['capture_id']}/rejections")

    assert answer.status == 422
    assert receipt["outcome"] == "rolled_back"
    assert receipt["event_count"] == 0
    assert rejection["error_code"] == "product_barcode"
    assert rejection["pointer"] == "/1/codes/0"
    assert rejection["raw"] == "6901234567892"
    assert rejection["message_zh"]
    assert rejection["message_en"]
    assert [item["error_code"] for item in kept.json["items"]] == ["product_barcode"]
    assert (await api.see(f"/v1/codes/{code(1)}")).status == 404


async def test_a_mended_file_may_come_under_the_same_key(api):
    """A rolled-back upload does not use up its idempotency key."""
    headers = {"Idempotency-Key": "bill-77"}
    bad = await api.upload([receive(["6901234567892"])], headers=headers)
    good = await api.upload([receive([code(1)])], headers=headers)

    assert (bad.status, good.status) == (422, 201)


async def test_proceed_stores_the_good_and_explains_the_bad(api):
    """With on_error=proceed good events and good codes are stored."""
    answer = await api.upload(
        [receive([code(1), "6901234567892"]), receive([code(2)])], on_error="proceed"
    )
    receipt = answer.json

    assert answer.status == 201
    assert receipt["event_count"] == 2
    assert receipt["scan_count"] == 2
    assert receipt["rejection_count"] == 1


async def test_a_dry_run_stores_nothing(api):
    """The rehearsal tells verdicts and rejections, and the log stays empty."""
    event = receive([code(1)])
    stored = await api.upload([event])
    answer = await api.upload([event, receive([code(2)])], dry_run="1")
    bad = await api.upload([receive(["1"])], dry_run="1")
    listed = await api.ask(DEALER, "/v1/captures")

    assert answer.status == 200
    assert [v["verdict"] for v in answer.json["verdicts"]] == ["duplicate", "stored"]
    assert answer.json["verdicts"][0]["event_id"] == stored.json["verdicts"][0]["event_id"]
    assert bad.status == 422
    assert bad.json["rejections"][0]["error_code"] == "bad_length"
    assert len(listed.json["items"]) == 1


@pytest.mark.parametrize("headers", [None, {"Idempotency-Key": "k-1"}])
async def test_the_same_upload_again_gives_the_same_receipt(api, headers):
    """200 with the first receipt, with a key or with the content as the key."""
    body = [receive([code(1)])]
    first = await api.upload(body, headers=headers)
    again = await api.upload(body, headers=headers)
    differing = {"replayed", "log_index", "state"}

    assert (first.status, again.status) == (201, 200)
    assert again.json["replayed"] is True
    assert {k: v for k, v in again.json.items() if k not in differing} == {
        k: v for k, v in first.json.items() if k not in differing
    }


async def test_a_key_cannot_stand_for_other_content(api):
    """409 names the capture that has the key; another party may use the same key."""
    headers = {"Idempotency-Key": "k-1"}
    first = await api.upload([receive([code(1)])], headers=headers)
    other = await api.upload([receive([code(2)])], headers=headers)
    stranger = await api.upload([receive([code(3)], to=PHARMACY)], party=PHARMACY, headers=headers)

    assert other.status == 409
    assert other.error_code == "idempotency_key_reused"
    assert other.json["extra"]["capture_id"] == first.json["capture_id"]
    assert stranger.status == 201


async def test_many_senders_of_one_upload_store_it_once(api):
    """Eight at a time under one key: one 201, the others get its receipt."""
    body, headers = [receive([code(n) for n in range(50)])], {"Idempotency-Key": "once"}
    answers = await asyncio.gather(*(api.upload(body, headers=headers) for _ in range(8)))

    assert sorted(a.status for a in answers) == [200] * 7 + [201]
    assert len({a.json["capture_id"] for a in answers}) == 1


async def test_an_event_counts_once_in_whatever_capture(api):
    """The same event inside another upload is a duplicate of the first."""
    event = receive([code(1)])
    first = await api.upload([event])
    second = await api.upload([event, receive([code(2)])])

    assert second.status == 201
    assert second.json["duplicate_count"] == 1
    assert second.json["verdicts"][0]["event_id"] == first.json["verdicts"][0]["event_id"]


async def test_an_uploader_speaks_only_for_itself(api):
    """An event of another actor is rejected, and an upload for another party refused."""
    foreign = await api.upload([receive([code(1)], actor=MAKER)])
    other = await api.call(
        "POST", "/v1/captures", key=await api.key(DEALER), body=b"[]", party=MAKER
    )

    assert foreign.status == 422
    assert foreign.json["rejections"][0]["error_code"] == "foreign_actor"
    assert foreign.json["rejections"][0]["raw"] == MAKER
    assert other.status == 403
    assert other.error_code == "not_allowed"


async def test_an_admin_names_the_party_it_uploads_for(api):
    """A key without a party needs ?party=, and then speaks for it."""
    key = await api.key(None, "admin")
    body = b'[{"kind":"activate","event_time":"2026-01-05T18:00:00+08:00","codes":["%s"]}]'
    body %= code(1).encode()
    without = await api.call("POST", "/v1/captures", key=key, body=body)
    named = await api.call("POST", "/v1/captures", key=key, body=body, party=MAKER)

    assert without.error_code == "bad_parameter"
    assert named.status == 201
    assert named.json["party_id"] == MAKER


async def test_a_void_takes_its_own_event_out(api):
    """By event id or by digest; the counterparty may not, a stranger does not even see it."""
    target = (await api.upload([receive([code(1)])])).json["verdicts"][0]
    void = {"kind": "void", "event_time": "2026-02-04T09:00:00+08:00", "voids": target["event_id"]}
    by_maker = await api.upload([void], party=MAKER)
    by_stranger = await api.upload([void], party=PHARMACY)
    own = await api.upload([void], wait="projected")
    status = await api.see(f"/v1/codes/{code(1)}")
    path = await api.see(f"/v1/codes/{code(1)}/path")

    assert by_maker.json["rejections"][0]["error_code"] == "foreign_void"
    assert by_stranger.json["rejections"][0]["error_code"] == "unknown_event"
    assert own.status == 201
    assert status.json["status"] == "unknown"
    assert [link["voided"] for link in path.json["links"] if link["kind"] == "receive"] == [True]


async def test_waiting_for_the_projector(api):
    """With wait=projected the answer says so and carries the findings, even if there are none."""
    answer = await api.upload([receive([code(1)])], wait="projected")
    rolled_back = await api.upload([receive(["1"])], wait="projected")

    assert rolled_back.status == 422
    assert rolled_back.json["state"] == "projected"
    assert answer.json["state"] == "projected"
    assert answer.json["log_index"] == answer.json["proof"]["log_index"] == 0
    assert isinstance(answer.json["findings"], list)


async def test_states_of_a_capture(api):
    """A capture goes from stored to projected, and the receipt then proves its place."""
    receipt = (await api.upload([receive([code(1)])])).json
    capture_id = receipt["capture_id"]

    async def projected():
        found = await api.ask(DEALER, f"/v1/captures/{capture_id}")
        return found.json if found.json["state"] == "projected" else None

    capture = await eventually(projected)
    proof = (await api.ask(DEALER, f"/v1/captures/{capture_id}/receipt")).json["proof"]

    assert receipt["state"] == "stored"
    assert capture["log_index"] == 0
    assert verify_inclusion(
        bytes.fromhex(receipt["root_hash"]),
        index=proof["log_index"],
        size=proof["tree_size"],
        hashes=[bytes.fromhex(step) for step in proof["hashes"]],
        expected_root=bytes.fromhex(proof["root_hash"]),
    )


async def test_captures_are_listed_to_their_own_party(api):
    """Newest first, by cursor; another party sees none of them and none by id."""
    ids = [(await api.upload([receive([code(n)])])).json["capture_id"] for n in range(3)]
    first = (await api.ask(DEALER, "/v1/captures", limit="2")).json
    second = (await api.ask(DEALER, "/v1/captures", limit="2", cursor=first["next_cursor"])).json
    foreign = await api.ask(PHARMACY, "/v1/captures")
    everything = await api.see("/v1/captures", role="auditor")

    assert [item["capture_id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None
    assert foreign.json["items"] == []
    assert len(everything.json["items"]) == 3
    for path in ("", "/receipt", "/rejections"):
        answer = await api.ask(PHARMACY, f"/v1/captures/{ids[0]}{path}")
        assert answer.status == 404
        assert answer.error_code == "not_found"


async def test_gzip_bodies_are_unpacked(api):
    """The same upload packed is the same upload."""
    body = (
        b'[{"kind":"receive","event_time":"2026-02-03T09:00:00+08:00","from":"%s","codes":["%s"]}]'
    )
    body %= MAKER.encode(), code(1).encode()
    plain = await api.upload(body)
    packed = await api.upload(gzip.compress(body), headers={"Content-Encoding": "gzip"})

    assert (plain.status, packed.status) == (201, 200)


UNREADABLE = [
    (b"{", {}),
    (b"\x00\x01\x02", {}),
    (b"", {}),
    (b"nonsense", {"Content-Encoding": "gzip"}),
    (b"x", {"Content-Encoding": "br"}),
    (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Document>&x;</Document>', {}),
    (b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Document>&b;</Document>', {}),
]


async def test_what_cannot_be_read_is_a_problem_of_the_whole(api):
    """Broken text, unknown encodings, entities and bombs: 400 and nothing stored."""
    for body, headers in UNREADABLE:
        answer = await api.upload(body, headers=headers)
        assert answer.status == 400, body
        assert answer.error_code == "unreadable"


async def test_parameters_with_typing_errors_are_refused(api):
    """A parameter that is not understood is never passed over in silence."""
    for name, value in (
        ("on_error", "ignore"),
        ("wait", "forever"),
        ("dry_run", "perhaps"),
        ("formt", "json"),
    ):
        answer = await api.upload([receive([code(1)])], **{name: value})
        assert answer.status == 400
        assert answer.error_code == "bad_parameter"
        assert answer.json["extra"]["parameter"] == name


async def test_limits_are_named(dsn, pool):
    """413 says which limit, before the body is in memory, packed or not."""
    limits = WireLimits(body_bytes_max=2000, unpacked_bytes_max=20_000, codes_per_event_max=10)
    settings = settings_for(dsn, wire=limits)
    async with service(settings) as running, ClientSession() as session:
        api = Api(running.url, session, pool)
        long = await api.upload(b" " * 2001)
        bomb = await api.upload(
            gzip.compress(b" " * 1_000_000), headers={"Content-Encoding": "gzip"}
        )
        many = await api.upload([receive([code(n) for n in range(11)])])

    for answer, limit in (
        (long, "body_bytes_max"),
        (bomb, "unpacked_bytes_max"),
        (many, "codes_per_event_max"),
    ):
        assert answer.status == 413
        assert answer.error_code == "too_large"
        assert answer.json["extra"]["limit"] == limit


async def test_a_full_house_answers_at_once(dsn, pool):
    """429 with Retry-After when every place is taken by an upload that is still being sent."""
    settings = settings_for(dsn, admission=AdmissionLimits(captures_max=1, drain_s_max=1))
    async with service(settings) as running, ClientSession() as session:
        api = Api(running.url, session, pool)
        go = asyncio.Event()

        async def slow_body():
            yield b"["
            await go.wait()
            yield (
                b'{"kind":"activate","event_time":"2026-01-05T18:00:00+08:00","codes":["%s"]}]'
                % (code(1).encode())
            )

        async with asyncio.TaskGroup() as group:
            first = group.create_task(_post(api, slow_body(), MAKER))
            await eventually(lambda: _is_inside(running))
            busy = await api.upload([receive([code(2)])])
            go.set()

    assert busy.headers["Retry-After"] == "1"
    assert busy.error_code == "busy"
    assert first.result() == 201


async def _post(api, body, party_id) -> int:
    async with api.session.post(
        f"{api.url}/v1/captures", data=body, headers={"X-API-Key": await api.key(party_id)}
    ) as response:
        return response.status


async def _is_inside(running) -> bool:
    return running.admission.inside == 1
