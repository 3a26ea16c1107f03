"""The sequencer: dense places, a growing tree, and readers that miss nothing."""

import asyncio

import pytest

from tracesvc.domain.ids import capture_range
from tracesvc.domain.merkle import root, verify_inclusion
from tracesvc.project.sequencer import SequencerLoop
from tracesvc.store.event_log import EventLog
from tracesvc.store.log_tree import LogTree
from tracesvc.store.sequencer import Sequencer


@pytest.fixture
def log(pool):
    return EventLog(pool)


@pytest.fixture
async def sequencer(dsn):
    made = Sequencer(dsn)
    yield made
    await made.close()


async def test_captures_get_dense_places_in_the_tree(log, pool, sequencer, make_upload):
    """Numbering in several turns gives 0, 1, 2 and the root over the captures' roots."""
    for turn in range(3):
        for number in range(turn + 2):
            await log.append(*make_upload({"codes": [f"{turn}-{number}"]}))
        assert await sequencer.run_once() == turn + 2
    assert await sequencer.run_once() == 0

    captures = await log.captures_after(-1, 100)
    assert [capture.log_index for capture in captures] == list(range(9))
    receipts = [await log.receipt(capture.capture_id) for capture in captures]
    roots = [receipt.root_hash for receipt in receipts]
    tree = LogTree(pool)
    assert await tree.size() == 9
    for size in range(10):
        assert await tree.root(size) == root(roots[:size])


async def test_every_capture_can_be_proven_in_every_tree(log, pool, sequencer, make_upload):
    """A stored proof convinces the verifier, for the newest tree and for earlier ones."""
    for number in range(11):
        await log.append(*make_upload({"codes": [str(number)]}))
        await sequencer.run_once()
    tree = LogTree(pool)
    for capture in await log.captures_after(-1, 100):
        receipt = await log.receipt(capture.capture_id)
        for size in (capture.log_index + 1, 11):
            proof = await tree.proof(receipt.log_index, size)

            assert proof is not None
            assert verify_inclusion(
                receipt.root_hash,
                index=proof.log_index,
                size=proof.tree_size,
                hashes=proof.hashes,
                expected_root=await tree.root(size),
            )
    assert await tree.proof(11) is None
    assert await tree.proof(3, 12) is None


async def test_rolled_back_captures_have_places_too(log, sequencer, make_upload):
    """A capture without events is part of the record."""
    await log.append(*make_upload())

    assert await sequencer.run_once() == 1


async def test_one_sequencer_numbers_and_the_other_takes_over(dsn, log, make_upload):
    """The second stands by while the first holds the lock, and goes on where it stopped."""
    first, second = Sequencer(dsn), Sequencer(dsn)
    await log.append(*make_upload({"codes": ["a"]}))
    assert await first.run_once() == 1
    await log.append(*make_upload({"codes": ["b"]}))
    assert await second.run_once() == 0
    await first.close()
    assert await second.run_once() == 1
    await second.close()

    assert [c.log_index for c in await log.captures_after(-1, 9)] == [0, 1]


async def test_a_sequencer_survives_the_loss_of_its_connection(log, sequencer, owner, make_upload):
    """After its session was ended it connects anew and numbers on."""
    await log.append(*make_upload({"codes": ["a"]}))
    await sequencer.run_once()
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
        " AND datname = current_database()"
    )
    await log.append(*make_upload({"codes": ["b"]}))
    numbered = 0
    for _ in range(3):
        try:
            numbered += await sequencer.run_once()
        except Exception as error:  # noqa: BLE001  (the kind is asserted)
            assert type(error).__name__ == "StoreUnavailable"  # noqa: PT017

    assert numbered == 1


async def test_what_is_not_wholly_visible_waits(log, owner, sequencer, make_upload):
    """A capture of which some events cannot be seen yet is passed over, and the rest stay dense."""
    hidden = make_upload({"codes": ["a"]}, {"codes": ["b"]})
    await log.append(*hidden)
    # As on a cluster, where a worker has not committed its part yet.
    partition = await owner.fetchval("SELECT tableoid::regclass::text FROM trace_event LIMIT 1")
    await owner.execute(f"ALTER TABLE {partition} DISABLE TRIGGER USER")
    first, last = capture_range(hidden.capture.capture_id)
    aside = await owner.fetch(
        "DELETE FROM trace_event WHERE event_id BETWEEN $1 AND $2 AND ordinal = 1"
        " RETURNING (trace_event).*",
        first,
        last,
    )
    await log.append(*make_upload({"codes": ["c"]}))

    assert await sequencer.run_once() == 1
    assert [c.log_index for c in await log.captures_after(-1, 9)] == [0]

    await owner.copy_records_to_table("trace_event", records=aside)
    assert await sequencer.run_once() == 1
    assert (await log.captures_after(0, 9))[0].capture_id == hidden.capture.capture_id


async def test_on_a_cluster_scans_are_counted_too(dsn, log, owner, make_upload):
    """Events alone do not make a capture visible where scans are committed elsewhere."""
    up = make_upload(
        {"codes": ["a", "b"], "parent": "case"}, {"codes": ["n"], "replacements": ["o"]}
    )
    await log.append(*up)
    partition = await owner.fetchval("SELECT tableoid::regclass::text FROM scan LIMIT 1")
    await owner.execute(f"ALTER TABLE {partition} DISABLE TRIGGER USER")
    aside = await owner.fetch("DELETE FROM scan WHERE trace_code = 'b' RETURNING (scan).*")
    sequencer = Sequencer(dsn, is_cluster=True)
    assert await sequencer.run_once() == 0
    await owner.copy_records_to_table("scan", records=aside)
    assert await sequencer.run_once() == 1
    await sequencer.close()


async def test_a_tailing_reader_beside_many_writers_misses_nothing(log, sequencer, make_upload):
    """One reader by log index, eight writers with short and long captures: all seen, once, densely."""
    writers, each = 8, 12
    stage = SequencerLoop(sequencer)
    done = asyncio.Event()

    async def write(writer):
        sent = []
        for number in range(each):
            codes = [f"{writer}-{number}-{i}" for i in range(1 + 400 * (number % 3))]
            sent.append((await log.append(*make_upload({"codes": codes}))).capture_id)
        return sent

    async def number_them():
        while not done.is_set() or await stage.run_once():
            await stage.run_once()

    async def read():
        seen = []
        while len(seen) < writers * each:
            page = await log.captures_after(len(seen) - 1, 7)
            events = await log.events_of([capture.capture_id for capture in page])
            assert len(events) == sum(capture.event_count for capture in page)
            seen += page
        return seen

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        reader = group.create_task(read())
        numbering = group.create_task(number_them())
        sent = [group.create_task(write(writer)) for writer in range(writers)]
        await asyncio.wait(sent)
        done.set()
        await numbering

    seen = reader.result()
    assert [capture.log_index for capture in seen] == list(range(writers * each))
    assert {capture.capture_id for capture in seen} == {
        capture_id for task in sent for capture_id in task.result()
    }


async def test_the_check_of_the_log_finds_what_was_changed(
    log, pool, owner, sequencer, make_upload
):
    """A sound log has no faults; a body, a root and a node changed behind the guards are named."""
    await log.append(*make_upload({"codes": ["a"]}, {"codes": ["b"]}))
    await log.append(*make_upload({"codes": ["a"]}, {"codes": ["c"]}))
    await log.append(*make_upload({"codes": ["d"]}))
    await sequencer.run_once()
    tree = LogTree(pool)
    sound = await tree.check()
    assert (sound.faults, sound.tree_size, sound.root_hash) == ((), 3, await tree.root(3))

    for table in ("capture", "trace_event"):
        partition = await owner.fetchval(f"SELECT tableoid::regclass::text FROM {table} LIMIT 1")
        await owner.execute(f"ALTER TABLE {partition} DISABLE TRIGGER USER")
    await owner.execute("ALTER TABLE log_tree DISABLE TRIGGER USER")
    await owner.execute("UPDATE trace_event SET body = body || ' ' WHERE body LIKE '%\"b\"%'")
    await owner.execute("UPDATE capture SET root_hash = 'x' WHERE log_index = 2")
    await owner.execute("UPDATE log_tree SET hash = 'y' WHERE level = 1")

    faults = (await tree.check()).faults
    assert [fault.split(": ")[-1] for fault in faults] == [
        "event 1 does not have the digest of its body",
        "its root hash is not that of its events",
        "node 0 of level 1 is not the hash of what it covers",
        "node 2 of level 0 is not the hash of what it covers",
    ]
