"""The whole path of a unit: packed three levels deep, twenty events, in a log of a million scans.

Timed twice: by the service itself, from request to answer (its log entry per request), and by the
client around the same requests.
"""

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson

from loadtests.cpu import CpuWatch
from loadtests.evening import Beside, projected
from loadtests.figures import Figure, quantile
from loadtests.ground import Database, Ground
from loadtests.payloads import Goods, Payload
from loadtests.posting import Clients
from loadtests.raw_copy import decoded
from loadtests.scale import Scale
from loadtests.service import serving
from tracesvc.domain.vocabulary import AccessRole
from tracesvc.store.custody import CustodyTables
from tracesvc.store.event_log import EventLog

MOVEMENTS = 18
EVENTS = MOVEMENTS + 2
"""Its activation and its packing come before the movements of the pallet it is in."""

_CARTONS, _BOXES, _UNITS = 4, 5, 10
_PALLETS_PER_BILL = 4
_BILL_CODES = 3500
_START = datetime(2026, 1, 5, tzinfo=UTC)
_ROUTE = "/v1/codes/{code}/path"
_WARM_UP = 20
_P95_MS_MAX = 10.0
_WRITERS = 4


async def run(ground: Ground, scale: Scale, *, beside: Beside | None = None) -> list[Figure]:
    async with (
        ground.database("path_latency") as database,
        serving(database.dsn, ground.data_dir, follow=True) as service,
    ):
        groups = max(1, scale.path_scans // (_BILL_CODES * (MOVEMENTS + 1)))
        units = await _fill(database, groups, scale)
        key = await database.key_of(None, AccessRole.REGULATOR)
        asked = Random(1).choices(units, k=_WARM_UP + scale.path_queries)
        client_ms = []
        async with (
            Clients(service.url, key, size=1) as client,
            beside(service, "path") if beside else nullcontext(),
        ):
            watch = CpuWatch(ground, service)
            for unit in asked:
                took_s, body = await client.get(f"/v1/codes/{unit}/path")
                _check(orjson.loads(body))
                client_ms.append(took_s * 1000)
            cpu_s = watch.spent_s()
        scans = await database.pool.fetchval("SELECT count(*) FROM scan")
        server_ms = _served_ms(service.log)[_WARM_UP:]
        client_ms = client_ms[_WARM_UP:]
    return [
        _figure("p50 in the server", server_ms, 0.5),
        _figure("p95 in the server", server_ms, 0.95, at_most=_P95_MS_MAX),
        _figure("p99 in the server", server_ms, 0.99),
        _figure("p50 at the client", client_ms, 0.5),
        _figure("p95 at the client", client_ms, 0.95),
        *(
            _figure(f"processor time of {who} per path", [cpu_s[who] * 1000 / len(asked)], 0.5)
            for who in ("the API", "Postgres")
        ),
        Figure(
            scenario="path_latency", name="scans in the log", unit="scans", samples=(float(scans),)
        ),
    ]


async def _fill(database: Database, groups: int, scale: Scale) -> list[str]:
    """Write the log, wait until it is projected, and return the units that took part in everything."""
    units: list[str] = []
    work = _captures(groups, units)
    log = EventLog(database.pool)

    async def append_some() -> int:
        done = 0
        for party_id, events in work:
            body = orjson.dumps({"events": events})
            capture, scanned = decoded(
                Payload(format="json", body=body, scans=0), party_id=party_id
            )
            await log.append(capture, scanned, ())
            done += 1
        return done

    appended = await asyncio.gather(*(append_some() for _ in range(_WRITERS)))
    view = CustodyTables(database.pool)
    await projected(view, sum(appended) - 1, wait_s_max=scale.projected_s_max)
    await _settle(database)
    return units


async def _settle(database: Database) -> None:
    """Let the work that a million new rows leave behind be done before, not while, paths are asked."""
    connection = await database.owner()
    try:
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def _captures(groups: int, units: list[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield (sender, events) of every upload; `units` grows by the units packed into pallets."""
    goods = Goods()
    for group in range(groups):
        pallets = []
        start = _START + timedelta(minutes=group)
        for _ in range(_PALLETS_PER_BILL):
            pallet, events = _pallet(goods, start, units)
            pallets.append(pallet)
            yield _party(0), events
        loose = goods.take(_BILL_CODES - _PALLETS_PER_BILL)
        yield _party(0), [_event("activate", start, codes=loose, product="8170011", lot="L1")]
        for hop in range(MOVEMENTS // 2):
            sender, receiver = _party(hop), _party(hop + 1)
            route = {"from": sender, "to": receiver, "codes": [*pallets, *loose]}
            number = {"number": f"B{group:06d}{hop:02d}"}
            at = start + timedelta(days=2 * hop + 1)
            yield sender, [_event("ship", at, reason="sale", document=number, **route)]
            at += timedelta(days=1)
            yield receiver, [_event("receive", at, reason="purchase", document=number, **route)]


def _pallet(goods: Goods, at: datetime, units: list[str]) -> tuple[str, list[dict[str, Any]]]:
    """Return a pallet of cartons of boxes of units, and the events that made it."""
    own = goods.take(_CARTONS * _BOXES * _UNITS)
    boxes = goods.take(_CARTONS * _BOXES)
    cartons = goods.take(_CARTONS)
    (pallet,) = goods.take(1)
    units += own
    made = [*own, *boxes, *cartons, pallet]
    events = [_event("activate", at, codes=made, product="8170011", lot="L1")]
    levels = ((boxes, own, _UNITS), (cartons, boxes, _BOXES), ([pallet], cartons, _CARTONS))
    for level, (parents, children, share) in enumerate(levels, start=1):
        events += [
            _event(
                "pack",
                at + timedelta(hours=level),
                parent=parent,
                codes=children[index * share : (index + 1) * share],
            )
            for index, parent in enumerate(parents)
        ]
    return pallet, events


def _event(kind: str, at: datetime, **fields: object) -> dict[str, Any]:
    return {"kind": kind, "event_time": at.isoformat(), **fields}


def _party(hop: int) -> str:
    return f"BENCH-PARTY-{hop}"


def _check(path: dict[str, Any]) -> None:
    deepest = max(len(link["via"]) for link in path["links"])
    if len(path["links"]) != EVENTS or deepest != len((_CARTONS, _BOXES, _UNITS)):
        raise RuntimeError(f"{len(path['links'])} links, {deepest} containers deep")


def _served_ms(log: Path) -> list[float]:
    """Return the milliseconds the service says it took for each path, in order."""
    with log.open("rb") as lines:
        entries = [orjson.loads(line) for line in lines if line.startswith(b"{")]
    return [entry["elapsed_ms"] for entry in entries if entry.get("route") == _ROUTE]


def _figure(name: str, values: list[float], share: float, at_most: float | None = None) -> Figure:
    return Figure(
        scenario="path_latency",
        name=name,
        unit="ms",
        samples=(quantile(values, share),),
        at_most=at_most,
    )
