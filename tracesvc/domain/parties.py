"""Who takes part: the parties, whom an API key speaks for, and how much its holder may see."""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from tracesvc.domain.vocabulary import AccessRole, PartyType

_SEES_ALL = frozenset({AccessRole.REGULATOR, AccessRole.AUDITOR, AccessRole.ADMIN})
_SENDS = frozenset({AccessRole.UPLOADER, AccessRole.REGULATOR, AccessRole.ADMIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One company, institution or authority. `region` is an administrative division code.

    `cut_in_date` is the day from which the party reports everything; what it held before is
    opening stock and no gap.
    """

    party_id: str
    party_type: PartyType
    name: str
    region: str = ""
    cut_in_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Whose eyes an answer is for: everything, or one party's own events and its counterparts'."""

    party_id: str | None
    sees_all: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whom an API key speaks for. A key without a party may read or administer, not report."""

    key_id: str
    party_id: str | None
    roles: frozenset[AccessRole]

    @property
    def viewer(self) -> Viewer:
        return Viewer(party_id=self.party_id, sees_all=bool(self.roles & _SEES_ALL))

    @property
    def may_send(self) -> bool:
        return bool(self.roles & _SENDS)

    @property
    def is_admin(self) -> bool:
        return AccessRole.ADMIN in self.roles

    @property
    def is_regulator(self) -> bool:
        return AccessRole.REGULATOR in self.roles

    def speaks_for(self, party_id: str) -> bool:
        """Tell whether events of this actor may come from this caller: its own, or any for an admin."""
        return self.is_admin or (self.party_id is not None and self.party_id == party_id)


def hash_of_key(key: str) -> bytes:
    """Return what is kept of an API key. Keys are random, so a plain SHA-256 cannot be guessed back."""
    return sha256(key.encode()).digest()
