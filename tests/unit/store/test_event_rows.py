"""What COPY is sent."""

from uuid import UUID

import pytest

from tracesvc.domain.ids import event_id_of, new_capture_id
from tracesvc.domain.vocabulary import Role
from tracesvc.store.event_rows import event_ids, scan_copy, storable

ONE, OTHER = UUID(int=1), UUID(int=2)


def parsed(data):
    """Read COPY's binary format back, field by field."""
    assert data[:19] == b"PGCOPY\n\xff\r\n\x00" + bytes(8)
    at, rows = 19, []
    while (fields := int.from_bytes(data[at : at + 2], "big", signed=True)) != -1:
        at += 2
        row = []
        for _ in range(fields):
            length = int.from_bytes(data[at : at + 4], "big")
            row.append(data[at + 4 : at + 4 + length])
            at += 4 + length
        rows.append((row[0].decode(), UUID(bytes=row[1]), int.from_bytes(row[2], "big")))
    assert at + 2 == len(data)
    return rows


@pytest.mark.parametrize(
    "codes",
    [("81000000000000000001",), ("a", "b", "c"), ("(01)06901234567892(21)X\\1", "short", "码")],
    ids=["one", "of one length", "of several lengths"],
)
def test_scans_are_rows_of_code_event_and_role(codes):
    """Joined rows read back as what they were made of, whatever characters a code has."""
    data = scan_copy([(ONE, Role.PARENT, ("case",)), (OTHER, Role.CHILD, codes)])

    assert parsed(data) == [("case", ONE, 1), *((code, OTHER, 2) for code in codes)]


def test_no_scans_are_an_empty_copy():
    """Parts without codes send nothing."""
    data = scan_copy([(ONE, Role.REPLACEMENT, ())])

    assert parsed(data) == []


def test_event_ids_made_at_once_are_the_ids_of_the_domain():
    """The quick way and the plain way name events alike, also across a carry."""
    capture_id = new_capture_id(1_700_000_000_000, b"\xff" * 7)
    ordinals = [0, 1, 254, 255, 65_535, 2**20 - 3]

    assert event_ids(capture_id, ordinals) == [event_id_of(capture_id, o) for o in ordinals]


def test_rejected_text_can_always_be_stored():
    """NUL and lone surrogates, which Postgres refuses, are kept as escapes."""
    assert storable("a\x00b\ud800c药") == "a\\x00b\\ud800c药"
