from __future__ import annotations

from pathlib import Path

import pytest

from perftui.tui.keeping import keep_snapshot
from tests.tui.console import json
from tests.tui.stand_in import shown_after

SNAPSHOT = shown_after(1).snapshot


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    told = keep_snapshot(SNAPSHOT, "words", json, tmp_path)
    (written,) = tmp_path.glob("*.txt")
    written.unlink()
    written.symlink_to("/dev/full")

    assert str(tmp_path) in told
    assert "not written: No space left on device" in keep_snapshot(SNAPSHOT, "words", json, tmp_path)


def test_a_folder_at_home_is_told_as_the_operator_would_type_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    told = keep_snapshot(SNAPSHOT, "words", json, tmp_path / ".local/state/perftui")

    assert "; written to ~/.local/state/perftui/snapshot-" in told
    assert len(told) < 80


def test_a_second_copy_of_the_same_moment_replaces_the_first(tmp_path: Path) -> None:
    keep_snapshot(SNAPSHOT, "first, longer", json, tmp_path)
    keep_snapshot(SNAPSHOT, "second", json, tmp_path)

    assert [path.read_text() for path in tmp_path.glob("*.txt")] == ["second"]
