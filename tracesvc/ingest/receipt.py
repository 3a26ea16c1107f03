"""What a capture's uploader can show for it: the receipt, and the proof that it is in the log."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from tracesvc.domain.captures import CaptureReceipt, InclusionProof
from tracesvc.domain.errors import NotFound
from tracesvc.domain.parties import Viewer


class ReceiptLog(Protocol):
    """Where receipts are read again."""

    async def receipt(self, capture_id: UUID) -> CaptureReceipt | None:
        """Return the receipt of a stored capture, None where there is no such capture."""
        ...


class ProofSource(Protocol):
    """Where the Merkle tree over the captures is read."""

    async def proof(self, log_index: int) -> InclusionProof | None:
        """Return the audit path of a leaf in the newest tree, None where it is not in it yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    log: ReceiptLog
    proofs: ProofSource

    async def receipt(self, viewer: Viewer, capture_id: UUID) -> CaptureReceipt:
        """Return the receipt; raises NotFound where there is none that the viewer may see."""
        receipt = await self.log.receipt(capture_id)
        if receipt is None or not (viewer.sees_all or receipt.party_id == viewer.party_id):
            raise NotFound("there is no such capture", capture_id=str(capture_id))
        return receipt

    async def proof(self, receipt: CaptureReceipt) -> InclusionProof | None:
        """Return the proof that the capture is in the log, None while it is not sequenced."""
        if receipt.log_index is None:
            return None
        return await self.proofs.proof(receipt.log_index)
