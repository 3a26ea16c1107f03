"""Who buys from whom: one supply chain per class of product, from its makers to its users."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from tracesvc.simulate.participants import Participant, Tier
from tracesvc.simulate.products import Product


class Terms(NamedTuple):
    """Under which reasons goods leave one party and reach another."""

    shipped_as: str
    received_as: str


SALE: Final = Terms("sale", "purchase")
SUPPLY: Final = Terms("supply", "supply")
TRANSFER: Final = Terms("transfer", "transfer")

_CDCS: Final = frozenset({Tier.PROVINCE_CDC, Tier.CITY_CDC, Tier.COUNTY_CDC})
_WHOLESALE: Final = (Tier.REGIONAL, Tier.NATIONAL)
_ROUTES: Final[Mapping[str, tuple[Tier, ...]]] = {
    # 疫苗管理法 35, 36: vaccines reach vaccination units through the CDCs only.
    "vaccine": (Tier.VACCINATION, Tier.COUNTY_CDC, Tier.CITY_CDC, Tier.PROVINCE_CDC),
    "hospital": (Tier.HOSPITAL, *_WHOLESALE),
    "retail": (Tier.RETAIL, *_WHOLESALE),
}
_CLASS_ROUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "vaccine": ("vaccine",),
    "narcotic": ("hospital",),
    "blood": ("hospital",),
    "ordinary": ("hospital", "retail"),
}


def chain_class(product: Product) -> str:
    """Return which chain a product travels through."""
    return next(iter(product.classes), "ordinary")


class Network:
    """The suppliers and customers of everybody. One supplier per participant and product class."""

    def __init__(self, participants: Iterable[Participant]) -> None:
        self._tiers: dict[Tier, list[Participant]] = {tier: [] for tier in Tier}
        for participant in participants:
            self._tiers[participant.tier].append(participant)
        self._suppliers: dict[tuple[str, Participant], Participant] = {}
        self._customers: dict[tuple[str, Participant | None], list[Participant]] = {}
        for name, routes in _CLASS_ROUTES.items():
            for route in routes:
                self._link(name, _ROUTES[route])

    def tier(self, tier: Tier) -> tuple[Participant, ...]:
        return tuple(self._tiers[tier])

    def customers(self, seller: Participant, product: Product) -> tuple[Participant, ...]:
        """Return who buys this product from a seller; only those from whom it reaches a user."""
        at = None if seller.tier is Tier.MAKER else seller
        return tuple(self._customers.get((chain_class(product), at), ()))

    def supplier(self, buyer: Participant, product: Product) -> Participant | None:
        """Return from whom a buyer has this product; None where that is its maker."""
        return self._suppliers.get((chain_class(product), buyer))

    def terms(self, seller: Participant, buyer: Participant) -> Terms:
        if seller.tier in _CDCS:
            return SUPPLY
        nationals, regionals = self._tiers[Tier.NATIONAL], self._tiers[Tier.REGIONAL]
        # The first national wholesaler and the last regional one are the same group.
        same_group = nationals[:1] == [seller] and regionals[-1:] == [buyer]
        return TRANSFER if same_group and len(regionals) > 1 else SALE

    def _link(self, name: str, route: tuple[Tier, ...]) -> None:
        """Link a route from its users upwards, so that nobody is supplied who supplies nobody."""
        buyers = self._tiers[route[0]]
        for tier in route[1:]:
            sellers = self._tiers[tier]
            if name == "narcotic":
                # Only designated wholesalers (定点) trade narcotics: the first of each tier.
                sellers = sellers[:1]
            chosen: list[Participant] = []
            for index, buyer in enumerate(buyers):
                seller = self._suppliers.get((name, buyer)) or _choose(sellers, buyer, index)
                self._suppliers[name, buyer] = seller
                self._connect(name, seller, buyer)
                if seller not in chosen:
                    chosen.append(seller)
            buyers = chosen
        for buyer in buyers:
            self._connect(name, None, buyer)

    def _connect(self, name: str, seller: Participant | None, buyer: Participant) -> None:
        customers = self._customers.setdefault((name, seller), [])
        if buyer not in customers:
            customers.append(buyer)


def _choose(sellers: list[Participant], buyer: Participant, index: int) -> Participant:
    """Prefer a seller in the buyer's city; without one, share the buyers out evenly."""
    city = buyer.region.code[:4]
    near = [seller for seller in sellers if seller.region.code[:4] == city] or sellers
    return near[index % len(near)]
