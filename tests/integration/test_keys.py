"""API keys: shown once, found by hash, ended for good."""

from datetime import UTC, datetime

from tracesvc.domain.parties import Caller, hash_of_key
from tracesvc.domain.vocabulary import AccessRole
from tracesvc.store.keys import Keys

NOW = datetime(2025, 11, 1, tzinfo=UTC)


async def test_a_key_tells_its_caller_until_it_is_revoked(pool, owner):
    """The plain key is nowhere in the table, its hash finds the caller, revoking ends that."""
    keys = Keys(pool)
    key_id, plain = await keys.create("p1", [AccessRole.UPLOADER], now=NOW)

    assert plain.startswith("tsk_")
    assert await keys.caller_of(hash_of_key(plain)) == Caller(
        key_id=key_id, party_id="p1", roles=frozenset({AccessRole.UPLOADER})
    )
    assert await keys.caller_of(hash_of_key("tsk_other")) is None
    assert plain not in str(await owner.fetch("SELECT api_key::text FROM api_key"))
    assert await keys.revoke(key_id, now=NOW)
    assert not await keys.revoke(key_id, now=NOW)
    assert await keys.caller_of(hash_of_key(plain)) is None


async def test_keys_can_be_listed(pool):
    """The list shows roles, party and end, and never a key."""
    keys = Keys(pool)
    first, _ = await keys.create(None, [AccessRole.REGULATOR, AccessRole.AUDITOR], now=NOW)
    second, _ = await keys.create("p1", [AccessRole.UPLOADER], now=NOW)
    await keys.revoke(second, now=NOW)
    rows = {row.key_id: row for row in await keys.list()}

    assert set(rows) == {first, second}
    assert rows[first].roles == {AccessRole.REGULATOR, AccessRole.AUDITOR}
    assert (rows[first].party_id, rows[first].revoked_time) == (None, None)
    assert rows[second].revoked_time == NOW
