from __future__ import annotations

import pytest

from seald.errors import IntegrityError
from seald.serving.quarantine import Quarantine
from tests.unit.serving.conftest import MemoryFiles, version


def test_what_nobody_vouches_for_is_named_until_it_is_whole_again(files: MemoryFiles) -> None:
    quarantine = Quarantine(files)
    files.torn |= {2}
    assert quarantine.verify(version(1)).version == 1
    for _ in range(2):
        with pytest.raises(IntegrityError):
            quarantine.verify(version(2))
    assert quarantine.listed() == [{"version": "default@2", "reason": "default@2 is torn"}]
    files.torn.clear()
    quarantine.verify(version(2))
    assert quarantine.listed() == []
