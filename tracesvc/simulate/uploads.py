"""What reaches the service: uploads, and the drafts they are written from when their time comes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from tracesvc.domain.vocabulary import Kind
from tracesvc.simulate import formats
from tracesvc.simulate.facts import Fact
from tracesvc.simulate.participants import Form, Participant


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A place in a payload that holds the digest of an earlier event, known from its receipt only.

    `placeholder` is to be replaced by the digest, in hex, of event `ordinal` of the upload with that
    idempotency key.
    """

    placeholder: str
    idempotency_key: str
    ordinal: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One HTTP upload: who sends it, when, in which format, and its bytes.

    `params` are query parameters beside `format`. `code_count` counts the codes written in the
    payload, `event_count` the events it reports. `is_repeat` marks a second sending of the same
    bytes; `is_awaited` one whose receipt another upload refers to (`awaits`).
    """

    party_id: str
    upload_time: datetime
    format: str
    filename: str
    params: Mapping[str, str]
    payload: bytes
    idempotency_key: str
    code_count: int
    event_count: int
    is_repeat: bool = False
    is_awaited: bool = False
    awaits: Reference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """How much a draft holds: events and scans as the log counts them, codes as the file lists them.

    A scan is one (event, code, role): a packing scans its parent and its children.
    """

    events: Counter[Kind] = field(default_factory=Counter)
    scans: int = 0
    codes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draft:
    """An upload before it is written: a few spans of goods, so that thousands can wait."""

    actor: Participant
    form: Form
    facts: tuple[Fact, ...]
    filename: str
    due: datetime
    params: Mapping[str, str] = field(default_factory=dict)
    key_suffix: str = ""
    is_repeat: bool = False
    is_awaited: bool = False
    awaits: "Draft | None" = None

    @property
    def idempotency_key(self) -> str:
        return f"{self.actor.party_id}/{self.filename}{self.key_suffix}"

    def at(self, due: datetime) -> "Draft":
        return replace(self, due=due)

    def again(self, due: datetime, key_suffix: str) -> "Draft":
        """Return a second sending: the same key is a retry, another one somebody's second click."""
        return replace(self, due=due, key_suffix=key_suffix, is_repeat=True)

    def weigh(self) -> Weight:
        weight = Weight()
        codes = scans = 0
        for fact in self.facts:
            listed, scanned = _weigh_production(fact, weight.events)
            if not fact.is_production:
                events = fact.size if fact.every_s else 1
                if self.form is Form.SCANNER_TXT:
                    events = formats.lots_of(fact)
                weight.events[fact.kind] += events
                listed = fact.size + len(fact.replacements) + (fact.parent is not None)
                scanned = listed
            codes += listed
            scans += scanned
        return replace(weight, scans=scans, codes=codes)

    def write(self) -> Upload:
        """Write the payload. The same draft always gives the same bytes."""
        weight = self.weigh()
        payload = self._payload()
        reference = None
        if self.awaits is not None:
            reference = Reference(
                placeholder=formats.VOID_MARK, idempotency_key=self.awaits.idempotency_key
            )
        return Upload(
            party_id=self.actor.party_id,
            upload_time=self.due,
            format=self.form.value,
            filename=self.filename,
            params=self.params,
            payload=payload,
            idempotency_key=self.idempotency_key,
            code_count=weight.codes,
            event_count=weight.events.total(),
            is_repeat=self.is_repeat,
            is_awaited=self.is_awaited,
            awaits=reference,
        )

    def _payload(self) -> bytes:
        software = self.actor.software
        match self.form:
            case Form.JSON:
                return formats.native_json(self.facts, software)
            case Form.BILL_XML:
                return formats.bill_xml(self.facts, software.xml_dress)
            case Form.RELATION_XML:
                return formats.relation_xml(self.facts[0])
            case Form.SCANNER_TXT:
                return formats.scanner_txt(self.facts[0])
            case Form.CSV:
                return formats.csv_table(self.facts, software)


def _weigh_production(fact: Fact, events: Counter[Kind]) -> tuple[int, int]:
    """Count an activation: one event per package level, one packing per container."""
    if not fact.is_production or fact.lot is None:
        return 0, 0
    product, tops = fact.lot.product, fact.size
    codes = tops * product.tree_size
    units = tops * product.units_per(product.levels)
    containers = codes - units
    events[Kind.ACTIVATE] += product.levels
    events[Kind.PACK] += containers
    # Activated once each; packed: every container as parent, everything but the tops as a child.
    return codes, codes + containers + codes - tops
