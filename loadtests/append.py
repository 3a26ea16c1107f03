"""Appending through HTTP and by raw COPY in turns, into the same tables of one database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from loadtests.cpu import CpuWatch
from loadtests.figures import Figure
from loadtests.ground import Database, Ground
from loadtests.payloads import PARTY, Goods, Maker
from loadtests.posting import Clients
from loadtests.raw_copy import Undisturbed, copy_all, rows_of
from loadtests.scale import Scale
from loadtests.service import Service, serving
from tracesvc.domain.vocabulary import AccessRole


class Contest:
    """Measures uploads of some forms against the COPY of as many rows of the same shape.

    The loops that follow the log stand still, so that nothing but the append is measured. Every
    repetition measures each side once per number of clients, and who begins changes.
    """

    def __init__(self, scenario: str, forms: Mapping[str, Maker], *, at_least: float) -> None:
        self._scenario = scenario
        self._forms = forms
        self._at_least = at_least

    async def figures(self, ground: Ground, scale: Scale, *, captures: int) -> list[Figure]:
        async with (
            ground.database(self._scenario) as database,
            serving(database.dsn, ground.data_dir, follow=False) as service,
        ):
            key = await database.key_of(PARTY, AccessRole.UPLOADER)
            field = _Field(ground, database, service, key, Goods())
            rates = _Rates()
            await self._round(field, clients=1, captures=2)
            for repetition in range(scale.repetitions):
                for clients in scale.append_clients:
                    found = await self._round(
                        field, clients=clients, captures=captures, raw_first=repetition % 2 == 1
                    )
                    rates.add(clients, found)
        return self._result(rates, scale.append_clients)

    async def _round(
        self, field: "_Field", *, clients: int, captures: int, raw_first: bool = False
    ) -> dict[str, "_Run"]:
        """Measure every form and the raw COPY once."""
        sides = [*self._forms, _RAW]
        found = {}
        for side in reversed(sides) if raw_first else sides:
            make = self._forms.get(side, next(iter(self._forms.values())))
            payloads = [make(field.goods) for _ in range(captures)]
            codes = sum(payload.scans for payload in payloads)
            if side == _RAW:
                rows = [rows_of(payload) for payload in payloads]
                with Undisturbed():
                    watch = CpuWatch(field.ground, field.service)
                    took_s = await copy_all(field.database.pool, rows, writers=clients)
            else:
                async with Clients(field.service.url, field.key, size=clients) as posting:
                    with Undisturbed():
                        watch = CpuWatch(field.ground, field.service)
                        took_s = await posting.post_all(payloads)
            found[side] = _Run(codes, took_s, watch.spent_s())
        return found

    def _result(self, rates: "_Rates", clients_tried: Sequence[int]) -> list[Figure]:
        figures = []
        for form in self._forms:
            for clients in clients_tried:
                ratios = rates.ratios(clients, form)
                figures.append(
                    Figure(
                        scenario=self._scenario,
                        name=f"{form} over HTTP / raw COPY, {_clients(clients)}",
                        unit="ratio",
                        samples=tuple(ratios),
                        at_least=self._at_least,
                    )
                )
        for side in (*self._forms, _RAW):
            figures += [
                Figure(
                    scenario=self._scenario,
                    name=f"{side}, {_clients(clients)}",
                    unit="codes/s",
                    samples=tuple(run.codes / run.took_s for run in rates.of(clients, side)),
                )
                for clients in clients_tried
            ]
        for side in (*self._forms, _RAW):
            runs = [run for clients in clients_tried for run in rates.of(clients, side)]
            figures += [
                Figure(
                    scenario=self._scenario,
                    name=f"{side}, processor time of {who}",
                    unit="µs/code",
                    samples=tuple(run.cpu_s[who] / run.codes * 1e6 for run in runs),
                )
                for who in runs[0].cpu_s
                if who != "the loops" and (side != _RAW or who != "the API")
            ]
        return figures


_RAW = "raw COPY"


@dataclass(frozen=True, slots=True)
class _Field:
    """Where both sides write."""

    ground: Ground
    database: Database
    service: Service
    key: str
    goods: Goods


class _Run(NamedTuple):
    """One side's turn. Times in seconds."""

    codes: int
    took_s: float
    cpu_s: Mapping[str, float]


class _Rates:
    """Runs by number of clients and side, in the order of the repetitions."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], list[_Run]] = {}

    def add(self, clients: int, runs: Mapping[str, _Run]) -> None:
        for side, run in runs.items():
            self._found.setdefault((clients, side), []).append(run)

    def of(self, clients: int, side: str) -> list[_Run]:
        return self._found[clients, side]

    def ratios(self, clients: int, form: str) -> list[float]:
        """Return form / raw, repetition by repetition: both were measured within seconds."""
        pairs = zip(self.of(clients, form), self.of(clients, _RAW), strict=True)
        return [
            (over_http.codes / over_http.took_s) / (raw.codes / raw.took_s)
            for over_http, raw in pairs
        ]


def _clients(number: int) -> str:
    return "1 client" if number == 1 else f"{number} clients"
