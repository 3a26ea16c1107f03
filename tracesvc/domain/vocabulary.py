"""The words of the trade: event kinds, reasons, bill types and their EPCIS forms, in one table.

Sources: the bill types of the de-facto Chinese platform's open API, the event names of the bill XML
that handheld scanners write, and the GS1 Core Business Vocabulary 2.0.
"""

from enum import IntEnum, StrEnum
from typing import Final, NamedTuple


class Kind(StrEnum):
    """What happened. Declared in rank order: among events of one instant the earlier kind counts first.

    The order is the order of a working day at one site: goods are made, packed, shipped, received,
    and only then used. Bill files often carry a date without a time, so ties are common.
    """

    # An enum's own hash is a Python function, and kinds are looked up several times per event.
    __hash__ = str.__hash__

    ACTIVATE = "activate"
    RELABEL = "relabel"
    PACK = "pack"
    SHIP = "ship"
    RECEIVE = "receive"
    REFUSE = "refuse"
    ADJUST = "adjust"
    UNPACK = "unpack"
    QUARANTINE = "quarantine"
    RELEASE = "release"
    DISPENSE_PARTIAL = "dispense_partial"
    DISPENSE = "dispense"
    VACCINATE = "vaccinate"
    SAMPLE = "sample"
    DESTROY = "destroy"
    VOID = "void"
    CORRECT = "correct"


KIND_RANK: Final[dict[Kind, int]] = {kind: rank for rank, kind in enumerate(Kind)}

VOIDING: Final = frozenset({Kind.VOID, Kind.CORRECT})
"""Kinds that name another event and take it out of the fold; they scan no code themselves."""

USES: Final = frozenset({Kind.DISPENSE, Kind.DISPENSE_PARTIAL, Kind.VACCINATE})
"""Kinds by which a person receives the product."""

LEAVES_CONTAINER: Final = frozenset(Kind) - {Kind.ACTIVATE, Kind.PACK, *VOIDING}
"""Kinds that take a packed code out of its container when they name the code and not the container."""


class Role(IntEnum):
    """What a trace code was in an event. Stored as a small integer: never renumber."""

    __hash__ = int.__hash__

    OBJECT = 0
    PARENT = 1
    CHILD = 2
    REPLACEMENT = 3


class Status(StrEnum):
    """Where a code stands in its life. A unit inside a case has the status of the case."""

    __hash__ = str.__hash__

    UNKNOWN = "unknown"
    ACTIVATED = "activated"
    IN_STOCK = "in_stock"
    IN_TRANSIT = "in_transit"
    QUARANTINED = "quarantined"
    PARTIALLY_DISPENSED = "partially_dispensed"
    DISPENSED = "dispensed"
    VACCINATED = "vaccinated"
    DESTROYED = "destroyed"
    SAMPLED = "sampled"
    LOST = "lost"
    CANCELLED = "cancelled"


USED: Final = frozenset({Status.DISPENSED, Status.VACCINATED})
GONE: Final = frozenset({Status.DESTROYED, Status.SAMPLED, Status.LOST})
TERMINAL: Final = USED | GONE | {Status.CANCELLED}


class PartyType(StrEnum):
    MANUFACTURER = "manufacturer"
    MAH = "mah"
    WHOLESALER = "wholesaler"
    PHARMACY = "pharmacy"
    HOSPITAL = "hospital"
    CDC = "cdc"
    VACCINATION_UNIT = "vaccination_unit"
    LOGISTICS = "logistics"
    REGULATOR = "regulator"


class AccessRole(StrEnum):
    """What an API key may do."""

    UPLOADER = "uploader"
    REGULATOR = "regulator"
    AUDITOR = "auditor"
    ADMIN = "admin"


class BillType(NamedTuple):
    """One row of the mapping between our kinds and what trade systems write."""

    number: int
    kind: Kind
    reason: str
    label_zh: str
    label_en: str
    xml_name: str | None
    epcis_step: str
    epcis_disposition: str
    has_counterparty: bool


_PURCHASE_IN = "PurchaseWareHouseIn"
_SELLABLE = "sellable_not_accessible"

BILL_TYPES: Final[tuple[BillType, ...]] = (
    BillType(101, Kind.RECEIVE, "production", "生产入库", "production in",
             "ProduceWareHouseIn", "storing", _SELLABLE, False),
    BillType(102, Kind.RECEIVE, "purchase", "采购入库", "purchase in",
             _PURCHASE_IN, "receiving", _SELLABLE, True),
    BillType(103, Kind.RECEIVE, "return", "退货入库", "return in",
             "ReturnWareHouseIn", "receiving", "returned", True),
    BillType(104, Kind.RECEIVE, "transfer", "调拨入库", "transfer in",
             "AllocateWareHouseIn", "receiving", _SELLABLE, True),
    BillType(107, Kind.RECEIVE, "supply", "供应入库", "supply in",
             None, "receiving", _SELLABLE, True),
    BillType(108, Kind.RECEIVE, "recall", "召回入库", "recall in",
             None, "receiving", "recalled", True),
    BillType(110, Kind.RECEIVE, "gift", "赠品入库", "gift in",
             None, "receiving", _SELLABLE, True),
    BillType(111, Kind.ADJUST, "surplus", "盘盈入库", "stock-take surplus",
             None, "stock_taking", _SELLABLE, False),
    BillType(112, Kind.RECEIVE, "scrap", "报废入库", "scrap in",
             None, "storing", "non_sellable_other", False),
    BillType(113, Kind.RECEIVE, "other", "其他入库", "other in",
             None, "storing", _SELLABLE, False),
    BillType(116, Kind.RECEIVE, "consumer_return", "消费者退货入库", "consumer return",
             None, "receiving", "returned", False),
    BillType(201, Kind.SHIP, "sale", "销售出库", "sale out",
             "SalesWareHouseOut", "shipping", "in_transit", True),
    BillType(202, Kind.SHIP, "return", "退货出库", "return out",
             "ReturnWareHouseOut", "shipping", "returned", True),
    BillType(203, Kind.SHIP, "transfer", "调拨出库", "transfer out",
             "AllocateWareHouseOut", "shipping", "in_transit", True),
    BillType(204, Kind.SHIP, "rework", "返工出库", "rework out",
             "ReworkWareHouseOut", "shipping", "in_transit", False),
    BillType(205, Kind.DESTROY, "destruction", "销毁出库", "destruction",
             "DestroyWareHouseOut", "destroying", "destroyed", False),
    BillType(206, Kind.SAMPLE, "inspection", "抽检出库", "sampling",
             "CheckWareHouseOut", "sampling", "unavailable", False),
    BillType(207, Kind.SHIP, "direct", "直调出库", "direct delivery out",
             "DirectAllocateWareHouseOut", "shipping", "in_transit", True),
    BillType(208, Kind.SHIP, "production", "生产出库", "production out",
             None, "shipping", "in_transit", False),
    BillType(209, Kind.SHIP, "supply", "供应出库", "supply out",
             None, "shipping", "in_transit", True),
    BillType(211, Kind.SHIP, "recall", "召回出库", "recall out",
             None, "shipping", "recalled", True),
    BillType(212, Kind.SHIP, "gift", "赠品出库", "gift out",
             None, "shipping", "in_transit", True),
    BillType(214, Kind.ADJUST, "loss", "盘亏出库", "stock-take loss",
             None, "stock_taking", "unavailable", False),
    BillType(215, Kind.DESTROY, "damage", "损坏出库", "damage out",
             None, "destroying", "damaged", False),
    BillType(216, Kind.DESTROY, "scrap", "报废出库", "scrap out",
             None, "destroying", "disposed", False),
    BillType(217, Kind.SHIP, "other", "其他出库", "other out",
             None, "shipping", "in_transit", False),
    BillType(237, Kind.SHIP, "direct_return", "直调退货", "direct-delivery return",
             None, "shipping", "returned", True),
    BillType(321, Kind.DISPENSE, "retail", "零售出库", "retail sale",
             None, "retail_selling", "retail_sold", False),
    BillType(322, Kind.VACCINATE, "vaccination", "疫苗接种", "vaccination",
             None, "dispensing", "dispensed", False),
    BillType(323, Kind.DISPENSE, "medical", "医疗机构使用", "medical dispensing",
             None, "dispensing", "dispensed", False),
)  # fmt: skip

XML_SPELLINGS: Final = {"DestoryWareHouseOut": "DestroyWareHouseOut"}
"""The official spelling mistake, which every scanner repeats, beside the word it means."""

REASONS_WITHOUT_BILL: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.ADJUST: ("opening",),
    Kind.SHIP: ("purchase",),
    Kind.VOID: ("did_not_occur",),
    Kind.CORRECT: ("incorrect_data",),
    Kind.REFUSE: ("quantity", "quality", "temperature", "document", "expired", "other"),
    Kind.QUARANTINE: ("quality", "recall", "expired", "temperature", "inspection", "other"),
    Kind.RELABEL: ("rework", "damaged_label"),
    Kind.DISPENSE_PARTIAL: ("retail", "medical"),
}
"""Reasons that name no bill type; a reason outside both tables is kept as reported, never refused."""


def kind_for_bill(number: int) -> BillType | None:
    """Return the row of a bill type number, None where the number is not in use."""
    return _BY_NUMBER.get(number)


def kind_for_xml(name: str) -> BillType | None:
    """Return the row of a bill XML event name, in the right or the official wrong spelling."""
    return _BY_XML.get(XML_SPELLINGS.get(name, name))


def bill_for(kind: Kind, reason: str | None) -> BillType | None:
    """Return the bill type of a kind and reason; a kind without reason takes its everyday bill."""
    return _BY_MEANING.get((kind, reason or _EVERYDAY.get(kind, "")))


_BY_NUMBER = {row.number: row for row in BILL_TYPES}
_BY_XML = {row.xml_name: row for row in BILL_TYPES if row.xml_name}
_BY_MEANING = {(row.kind, row.reason): row for row in BILL_TYPES}
_EVERYDAY: dict[Kind, str] = {
    Kind.SHIP: "sale",
    Kind.RECEIVE: "purchase",
    Kind.DISPENSE: "retail",
    Kind.VACCINATE: "vaccination",
    Kind.DESTROY: "destruction",
    Kind.SAMPLE: "inspection",
}

EPCIS_FORMS: Final[dict[Kind, tuple[str, str, str, str]]] = {
    Kind.ACTIVATE: ("ObjectEvent", "ADD", "commissioning", "active"),
    Kind.RELABEL: ("TransformationEvent", "", "repackaging", "active"),
    Kind.PACK: ("AggregationEvent", "ADD", "packing", "in_progress"),
    Kind.UNPACK: ("AggregationEvent", "DELETE", "unpacking", "in_progress"),
    Kind.SHIP: ("ObjectEvent", "OBSERVE", "shipping", "in_transit"),
    Kind.RECEIVE: ("ObjectEvent", "OBSERVE", "receiving", "in_progress"),
    Kind.REFUSE: ("ObjectEvent", "OBSERVE", "accepting", "non_conformant"),
    Kind.ADJUST: ("ObjectEvent", "OBSERVE", "stock_taking", "sellable_not_accessible"),
    Kind.QUARANTINE: ("ObjectEvent", "OBSERVE", "holding", "non_sellable_other"),
    Kind.RELEASE: ("ObjectEvent", "OBSERVE", "holding", "sellable_not_accessible"),
    Kind.DISPENSE_PARTIAL: ("ObjectEvent", "OBSERVE", "dispensing", "partially_dispensed"),
    Kind.DISPENSE: ("ObjectEvent", "OBSERVE", "dispensing", "dispensed"),
    Kind.VACCINATE: ("ObjectEvent", "OBSERVE", "dispensing", "dispensed"),
    Kind.SAMPLE: ("ObjectEvent", "OBSERVE", "sampling", "unavailable"),
    Kind.DESTROY: ("ObjectEvent", "DELETE", "destroying", "destroyed"),
    Kind.VOID: ("errorDeclaration", "", "", "did_not_occur"),
    Kind.CORRECT: ("errorDeclaration", "", "", "incorrect_data"),
}
"""EPCIS 2.0 form of each kind: event type, action, business step, disposition (CBV 2.0)."""
