"""Against real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from perftui.clients.git_folder import Reflog
from perftui.model.failure import FailureKind, SourceError
from perftui.sources.deploy import Deploy, DeployKind
from perftui.sources.deploy_git import GitDirectory, parse_entry
from tests.sources.deploys import AT, WallClock, source

ENVIRONMENT = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "Alice \x1b[31m",
    "GIT_AUTHOR_EMAIL": "alice@example.org",
    "GIT_COMMITTER_NAME": "Alice \x1b[31m",
    "GIT_COMMITTER_EMAIL": "alice@example.org",
}


def git(folder: Path, *words: str, minute: int = 0) -> str:
    """Run git as Alice, so many minutes after 10:37:12."""
    moment = f"{int(AT) + minute * 60} +0100"
    return subprocess.run(
        ["git", "-C", str(folder), *words],
        check=True,
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, "GIT_COMMITTER_DATE": moment, "GIT_AUTHOR_DATE": moment},
    ).stdout.strip()


def commit(folder: Path, name: str, minute: int = 0) -> str:
    (folder / name).write_text(name)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", f"add {name}", minute=minute)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "one")
    return folder


@pytest.fixture
def clone(tmp_path: Path, origin: Path) -> Path:
    git(tmp_path, "clone", "-q", str(origin), "shop")
    return tmp_path / "shop"


async def known(folder: Path, clock: WallClock | None = None) -> tuple[Deploy, ...]:
    place = GitDirectory("shop", Reflog(str(folder), 1 << 20))
    return (await source(place, clock=clock or WallClock(mono=90_000.0)).sample()).deploys


async def test_a_pull_a_reset_and_a_detached_tag(origin: Path, clone: Path) -> None:
    first = git(clone, "rev-parse", "HEAD")
    second = commit(origin, "two")
    git(origin, "tag", "v2.8.1")
    git(clone, "pull", "-q", "--tags", "origin", "main", minute=5)
    git(clone, "reset", "-q", "--hard", "HEAD~1", minute=10)
    git(clone, "checkout", "-q", "v2.8.1", minute=15)

    tagged, back, pulled, cloned = await known(clone)

    assert (cloned.version, cloned.previous, cloned.kind) == (first[:10], None, DeployKind.DEPLOY)
    assert (pulled.version, pulled.previous, pulled.at) == (second[:10], first[:10], AT + 300)
    assert (pulled.who, pulled.service, pulled.precision_s) == ("Alice ?[31m", "shop", 1.0)
    assert pulled.detail == f"pull -q --tags origin main: Fast-forward; commit {second[:10]} in {clone}"
    assert (back.kind, back.version, back.previous, back.at) == (DeployKind.ROLLBACK, first[:10], second[:10], AT + 600)
    assert (tagged.version, tagged.at) == ("v2.8.1", AT + 900)


async def test_another_branch_of_the_same_commit_is_no_change_and_a_rebase_is_one(origin: Path, clone: Path) -> None:
    git(clone, "checkout", "-q", "-b", "hotfix", minute=1)
    assert len(await known(clone)) == 1
    for name in ("fix", "fix of the fix"):
        commit(clone, name, minute=2)
    commit(origin, "two")
    git(clone, "fetch", "-q")
    before = git(clone, "rev-parse", "HEAD")
    git(clone, "rebase", "-q", "origin/main", minute=3)

    newest = (await known(clone))[0]

    assert (newest.version, newest.previous) == (git(clone, "rev-parse", "HEAD")[:10], before[:10])
    assert len(await known(clone)) == 4


async def test_only_what_is_new_is_read_and_expired_entries_are_forgotten(origin: Path, clone: Path) -> None:
    place = source(GitDirectory("shop", Reflog(str(clone), 1 << 20)), clock=WallClock(mono=90_000.0))
    assert len((await place.sample()).deploys) == 1
    commit(clone, "two", minute=3)
    assert len((await place.sample()).deploys) == 2
    git(clone, "reflog", "expire", "--expire=all", "--all")
    assert (await place.sample()).deploys == ()


async def test_a_linked_worktree_and_a_bare_repository_have_logs_of_their_own(tmp_path: Path, clone: Path) -> None:
    git(clone, "worktree", "add", "-q", "-b", "blue", str(tmp_path / "blue"), minute=4)
    changed = commit(tmp_path / "blue", "blue", minute=5)
    assert (await known(tmp_path / "blue"))[0].version == changed[:10]
    assert len(await known(clone)) == 1

    git(tmp_path, "clone", "-q", "--bare", str(clone), "bare.git")
    with pytest.raises(SourceError, match=r"no log of HEAD; git config core\.logAllRefUpdates true"):
        await known(tmp_path / "bare.git")


async def test_a_link_that_is_moved_to_another_clone_is_followed(tmp_path: Path, origin: Path, clone: Path) -> None:
    current = tmp_path / "current"
    current.symlink_to(clone)
    place = source(GitDirectory("shop", Reflog(str(current), 1 << 20)), clock=WallClock(mono=90_000.0))
    await place.sample()
    second = commit(origin, "two", minute=1)
    git(tmp_path, "clone", "-q", str(origin), "green", minute=2)
    current.unlink()
    current.symlink_to(tmp_path / "green")

    assert [deploy.version for deploy in (await place.sample()).deploys] == [second[:10]]


async def test_a_directory_that_git_itself_refuses_for_its_owner_is_read(clone: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory to somebody else")
    for path in (clone, *clone.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    refused = subprocess.run(["git", "-C", str(clone), "reflog"], capture_output=True, text=True, env=ENVIRONMENT)
    assert "dubious ownership" in refused.stderr

    assert len(await known(clone)) == 1


async def test_a_login_in_the_address_is_taken_out(clone: Path) -> None:
    log = clone / ".git" / "logs" / "HEAD"
    log.write_text(log.read_text().replace("clone: from ", "clone: from https://bot:s3cret@example.org"))
    (deploy,) = await known(clone)
    assert deploy.detail is not None
    assert "s3cret" not in deploy.detail
    assert "clone: from https://example.org" in deploy.detail


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda path: None, FailureKind.MISSING, "not there"),
        (lambda path: path.mkdir(), FailureKind.MISSING, "no git repository; expected a directory with .git in it"),
        (lambda path: (path.mkdir(), (path / ".git").write_text("gitdir\n")), FailureKind.MALFORMED, "gitdir: PATH"),
        (
            lambda path: (path.mkdir(), (path / ".git").write_text("gitdir: gone\n")),
            FailureKind.MISSING,
            "gone/logs/HEAD",
        ),
    ],
    ids=["no directory", "no repository", "a broken pointer", "a pointer to nothing"],
)
async def test_what_is_no_repository_is_told(tmp_path: Path, make: object, kind: FailureKind, words: str) -> None:
    assert callable(make)
    make(tmp_path / "x")
    with pytest.raises(SourceError) as failed:
        await known(tmp_path / "x")
    assert failed.value.kind is kind
    assert words in failed.value.detail


async def test_lines_that_are_no_entries_are_skipped_and_told(clone: Path) -> None:
    log = clone / ".git" / "logs" / "HEAD"
    with log.open("ab") as file:
        file.write(b"\x00 garbage\n")
    place = source(GitDirectory("shop", Reflog(str(clone), 1 << 20)), clock=WallClock(mono=90_000.0))
    sample = await place.sample()
    assert len(sample.deploys) == 1
    assert sample.places[0].trouble == "line 2 of the log of HEAD is no entry; it is skipped"


def test_hashes_of_both_lengths() -> None:
    line = f"{'0' * 64} {'a1' * 32} Alice <a@b> 1770806232 +0100\tcommit (initial): x"
    move = parse_entry(line.encode())
    assert move is not None
    assert (move.new, move.at, move.message) == ("a1" * 32, AT, "commit (initial): x")
