"""Cursors go there and back, and refuse what they did not make."""

import pytest

from tracesvc.domain.errors import BadParameter
from tracesvc.query.cursor import decode_cursor, encode_cursor, page_of


@pytest.mark.parametrize("key", [(), (0,), ("单据|号", -7), ("a" * 100, 2**70)])
def test_a_cursor_comes_back_as_its_key(key):
    """What goes into a cursor comes out of it."""
    assert decode_cursor(encode_cursor("list", *key), "list", tuple) == key


def test_no_cursor_is_no_key():
    """The first page has no cursor."""
    assert decode_cursor(None, "list", tuple) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "!!!!", "é", "A" * 2000, encode_cursor("other", 1), "W10", "e30",
        "WyJsaXN0IiwxLjVd", "W1tbW1tbW1tb",
    ],
)  # fmt: skip
def test_a_cursor_of_something_else_is_refused(cursor):
    """Neither noise nor the cursor of another list is taken for a place in this one."""
    with pytest.raises(BadParameter) as raised:
        decode_cursor(cursor, "list", tuple)

    assert raised.value.extra["parameter"] == "cursor"


def test_a_cursor_whose_key_cannot_be_read_is_refused():
    """A key of the right list and the wrong form is not taken either."""
    with pytest.raises(BadParameter):
        decode_cursor(encode_cursor("list", "seven"), "list", lambda parts: int(parts[0]))


def test_a_page_says_whether_more_follows():
    """One row more than asked for is read, and never shown."""
    assert page_of([1, 2, 3], 2, str).items == (1, 2)
    assert page_of([1, 2, 3], 2, str).next_cursor == "2"
    assert page_of([1, 2], 2, str).next_cursor is None
    assert page_of([], 2, str).items == ()
