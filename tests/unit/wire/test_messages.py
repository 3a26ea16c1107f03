"""Every error code tells people what is wrong and how to mend it."""

import re
from pathlib import Path

import pytest

import tracesvc
from tracesvc.domain.errors import TraceError
from tracesvc.wire.messages import REMEDIES, message_for

SOURCE = Path(tracesvc.__file__).parent
_RAISED = re.compile(r'(?:Refused|ScanFault|\.reject|_reject_line)\(\s*"([a-z0-9_]+)"')
_BRANCHED = re.compile(r'(?:Refused|ScanFault)\(\s*"([a-z0-9_]+)" if [^)]*? else "([a-z0-9_]+)"')
_REASON = re.compile(r'reason="([a-z0-9_]+)"')
_CODE = re.compile(r'error_code(?:: ClassVar\[str\])? ?= ?"([a-z0-9_]+)"')
_TABLE = re.compile(r'^    (?:"\w+"|\("\w+",?.*\)): "([a-z]+_[a-z_]+)",$', re.MULTILINE)


def classes(root):
    yield root
    for child in root.__subclasses__():
        yield from classes(child)


def used():
    found = {kind.error_code for kind in classes(TraceError)}
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(_RAISED.findall(text)) | set(_CODE.findall(text))
        found |= {code for pair in _BRANCHED.findall(text) for code in pair}
    for path in (SOURCE / "wire").glob("*.py"):
        found |= set(_REASON.findall(path.read_text(encoding="utf-8")))
    found |= set(_TABLE.findall((SOURCE / "wire" / "native.py").read_text(encoding="utf-8")))
    return found | {"bad_event", "no_event_time", "bad_value"}


def test_every_code_has_a_message():
    """No code is used that nobody can look up."""
    assert used() - REMEDIES.keys() == set()


def test_no_message_is_left_over():
    """No message stands for a code that is used nowhere."""
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in SOURCE.rglob("*.py")
        if path.name != "messages.py"
    )

    assert [code for code in REMEDIES if f'"{code}"' not in text] == []


@pytest.mark.parametrize("code", sorted(REMEDIES))
def test_messages(code):
    """A message is a sentence in each of the two languages."""
    message = message_for(code)

    assert re.search(r"[\u4e00-\u9fff]", message.zh)
    assert message.zh.endswith("。")
    assert message.en.isascii()
    assert message.en[0].isupper()
    assert message.en.endswith(".")


def test_unknown_code():
    """A code without message gets a general one."""
    assert message_for("never_heard_of").en
