"""Uploads that claim more than they bring."""

import pytest

from tests.ui.security.test_quotas import MB, sent
from tests.ui.test_sessions import Clock
from threedsl.errors import InputError
from threedsl.ui.security import limits
from threedsl.ui.security.ledger import Ledger


@pytest.mark.parametrize("shared", [False, True])
def test_a_length_that_does_not_fit_deletes_nothing(tmp_path, monkeypatch, shared):
    """A request that only claimed 100 GB deleted what others had just uploaded, where addresses are shared."""
    if shared:
        monkeypatch.setenv("SPACE_ID", "someone/space")
        monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    clock = Clock()
    ledger = Ledger(tmp_path, clock=clock)
    path = sent(ledger, "a")
    clock.now += limits.MAKE_ROOM_SECONDS + 1
    for count in (100 * 2**30, limits.MOST_TEMP_BYTES, limits.MOST_TEMP_BYTES + 1):
        with pytest.raises(InputError):
            ledger.check_room("2.2.2.2", count)
    monkeypatch.setattr(limits, "MOST_TEMP_BYTES", MB)
    with pytest.raises(InputError, match="no room"):
        ledger.check_room("2.2.2.2", MB + 1)
    assert ledger.serves(path)
