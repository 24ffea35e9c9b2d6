"""The clients behind the steps: `perftui` is this very program."""

from __future__ import annotations

from pathlib import Path

import pytest

from perftui.commands.playbook_tools import ClientTools
from perftui.playbooks.steps.world import Output


async def told(*argv: str) -> Output:
    return await ClientTools(None).program(list(argv), {}, (), 20.0, 65536, None, lambda pid, started: None)


async def test_perftui_is_this_program_with_its_own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "perftui" / "baselines").mkdir(parents=True)
    (tmp_path / "perftui" / "baselines" / "noon.json").write_text("{")

    listed = await told("perftui", "baseline", "list")

    assert listed.code == 3 and str(tmp_path) in listed.text


async def test_its_exit_code_is_told_by_its_name() -> None:
    ended = await told("perftui", "nonsense")

    assert ended.code == 64 and "'nonsense' is no command" in ended.text
