"""Who takes part in the simulated chain: companies, hospitals and health authorities, with their software."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from random import Random
from typing import Any, Final, Literal

from tracesvc.domain.vocabulary import PartyType
from tracesvc.simulate.credit_ids import CREDIT_CHARS, credit_id
from tracesvc.simulate.plan import Cast
from tracesvc.simulate.regions import CITIES, PROVINCE, City, Region

XmlDress = Literal["plain", "bom", "gbk", "base64", "gzip-base64"]
Gs1Spelling = Literal["bracketed", "digital-link", "urn"]


class Form(StrEnum):
    """The upload formats of the service that the simulated software writes."""

    JSON = "json"
    BILL_XML = "bill-xml"
    RELATION_XML = "relation-xml"
    SCANNER_TXT = "scanner-txt"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """How one participant's trade system writes its uploads; it never changes its habits.

    `bills` is the form of goods out (and of goods in, unless `receipts` says otherwise), `uses` that
    of dispensing. What a form cannot say goes out as JSON, typed into the platform's own page.
    `bundles` puts several bills into one XML file. `offset_s` is how long after 20:00 it uploads.
    """

    bills: Form = Form.JSON
    receipts: Form = Form.JSON
    uses: Form = Form.JSON
    xml_dress: XmlDress = "plain"
    gs1: Gs1Spelling = "bracketed"
    bundles: bool = False
    offset_s: int = 0


class Tier(StrEnum):
    """A participant's place in the chain; says what it does with goods and in which packs."""

    MAKER = "maker"
    NATIONAL = "national"
    REGIONAL = "regional"
    PROVINCE_CDC = "province_cdc"
    CITY_CDC = "city_cdc"
    COUNTY_CDC = "county_cdc"
    RETAIL = "retail"
    HOSPITAL = "hospital"
    VACCINATION = "vaccination"
    CARRIER = "carrier"


USERS: Final = frozenset({Tier.RETAIL, Tier.HOSPITAL, Tier.VACCINATION})
"""Tiers where goods reach a person."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Participant:
    """One party of the simulated chain. Two are equal only if they are the same object."""

    party_id: str
    party_type: PartyType
    tier: Tier
    name: str
    region: Region
    software: Software

    def summary(self) -> dict[str, Any]:
        """Return what a service must know of the party, as plain JSON values."""
        return {
            "party_id": self.party_id,
            "type": self.party_type.value,
            "name": self.name,
            "region": self.region.code,
            "region_name": self.region.name,
            "tier": self.tier.value,
        }


def enrol(cast: Cast, rng: Random) -> tuple[Participant, ...]:
    """Return the participants a plan asks for, makers first, each tier in a fixed order."""
    registry = _Registry(rng, count(rng.randrange(_ORGANISATIONS)))
    return tuple(
        participant for tier in _ENROLMENT for participant in registry.tier(tier, cast.size(tier))
    )


_ENROLMENT: Final = tuple(Tier)
_TYPES: Final[dict[Tier, PartyType]] = {
    Tier.MAKER: PartyType.MANUFACTURER,
    Tier.NATIONAL: PartyType.WHOLESALER,
    Tier.REGIONAL: PartyType.WHOLESALER,
    Tier.PROVINCE_CDC: PartyType.CDC,
    Tier.CITY_CDC: PartyType.CDC,
    Tier.COUNTY_CDC: PartyType.CDC,
    Tier.RETAIL: PartyType.PHARMACY,
    Tier.HOSPITAL: PartyType.HOSPITAL,
    Tier.VACCINATION: PartyType.VACCINATION_UNIT,
    Tier.CARRIER: PartyType.LOGISTICS,
}
_PUBLIC: Final = frozenset(
    {Tier.PROVINCE_CDC, Tier.CITY_CDC, Tier.COUNTY_CDC, Tier.HOSPITAL, Tier.VACCINATION}
)

_BRANDS: Final = (
    "晋康", "汾河", "太行", "云冈", "恒山", "吕梁", "晋阳", "五台", "雁门", "河东", "平遥", "壶口",
    "仁和堂", "益民", "惠众", "同济堂", "百草", "康泰", "德源", "保和", "瑞安", "宏济", "万民", "普济",
)  # fmt: skip
_STREETS: Final = (
    "坞城",
    "桥东",
    "北关",
    "新建路",
    "滨河",
    "迎泽街",
    "城南",
    "文化街",
    "双塔",
    "和平路",
)


@dataclass(frozen=True, slots=True)
class _Registry:
    rng: Random
    numbers: Iterator[int]

    def tier(self, tier: Tier, size: int) -> Iterator[Participant]:
        for index in range(size):
            region, name = _place_and_name(tier, index)
            party_type = _TYPES[tier]
            if tier is Tier.MAKER and index % 4 == 2:  # noqa: PLR2004 - every fourth holds the licence
                party_type = PartyType.MAH
            yield Participant(
                party_id=self._party_id(tier, region),
                party_type=party_type,
                tier=tier,
                name=name,
                region=region,
                software=_software(tier, index, self.rng),
            )

    def _party_id(self, tier: Tier, region: Region) -> str:
        number = next(self.numbers)
        if tier in _PUBLIC:
            return credit_id("12", region.code, f"{40_000_000 + number:08d}")
        return credit_id("91", region.code, f"MA{_base31(number):0>6}")


_ORGANISATIONS: Final = 40_000_000


def _base31(number: int) -> str:
    """Write a number with the characters of organisation codes, which leave out I, O, S, V and Z."""
    digits = ""
    while number:
        number, digit = divmod(number, len(CREDIT_CHARS))
        digits = CREDIT_CHARS[digit] + digits
    return digits


def _city_of(index: int) -> City:
    return CITIES[index % len(CITIES)]


def _county_of(index: int) -> tuple[City, Region]:
    """Walk over the cities first, so that few participants are already spread over the province."""
    city = _city_of(index)
    return city, city.counties[index // len(CITIES) % len(city.counties)]


def _place_and_name(tier: Tier, index: int) -> tuple[Region, str]:
    city, county = _county_of(index)
    brand = _BRANDS[index % len(_BRANDS)]
    serial = "" if index < len(_BRANDS) else f"第{index // len(_BRANDS) + 1}"
    words = {
        "brand": brand + serial,
        "city": city.region.name,
        "county": f"{city.region.name}{county.name}",
        "province": PROVINCE.name,
        "street": _STREETS[index % len(_STREETS)],
        "serial": serial,
    }
    region = {Tier.PROVINCE_CDC: PROVINCE, Tier.CITY_CDC: city.region}.get(tier, county)
    return region, _NAMES[tier].format_map(words)


_NAMES: Final[dict[Tier, str]] = {
    Tier.MAKER: "山西{brand}制药有限公司",
    Tier.NATIONAL: "国药{brand}医药股份有限公司",
    Tier.REGIONAL: "{city}{brand}医药有限公司",
    Tier.PROVINCE_CDC: "{province}疾病预防控制中心",
    Tier.CITY_CDC: "{city}疾病预防控制中心",
    Tier.COUNTY_CDC: "{county}疾病预防控制中心",
    Tier.RETAIL: "{county}{brand}大药房",
    Tier.HOSPITAL: "{county}{serial}人民医院",
    Tier.VACCINATION: "{county}{street}{serial}社区卫生服务中心预防接种门诊",
    Tier.CARRIER: "山西{brand}冷链物流有限公司",
}
_DRESSES: Final[tuple[XmlDress, ...]] = ("gzip-base64", "plain", "bom", "gbk", "base64")
_SPELLINGS: Final[tuple[Gs1Spelling, ...]] = ("bracketed", "digital-link", "urn")


def _software(tier: Tier, index: int, rng: Random) -> Software:
    """Return the software of the `index`-th participant of a tier: old scanners beside new systems."""
    earliest, latest = _OFFSETS_MIN[tier]
    offset_s = rng.randrange(earliest * 60, latest * 60)
    xml = Software(
        bills=Form.BILL_XML,
        receipts=Form.BILL_XML,
        uses=Form.CSV,
        xml_dress=_DRESSES[index % len(_DRESSES)],
        bundles=index % 2 == 0,
        offset_s=offset_s,
    )
    native = Software(gs1=_SPELLINGS[index % len(_SPELLINGS)], offset_s=offset_s)
    scanner = Software(bills=Form.CSV, receipts=Form.SCANNER_TXT, uses=Form.CSV, offset_s=offset_s)
    table = Software(bills=Form.CSV, receipts=Form.CSV, uses=Form.CSV, offset_s=offset_s)
    choices = _CHOICES[tier]
    return {"xml": xml, "native": native, "scanner": scanner, "table": table}[
        choices[index % len(choices)]
    ]


_OFFSETS_MIN: Final[dict[Tier, tuple[int, int]]] = {
    # Roughly down the chain, as the goods went.
    Tier.MAKER: (0, 5),
    Tier.NATIONAL: (2, 6),
    Tier.REGIONAL: (12, 25),
    Tier.PROVINCE_CDC: (2, 6),
    Tier.CITY_CDC: (8, 15),
    Tier.COUNTY_CDC: (15, 30),
    Tier.RETAIL: (20, 45),
    Tier.HOSPITAL: (20, 45),
    Tier.VACCINATION: (25, 45),
    Tier.CARRIER: (0, 1),
}
_CHOICES: Final[dict[Tier, tuple[str, ...]]] = {
    Tier.MAKER: ("xml", "native"),
    Tier.NATIONAL: ("native", "xml"),
    Tier.REGIONAL: ("xml", "native", "xml"),
    Tier.PROVINCE_CDC: ("native",),
    Tier.CITY_CDC: ("native", "xml"),
    Tier.COUNTY_CDC: ("table", "native"),
    Tier.RETAIL: ("native", "xml", "table", "scanner"),
    Tier.HOSPITAL: ("scanner", "native", "xml"),
    Tier.VACCINATION: ("native", "table"),
    Tier.CARRIER: ("native",),
}
