"""What is handed out: the wheel and the sdist hold what they must and nothing else, and the locks name files, not places."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import perftui

PROJECT = Path(__file__).parent.parent
PLAYBOOKS = sorted(
    str(path.relative_to(PROJECT / "playbooks")) for path in (PROJECT / "playbooks").rglob("*") if path.is_file()
)
"""With their fixtures, which `perftui playbook test` plays."""
LOCKS = {"requirements.lock": ("demo",), "requirements-dev.lock": ("demo", "dev")}
"""Each lock, and the extras that it resolves beside the dependencies."""


def build(kind: str, folder: Path) -> Path:
    """Build with what is installed: hatchling run by itself asks no index."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    built = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert built.returncode == 0, built.stderr
    (archive,) = folder.iterdir()
    return archive


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_program_its_types_its_playbooks_and_budgets_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    metadata = f"perftui-{perftui.__version__}.dist-info/"
    modules = {str(path.relative_to(PROJECT)) for path in (PROJECT / "perftui").rglob("*.py")}
    shipped = {f"perftui/playbooks/shipped/{name}" for name in PLAYBOOKS}

    budgets = {str(path.relative_to(PROJECT)) for path in (PROJECT / "perftui").rglob("*.toml")}

    assert PLAYBOOKS and budgets
    assert {name for name in names if not name.startswith(metadata)} == modules | shipped | budgets | {
        "perftui/py.typed"
    }


def test_the_installed_wheel_gives_the_command_and_finds_its_playbooks(wheel: Path, tmp_path: Path) -> None:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        str(tmp_path),
        str(wheel),
    ]
    subprocess.run(pip, check=True, timeout=60)

    def told(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, tmp_path / "bin" / "perftui", *arguments],
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert told("--version").strip() == f"perftui {perftui.__version__}"
    listed = json.loads(told("playbook", "list", "--json"))
    assert [f"{each['id']}.yaml" for each in listed] == [name for name in PLAYBOOKS if "/" not in name]
    assert {Path(each["path"]).parent for each in listed} == {tmp_path / "perftui" / "playbooks" / "shipped"}


def test_the_sdist_holds_what_a_wheel_is_built_from_and_no_tests(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}

    assert {name.partition("/")[0] for name in inside} == {
        "perftui", "playbooks", "README.md", "CHANGELOG.md", "pyproject.toml", "PKG-INFO", ".gitignore",
    }  # fmt: skip
    assert {f"playbooks/{name}" for name in PLAYBOOKS} <= inside


def locked(lock: str) -> dict[str, str]:
    """Each requirement of a lock with its lines as one."""
    text = (PROJECT / lock).read_text().replace("\\\n", " ")
    return {re.split(r"[=\s;]", line)[0]: line for line in text.splitlines() if line and not line.startswith("#")}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock: str) -> None:
    assert not re.findall(r"https?:|file:|git\+|--\w*index\S*|--find-links| @ ", (PROJECT / lock).read_text())


@pytest.mark.parametrize("lock", LOCKS)
def test_each_locked_requirement_has_one_version_and_its_hashes(lock: str) -> None:
    for line in locked(lock).values():
        assert re.fullmatch(r"[a-z0-9-]+==[\w.+]+( ; [^-]+)?(\s+--hash=sha256:[0-9a-f]{64})+\s*", line), line


@pytest.mark.parametrize(("lock", "extras"), LOCKS.items(), ids=LOCKS)
def test_a_lock_holds_what_the_project_asks_for(lock: str, extras: tuple[str, ...]) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(each for extra in extras for each in project["optional-dependencies"][extra])]
    found = locked(lock)

    for text in asked:
        requirement = Requirement(text)
        line = found[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(line.split("==")[1].split()[0]), f"{text} is asked for: {line[:60]}"


def test_the_locks_agree_where_they_name_the_same() -> None:
    run, dev = locked("requirements.lock"), locked("requirements-dev.lock")

    assert run.items() <= dev.items()
