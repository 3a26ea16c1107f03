"""Ranges of goods: opened, dealt out and counted without loss."""

from datetime import date

import pytest

from tracesvc.domain.codes import is_canonical
from tracesvc.simulate.credit_ids import credit_id
from tracesvc.simulate.formats import spelled
from tracesvc.simulate.plan import demo_plan
from tracesvc.simulate.stock import Shelf, Span, codes_of, cut, deal, size_of
from tracesvc.simulate.world import World


@pytest.fixture(scope="module")
def world():
    return World(demo_plan(date(2026, 1, 20)))


@pytest.fixture
def cases(world):
    """Ten top-level packs of a product of three levels."""
    product = next(p for p in world.products if p.levels == 3)
    return Span(world.new_lot(product, date(2026, 1, 5), 10), 3, 0, 10)


def test_codes_are_canonical_and_differ(world):
    """Every code of every level, in both schemes, is one the service can read, and unique."""
    spans = [
        Span(world.new_lot(product, date(2026, 1, 6), 40), level, 0, 40)
        for product in world.products
        for level in range(1, product.levels + 1)
    ]
    codes = codes_of(spans)

    assert all(map(is_canonical, codes))
    assert len(set(codes)) == len(codes)


def test_opening_gives_the_content(cases):
    """Four cartons of five units come out of each case."""
    cartons = cases.part(2, 3).opened()

    assert (cartons.level, cartons.first, cartons.size) == (2, 8, 4)
    assert cartons.opened().size == 20
    assert cases.covers(199)
    assert not cases.part(0, 1).covers(20)


def test_a_shelf_opens_only_what_it_must(cases):
    """Taking a unit opens one case and one carton; the rest stays closed."""
    shelf = Shelf()
    shelf.put([cases])
    product = cases.lot.product

    taken = shelf.take(product, 1, 1)

    assert size_of(taken) == 1
    assert shelf.units(product) == 199
    assert size_of(shelf.take(product, 3, 99)) == 9
    assert size_of(shelf.take(product, 2, 99)) == 3
    assert size_of(shelf.take(product, 1, 99)) == 4
    assert not shelf


def test_taking_all_keeps_a_share(cases):
    """A wholesaler opens everything to cartons and keeps a tenth of them."""
    shelf = Shelf()
    shelf.put([cases])

    taken = shelf.take_all(cases.lot.product, 2, keep=0.1)

    assert size_of(taken) == 36
    assert shelf.units(cases.lot.product) == 20


def test_dealing_loses_nothing(cases):
    """Shares follow the weights, in order, and add up to the whole."""
    shares = list(deal((cases.opened(), cases), [3, 1, 0, 1]))

    assert [size_of(share) for share in shares] == [30, 10, 0, 10]
    assert [code for share in shares for code in codes_of(share)] == codes_of(
        (cases.opened(), cases)
    )


def test_cutting_is_by_scanned_codes(cases):
    """A cut across two ranges has the end of the first and the beginning of the second."""
    both = (cases, cases.opened())

    assert codes_of(cut(both, 9, 12)) == codes_of(both)[9:12]


@pytest.mark.parametrize(
    "known", ["914403001922038216", "9144030071526726XG", "91330100799655058B"]
)
def test_credit_ids_have_their_check_characters(known):
    """Published identifiers of real companies are computed alike."""
    assert credit_id(known[:2], known[2:8], known[8:16]) == known


def test_gs1_spellings_name_the_same_pack():
    """A pack's bracketed, Digital Link and URN spellings carry the same numbers."""
    sgtin, sscc = "(01)06923456012042(21)AJ000000089", "(00)169234560000000123"

    assert spelled(sgtin, "digital-link") == "https://id.gs1.org/01/06923456012042/21/AJ000000089"
    assert spelled(sgtin, "urn") == "urn:epc:id:sgtin:6923456.001204.AJ000000089"
    assert spelled(sscc, "urn") == "urn:epc:id:sscc:6923456.1000000012"
    assert spelled("84120210000000272701", "urn") == "84120210000000272701"


def test_parties_have_distinct_ids_and_names(world):
    """Identifiers are unique and eighteen characters long."""
    ids = [participant.party_id for participant in world.participants]

    assert len(set(ids)) == len(ids)
    assert {len(party_id) for party_id in ids} == {18}
    assert len({participant.name for participant in world.participants}) == len(ids)
