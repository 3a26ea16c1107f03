"""What to simulate: sizes, habits and rates, and the plans that have a name."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

BILL_CODES_MAX = 3500
"""Codes one bill upload may hold on the platform; larger bills go out in parts."""

VACCINE_BILL_CODES_MAX = 800


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """How many participants of each tier."""

    maker: int
    national: int
    regional: int
    province_cdc: int
    city_cdc: int
    county_cdc: int
    retail: int
    hospital: int
    vaccination: int
    carrier: int = 1

    def size(self, tier: str) -> int:
        return int(getattr(self, str(tier)))


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadHabits:
    """How uploads deviate from the evening of the event's day. Shares lie between 0 and 1.

    A late upload comes hours, or with `days_late_share` of them days, after it was due. A repeated
    one is sent once more, byte for byte: half of them with the same idempotency key (a retry), half
    with another one (somebody pressed the button again).
    """

    late_share: float = 0.0
    days_late_share: float = 0.3
    repeat_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRates:
    """Chance per participant and day (per delivery for `refuse`) of what does not happen every time."""

    sample: float = 0.01
    loss: float = 0.01
    quarantine: float = 0.02
    send_back: float = 0.02
    refuse: float = 0.01
    consumer_return: float = 0.02
    partial: float = 0.05
    mistaken_use: float = 0.02
    mistaken_bill: float = 0.02
    relabel: float = 0.02
    unpack: float = 0.03
    palletise: float = 0.2

    @classmethod
    def often(cls) -> "IncidentRates":
        """Return rates at which a handful of participants shows every incident within days."""
        common = dict.fromkeys(cls.__slots__, 0.3)
        few_can = dict.fromkeys(("relabel", "unpack", "partial", "mistaken_use"), 0.5)
        # These take goods off the shelf, of which a small chain has few.
        costly = dict.fromkeys(("sample", "loss", "quarantine"), 0.15)
        return cls(**common | few_can | costly)


@dataclass(frozen=True, slots=True, kw_only=True)
class EveningSize:
    """The bills of the `evening` plan: how many consignments, and how many codes each.

    `units_per_carton` 1 scans single units; above 1 the bills scan cartons of that many units.
    """

    bills: int
    codes_min: int
    codes_max: int
    units_per_carton: int
    buyers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationPlan:
    """Everything a run depends on. Equal plans give equal bytes.

    Runs that differ in name, seed, dates or sizes share no party, product or code, so that several
    can go into one service. Habits, rates and limits leave the world itself as it is.

    `units_per_day` are smallest sales units made per day, over all products. `packing` chooses
    containers of a few units (`small`) or those of the trade. `evening` replaces the working days
    by one wholesaler's bills.
    """

    name: str
    seed: int
    start: date
    days: int
    cast: Cast
    products: int
    units_per_day: int
    packing: Literal["small", "trade"] = "trade"
    uploads: UploadHabits = field(default_factory=UploadHabits)
    incidents: IncidentRates = field(default_factory=IncidentRates)
    evening: EveningSize | None = None
    bill_codes_max: int = BILL_CODES_MAX
    vaccine_bill_codes_max: int = VACCINE_BILL_CODES_MAX
    relation_codes_max: int = BILL_CODES_MAX
    json_events_max: int = 1000
    samples_max: int = 12

    @property
    def run(self) -> str:
        """What tells the worlds of two plans apart."""
        world = (self.start, self.days, self.cast, self.products, self.units_per_day)
        return f"{self.name}/{self.seed}/{world}/{self.packing}/{self.evening}"

    @property
    def last_day(self) -> date:
        return self.start + timedelta(days=self.days - 1)


DEMO_DAYS = 5


def demo_plan(yesterday: date, *, seed: int = 1, days: int = DEMO_DAYS) -> SimulationPlan:
    """Return a small chain with every kind of participant and event, whose last day is `yesterday`.

    Vaccines need five days from the maker to the vaccination.
    """
    return SimulationPlan(
        name="demo",
        seed=seed,
        start=yesterday - timedelta(days=days - 1),
        days=days,
        cast=Cast(
            maker=3, national=1, regional=2, province_cdc=1, city_cdc=1, county_cdc=1,
            retail=4, hospital=2, vaccination=1,
        ),
        products=6,
        units_per_day=240,
        packing="small",
        uploads=UploadHabits(late_share=0.05, days_late_share=0.2, repeat_share=0.05),
        incidents=IncidentRates.often(),
    )  # fmt: skip


def evening_plan(
    start: date,
    *,
    seed: int = 1,
    bills: int = 40,
    codes_min: int = 1000,
    codes_max: int = 3500,
    units_per_carton: int = 5,
    buyers: int = 4,
) -> SimulationPlan:
    """Return one wholesaler's evening: `bills` consignments come in and go out again.

    Day one makes the goods, on day two the makers ship them, on day three the wholesaler receives
    and ships all of them and its buyers receive. So every consignment is scanned in four uploads.
    Production is in the `relation-xml` uploads, everything to be timed in the others.
    """
    return SimulationPlan(
        name="evening",
        seed=seed,
        start=start,
        days=3,
        cast=Cast(
            maker=2, national=1, regional=buyers, province_cdc=0, city_cdc=0, county_cdc=0,
            retail=0, hospital=0, vaccination=0, carrier=0,
        ),
        products=2,
        units_per_day=0,
        evening=EveningSize(
            bills=bills,
            codes_min=codes_min,
            codes_max=codes_max,
            units_per_carton=units_per_carton,
            buyers=buyers,
        ),
    )  # fmt: skip


CODES_PER_UNIT = 2.2
"""Codes in all files per unit made, over a month: its activation, its share of bills, and its use."""


def province_plan(
    start: date, *, seed: int = 1, days: int = 30, parties: int = 200, codes: int = 5_000_000
) -> SimulationPlan:
    """Return a province: about `parties` participants and `codes` scanned codes over `days`.

    Single-digit numbers of parties are raised to one per tier. The truth states what came out.
    """
    return SimulationPlan(
        name="province",
        seed=seed,
        start=start,
        days=days,
        cast=_province_cast(parties),
        products=24,
        units_per_day=max(1, round(codes / CODES_PER_UNIT / days)),
        uploads=UploadHabits(late_share=0.04, repeat_share=0.02),
        samples_max=50,
    )


def _province_cast(parties: int) -> Cast:
    def share(percent: int) -> int:
        return max(1, round(parties * percent / 100))

    others = {
        "maker": max(3, share(4)),
        "national": share(2),
        "regional": max(2, share(6)),
        "province_cdc": 1,
        "city_cdc": min(11, share(4)),
        "county_cdc": share(8),
        "hospital": share(15),
        "vaccination": share(14),
        "carrier": 1,
    }
    return Cast(retail=max(1, parties - sum(others.values())), **others)
