"""What is traded: products with their packing, and production lots that know all their codes."""

from dataclasses import dataclass
from datetime import date
from itertools import count
from math import prod
from random import Random
from typing import Any, Final, Literal, NamedTuple

from tracesvc.simulate.participants import Participant, Tier

Scheme = Literal["cn20", "gs1"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Product:
    """One product in one package. `ratios` counts children per container, from level 2 upwards.

    `prefixes` hold, per level, seven digits (cn20) or a GTIN-14 (gs1); an empty one means that
    containers of that level carry an SSCC. `classes` are vaccine, narcotic, blood.
    """

    product_code: str
    name: str
    unit_name: str
    scheme: Scheme
    ratios: tuple[int, ...]
    prefixes: tuple[str, ...]
    classes: frozenset[str]
    shelf_life_years: int
    maker: Participant

    @property
    def levels(self) -> int:
        return len(self.ratios) + 1

    def units_per(self, level: int) -> int:
        """Return how many smallest units one pack of a level holds."""
        return prod(self.ratios[: level - 1])

    @property
    def cascade(self) -> str:
        """Return the packing ratio as relation files write it: largest first, cumulative."""
        units = self.units_per(self.levels)
        levels = range(self.levels, 0, -1)
        return ":".join(str(units // self.units_per(level)) for level in levels)

    @property
    def tree_size(self) -> int:
        """Return the number of codes of one top-level pack with everything in it."""
        units = self.units_per(self.levels)
        return sum(units // self.units_per(level) for level in range(1, self.levels + 1))

    def summary(self) -> dict[str, Any]:
        return {
            "product_code": self.product_code,
            "name": self.name,
            "scheme": self.scheme,
            "classes": sorted(self.classes),
            "cascade": self.cascade,
            "prefixes": list(self.prefixes),
            "shelf_life_years": self.shelf_life_years,
            "mah": self.maker.party_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lot:
    """One production lot. Its codes are computed when they are written, not kept.

    `starts` are the serial numbers of the first pack of each level; the packs of a lot are numbered
    without gaps, so the content of a container is a range of indices one level below.
    """

    product: Product
    number: str
    made_on: date
    expiry: date
    starts: tuple[int, ...]
    salt: int

    def codes(self, level: int, first: int, size: int) -> list[str]:
        """Return the canonical codes of `size` packs of a level, from the index `first` on."""
        prefix = self.product.prefixes[level - 1]
        serials = range(self.starts[level - 1] + first, self.starts[level - 1] + first + size)
        if self.product.scheme == "cn20":
            salt = self.salt
            # The platform's last four digits are secret; these only look as arbitrary.
            return [
                f"{prefix}{serial:09d}{((serial ^ salt) * 2654435761 >> 12) % 10000:04d}"
                for serial in serials
            ]
        if not prefix:
            return [f"(00){sscc(_COMPANY_PREFIX, serial)}" for serial in serials]
        letters = _LETTERS[self.salt % len(_LETTERS)] + _LETTERS[self.salt // 7 % len(_LETTERS)]
        return [f"(01){prefix}(21){letters}{serial:09d}" for serial in serials]

    def code(self, level: int, index: int) -> str:
        return self.codes(level, index, 1)[0]


_COMPANY_PREFIX: Final = "6923456"
_LETTERS: Final = "ABCDEFGHJKLMNPQRTUWX"


def mod10(payload: str) -> str:
    """Return the GS1 check digit of some digits."""
    weights = (3 if at % 2 == 0 else 1 for at in range(len(payload)))
    total = sum(
        int(digit) * weight for digit, weight in zip(reversed(payload), weights, strict=True)
    )
    return str(-total % 10)


def sscc(company_prefix: str, serial: int) -> str:
    """Return 18 digits: extension 1, a seven-digit company prefix, serial reference, check digit."""
    payload = f"1{company_prefix}{serial:09d}"
    return payload + mod10(payload)


class _Model(NamedTuple):
    """A line of the catalogue from which products are made."""

    name: str
    unit_name: str
    classes: tuple[str, ...]
    scheme: Scheme
    small: tuple[int, ...]
    trade: tuple[int, ...]
    shelf_life_years: int


_CATALOGUE: Final = (
    _Model("阿莫西林胶囊", "盒", (), "cn20", (5, 4), (10, 20), 3),
    _Model("冻干人用狂犬病疫苗", "支", ("vaccine",), "cn20", (5, 4), (10, 20), 2),
    _Model("盐酸吗啡注射液", "盒", ("narcotic",), "cn20", (4, 3), (10, 10), 3),
    _Model("注射用头孢曲松钠", "瓶", (), "gs1", (5, 2, 2), (10, 10, 4), 3),
    _Model("人血白蛋白", "瓶", ("blood",), "cn20", (6,), (20,), 3),
    _Model("连花清瘟胶囊", "盒", (), "cn20", (10,), (100,), 2),
    _Model("复方丹参滴丸", "瓶", (), "cn20", (10, 2), (10, 30), 3),
    _Model("重组乙型肝炎疫苗", "支", ("vaccine",), "cn20", (5, 2), (10, 40), 3),
    _Model("布洛芬缓释胶囊", "盒", (), "cn20", (10,), (200,), 3),
    _Model("甘精胰岛素注射液", "支", (), "gs1", (5, 4), (5, 40), 3),
    _Model("硝苯地平控释片", "盒", (), "cn20", (5, 2, 2), (10, 10, 5), 3),
    _Model("葡萄糖注射液", "袋", (), "cn20", (10,), (30,), 2),
)


def catalogue(
    size: int, makers: tuple[Participant, ...], rng: Random, *, packing: Literal["small", "trade"]
) -> tuple[Product, ...]:
    """Return `size` products, spread over the makers; vaccines belong to the last maker alone."""
    numbers = count(rng.randrange(1000, 9000))
    ordinary = makers[:-1] or makers
    products = []
    for index in range(size):
        model = _CATALOGUE[index % len(_CATALOGUE)]
        is_vaccine = "vaccine" in model.classes
        maker = makers[-1] if is_vaccine else ordinary[index % len(ordinary)]
        products.append(
            make_product(
                model.name,
                unit_name=model.unit_name,
                classes=frozenset(model.classes),
                scheme=model.scheme,
                ratios=getattr(model, packing),
                shelf_life_years=model.shelf_life_years,
                maker=maker,
                number=next(numbers),
            )
        )
    return tuple(products)


def make_product(
    name: str,
    *,
    unit_name: str,
    classes: frozenset[str],
    scheme: Scheme,
    ratios: tuple[int, ...],
    shelf_life_years: int,
    maker: Participant,
    number: int,
) -> Product:
    """Return a product whose prefixes follow from its four-digit `number`."""
    levels = len(ratios) + 1
    prefixes = (
        _gtins(number, levels)
        if scheme == "gs1"
        else tuple(
            f"{_version(number, classes)}{number:04d}{level}" for level in range(1, levels + 1)
        )
    )
    return Product(
        product_code=prefixes[0],
        name=name,
        unit_name=unit_name,
        scheme=scheme,
        ratios=ratios,
        prefixes=prefixes,
        classes=classes,
        shelf_life_years=shelf_life_years,
        maker=maker,
    )


_SSCC_LEVEL: Final = 4


def _gtins(number: int, levels: int) -> tuple[str, ...]:
    """Return a GTIN-14 per level, told apart by the indicator digit; pallets carry an SSCC."""
    payloads = (f"{level - 1}{_COMPANY_PREFIX}{number:05d}" for level in range(1, levels + 1))
    gtins = [payload + mod10(payload) for payload in payloads]
    return (*gtins[: _SSCC_LEVEL - 1], *[""] * (levels - _SSCC_LEVEL + 1))


def _version(number: int, classes: frozenset[str]) -> str:
    """Return the first two digits of cn20: 89 marks narcotic and psychotropic drugs."""
    return "89" if "narcotic" in classes else ("81", "83", "84", "86")[number % 4]


def trade_level(product: Product, tier: Tier) -> int:
    """Return the largest pack that participants of a tier ship to their customers."""
    if tier is Tier.MAKER:
        return product.levels
    if tier in {Tier.NATIONAL, Tier.PROVINCE_CDC}:
        return min(product.levels, 3)
    return min(product.levels, 2)
