"""Keys to callers, and for how long that is remembered."""

import pytest
from aiohttp.test_utils import make_mocked_request

from tracesvc.domain.errors import NotAllowed, NotAuthenticated
from tracesvc.domain.parties import Caller, hash_of_key
from tracesvc.domain.vocabulary import AccessRole
from tracesvc.http.auth import AuthLimits, Authority, require_role

UPLOADER = Caller(key_id="k1", party_id="A", roles=frozenset({AccessRole.UPLOADER}))


class Directory:
    """One good key, and a count of how often it was asked."""

    def __init__(self) -> None:
        self.known = {hash_of_key("tsk_good"): UPLOADER}
        self.asked = 0

    async def caller_of(self, key_hash: bytes) -> Caller | None:
        self.asked += 1
        return self.known.get(key_hash)


def asking(**headers: str):
    return make_mocked_request(
        "GET", "/", headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer tsk_good"},
        {"Authorization": "bearer  tsk_good "},
        {"X_API_Key": "tsk_good"},
    ],
)
async def test_a_key_is_found_in_either_header(headers):
    """Bearer in any case, or X-API-Key."""
    authority = Authority(Directory(), limits=AuthLimits())

    assert await authority.caller(asking(**headers)) == UPLOADER


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic dHNrX2dvb2Q="},
        {"Authorization": "Bearer tsk_bad"},
        {"X_API_Key": ""},
        {"X_API_Key": "x" * 201},
    ],
)
async def test_without_a_known_key_nobody_is_let_in(headers):
    """No key, another scheme, an unknown key or one that cannot be one."""
    authority = Authority(Directory(), limits=AuthLimits())
    with pytest.raises(NotAuthenticated):
        await authority.caller(asking(**headers))


async def test_keys_are_remembered_good_and_bad():
    """A second request with the same key does not ask the database."""
    directory = Directory()
    authority = Authority(directory, limits=AuthLimits(remembered_s=60))
    for key in ("tsk_good", "tsk_bad", "tsk_good", "tsk_bad"):
        try:
            await authority.caller(asking(X_API_Key=key))
        except NotAuthenticated:
            assert key == "tsk_bad"

    assert directory.asked == 2


async def test_a_revoked_key_ends_after_the_remembered_time():
    """What the directory no longer knows is refused once it is asked again."""
    directory = Directory()
    authority = Authority(directory, limits=AuthLimits(remembered_s=0))
    await authority.caller(asking(X_API_Key="tsk_good"))
    directory.known.clear()
    with pytest.raises(NotAuthenticated):
        await authority.caller(asking(X_API_Key="tsk_good"))


async def test_memory_for_keys_is_bounded():
    """However many wrong keys are tried, only so many are remembered."""
    directory = Directory()
    authority = Authority(directory, limits=AuthLimits(remembered_max=2))
    for number in range(5):
        with pytest.raises(NotAuthenticated):
            await authority.caller(asking(X_API_Key=f"tsk_{number}"))
    await authority.caller(asking(X_API_Key="tsk_good"))

    assert len(authority._remembered) == 2


def test_a_role_is_required():
    """A caller without one of the roles is told which are needed."""
    require_role(UPLOADER, frozenset({AccessRole.UPLOADER, AccessRole.ADMIN}))
    with pytest.raises(NotAllowed) as refused:
        require_role(UPLOADER, frozenset({AccessRole.ADMIN}))

    assert refused.value.extra["needed"] == ["admin"]
