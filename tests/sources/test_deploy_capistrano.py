"""Against the lines that Capistrano 3 writes (capistrano/lib/capistrano/i18n.rb: revision_log_message, rollback_log_message)."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from perftui.clients.log_file import LogFile
from perftui.clients.release_link import release_link
from perftui.model.failure import FailureKind, SourceError
from perftui.sources.deploy import DeployKind, DeploysSample
from perftui.sources.deploy_capistrano import CapistranoDirectory
from tests.sources.deploys import AT, WallClock, source

FIRST = "Branch main (at 1a2b3c4) deployed as release 20260211093712 by deploy\n"
SECOND = "Branch release/2.8 (at 5d6e7f8) deployed as release 20260211103712 by alice\n"
BACK = "bob rolled back to release 20260211093712\n"


async def told(folder: Path, *lines: str, current: str = "", moved_at: float = AT + 120) -> DeploysSample:
    (folder / "revisions.log").write_text("".join(lines))
    os.utime(folder / "revisions.log", (AT + 240, AT + 240))
    link = folder / "current"
    if current:
        link.symlink_to(f"releases/{current}")
        os.utime(link, (moved_at, moved_at), follow_symlinks=False)
    log = LogFile(str(folder / "revisions.log"), 1 << 20)
    place = CapistranoDirectory("shop", log, partial(release_link, str(link)))
    return await source(place, clock=WallClock(mono=9000.0)).sample()


async def test_releases_with_their_commit_and_moment(tmp_path: Path) -> None:
    second, first = (await told(tmp_path, FIRST, SECOND)).deploys

    assert (first.at, first.version, first.previous, first.who) == (AT - 3600, "1a2b3c4", None, "deploy")
    assert (second.at, second.version, second.previous, second.who) == (AT, "5d6e7f8", "1a2b3c4", "alice")
    assert second.detail == "branch release/2.8, release 20260211103712"
    assert (second.kind, second.precision_s, second.service) == (DeployKind.DEPLOY, 1.0, "shop")


@pytest.mark.parametrize(
    ("current", "at"),
    [("20260211093712", AT + 120), ("20260211103712", AT + 240), ("", AT + 240)],
    ids=["the link tells when", "the link was moved on by something else", "no link"],
)
async def test_the_last_rollback_has_the_moment_of_the_link(tmp_path: Path, current: str, at: float) -> None:
    back = (await told(tmp_path, FIRST, SECOND, BACK, current=current)).deploys[0]

    assert (back.kind, back.version, back.previous, back.who) == (DeployKind.ROLLBACK, "1a2b3c4", "5d6e7f8", "bob")
    assert (back.at, back.precision_s) == (at, 1.0)


async def test_an_earlier_rollback_lies_somewhere_between_its_neighbours(tmp_path: Path) -> None:
    third = SECOND.replace("1037", "1057").replace("5d6e7f8", "9a9b9c9")
    newest, back, *_ = (await told(tmp_path, FIRST, SECOND, BACK, third)).deploys

    assert (newest.version, newest.previous) == ("9a9b9c9", "1a2b3c4")
    assert (back.kind, back.at, back.precision_s) == (DeployKind.ROLLBACK, AT + 600, 600.0)


async def test_a_rollback_to_a_release_that_the_log_no_longer_names(tmp_path: Path) -> None:
    (back,) = (await told(tmp_path, BACK)).deploys
    assert (back.version, back.at) == ("20260211093712", AT + 240)


async def test_other_lines_are_skipped_and_told(tmp_path: Path) -> None:
    sample = await told(
        tmp_path, FIRST, "\n", "Branch main deployed\n", SECOND.replace("20260211103712", "20269911103712")
    )
    assert len(sample.deploys) == 1
    assert sample.places[0].trouble == "line 4 tells of no release; it is skipped"


async def test_a_log_that_is_not_there_is_told(tmp_path: Path) -> None:
    log = LogFile(str(tmp_path / "revisions.log"), 1 << 20)
    with pytest.raises(SourceError) as failed:
        await source(CapistranoDirectory("shop", log, lambda: None)).sample()
    assert failed.value.kind is FailureKind.MISSING
    assert failed.value.detail == f"{tmp_path}/revisions.log: not there"
