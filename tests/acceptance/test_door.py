"""Who gets in, what every wrong call is answered with, and that the document of the API is true."""

import re
from datetime import UTC, datetime
from urllib.parse import quote

from aiohttp import ClientSession
from openapi_spec_validator import OpenAPIV31SpecValidator
from yarl import URL

from tests.acceptance.client import DEALER, MAKER, PHARMACY, Api, code, receive, settings_for
from tracesvc.bootstrap import service
from tracesvc.domain.vocabulary import AccessRole
from tracesvc.http.auth import AuthLimits
from tracesvc.http.routes import ROUTES
from tracesvc.store.keys import Keys

OPEN = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/{asset}"}
EXAMPLES = {
    "capture_id": "0198c0de-0000-7000-8000-000000000000",
    "finding_id": "0198c0de-0000-7000-8000-000000000000",
    "party_id": DEALER,
    "code": code(1),
    "asset": "swagger-ui.css",
}


def path_of(route) -> str:
    return re.sub(r"{(\w+)}", lambda name: EXAMPLES[name[1]], route.path)


async def test_every_call_needs_a_key_that_may_make_it(api):
    """No key or a wrong one: 401. A key without the role: 403. Pages of the service itself: open."""
    keys = {role: await api.key(None, role) for role in ("regulator", "auditor", "admin")}
    keys["uploader"] = await api.key(DEALER)
    for route in ROUTES:
        without = await api.call(route.method, path_of(route))
        wrong = await api.call(route.method, path_of(route), key="tsk_wrong")
        if route.roles is None:
            assert route.path in OPEN
            assert without.status == wrong.status == 200, route.path
            continue
        assert (without.status, wrong.status) == (401, 401), route.path
        assert without.error_code == "not_authenticated"
        assert without.headers["WWW-Authenticate"].startswith("Bearer")
        for role, key in keys.items():
            answer = await api.call(route.method, path_of(route), key=key)
            assert (answer.status == 403) == (role not in route.roles), (route.path, role)
            if answer.status == 403:
                assert answer.error_code == "not_allowed"


async def test_a_revoked_key_is_shut_out(dsn, pool):
    """A revoked key stops working, here at once because nothing is remembered."""
    settings = settings_for(dsn, auth=AuthLimits(remembered_s=0))
    async with service(settings) as running, ClientSession() as session:
        api, keys = Api(running.url, session, pool), Keys(pool)
        key_id, key = await keys.create(DEALER, [AccessRole.UPLOADER], now=datetime.now(UTC))
        before = await api.call("GET", "/v1/captures", key=key)
        await keys.revoke(key_id, now=datetime.now(UTC))
        after = await api.call("GET", "/v1/captures", key=key)

    assert (before.status, after.status) == (200, 401)


async def test_wrong_paths_and_methods_are_problems_too(api):
    """What the router refuses has the same form as everything else."""
    nowhere = await api.call("GET", "/v1/nowhere")
    method = await api.call("DELETE", "/v1/captures")

    assert (nowhere.status, nowhere.error_code) == (404, "no_such_path")
    assert (method.status, method.error_code) == (405, "method_not_allowed")
    assert set(method.headers["Allow"].split(",")) >= {"GET", "POST"}


BAD_PARAMETERS = [
    ("/v1/captures", {"limit": "0"}),
    ("/v1/captures", {"limit": "many"}),
    ("/v1/captures", {"cursor": "!"}),
    ("/v1/captures", {"sort": "asc"}),
    ("/v1/captures/not-a-uuid", {}),
    (f"/v1/codes/{code(1)}/path", {"as_of": "yesterday"}),
    (f"/v1/codes/{code(1)}/path", {"as_of": "2026-01-01T00:00:00"}),
    ("/v1/codes/6901234567892", {}),
    ("/v1/findings", {"state": "closed"}),
    ("/v1/findings", {"severity": "bad"}),
    ("/v1/findings", {"capture": "x"}),
    ("/v1/findings", {"since": "today"}),
    ("/v1/findings", {"code": "6901234567892"}),
]


async def test_bad_parameters_are_named(api):
    """400, with the parameter that is wrong."""
    for path, params in BAD_PARAMETERS:
        answer = await api.see(path, **params)
        assert answer.status == 400, (path, params, answer.raw)
        assert answer.error_code == "bad_parameter"
        assert answer.json["extra"]["parameter"]


SPELLINGS = [
    "(01)09504000059101(21)A/B",
    "https://id.gs1.org/01/09504000059101/21/A%2FB",
    "https://example.cn/01/09504000059101/21/A%2FB?17=271231",
    "urn:epc:id:sgtin:950400.0005910.A%2FB",
    "]d2010950400005910121A/B",
]


async def test_a_code_may_be_asked_for_in_any_spelling(api):
    """The same pack, however the scanner spells it, with its slashes encoded."""
    await api.upload([receive(["(01)09504000059101(21)A/B"])])
    headers = {"X-API-Key": await api.key(None, "regulator")}
    for spelling in SPELLINGS:
        url = URL(f"{api.url}/v1/codes/{quote(spelling, safe='')}/path", encoded=True)
        async with api.session.get(url, headers=headers) as response:
            found = await response.json()
        assert response.status == 200, (spelling, found)
        assert found["trace_code"] == "(01)09504000059101(21)A/B"


async def test_parties_are_added_by_an_admin_and_seen_by_their_own(api):
    """201, then 200 for the same again, 409 for another under the same id; others see nothing."""
    admin = await api.key(None, "admin")
    body = b'{"party_id":"%s","party_type":"wholesaler","name":"W","region":"110000"}'
    body %= DEALER.encode()
    added = await api.call("POST", "/v1/parties", key=admin, body=body)
    again = await api.call("POST", "/v1/parties", key=admin, body=body)
    other = await api.call("POST", "/v1/parties", key=admin, body=body.replace(b'"W"', b'"V"'))
    wrong = await api.call("POST", "/v1/parties", key=admin, body=body.replace(b"whole", b"x"))
    await api.party(MAKER, "manufacturer")
    own = await api.ask(DEALER, "/v1/parties")
    everyone = await api.see("/v1/parties", limit="1")

    assert (added.status, again.status) == (201, 200)
    assert (other.status, other.error_code) == (409, "already_there")
    assert wrong.json["extra"]["parameter"] == "party_type"
    assert [item["party_id"] for item in own.json["items"]] == [DEALER]
    assert [item["party_id"] for item in everyone.json["items"]] == [MAKER]
    assert everyone.json["next_cursor"] == MAKER
    assert (await api.ask(DEALER, f"/v1/parties/{DEALER}")).json["region"] == "110000"
    assert (await api.ask(DEALER, f"/v1/parties/{MAKER}")).status == 404


async def test_a_stranger_sees_nothing_of_a_code(api):
    """Own events and direct counterparts' are seen, by others the code is not found."""
    await api.upload([receive([code(1)])])
    path = f"/v1/codes/{code(1)}/path"

    assert (await api.ask(DEALER, path)).status == 200
    assert (await api.ask(MAKER, path)).status == 200
    assert (await api.ask(PHARMACY, path)).status == 404


async def test_the_service_tells_how_it_is(api):
    """Alive, ready, and measured by route and status."""
    await api.upload([receive([code(1)])])
    ready = (await api.call("GET", "/readyz")).json
    metrics = (await api.call("GET", "/metrics")).raw.decode()

    assert (await api.call("GET", "/healthz")).json == {"status": "ok"}
    assert ready["ready"] is True
    assert ready["database"] and ready["schema_current"] and ready["partitions_ahead"]  # noqa: PT018
    assert 'route="/v1/captures",status="201"' in metrics
    assert "tracesvc_projection_lag_captures" in metrics


async def test_the_openapi_document_is_valid_and_names_every_route(api):
    """OpenAPI 3.1, with exactly the routes the server has, and problems where they can occur."""
    document = (await api.call("GET", "/openapi.json")).json
    OpenAPIV31SpecValidator(document).validate()
    documented = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }

    assert document["openapi"].startswith("3.1")
    assert documented == {(route.method, route.path) for route in ROUTES}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            names = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            assert names == set(re.findall(r"{(\w+)}", path))


async def test_the_docs_page_needs_no_other_host(api):
    """The page and its files come from here, and its Swagger UI can render OpenAPI 3.1."""
    page = await api.call("GET", "/docs")
    script = await api.call("GET", "/docs/swagger-ui-bundle.js")
    missing = await api.call("GET", "/docs/package.json")

    assert b"http" not in page.raw.replace(b"http-equiv", b"")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert b"isOAS31" in script.raw
    assert missing.status == 404
