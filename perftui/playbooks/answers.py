"""Which playbook answers which rule, read without YAML: the banner names one from its first frame on, and the loader costs more
than the whole start may. Only the lines of `suggests_for` are looked at; the list of playbooks reads the files as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from perftui.model.failure import UsageError
from perftui.playbooks.trust import distrust, read_trusted, shipped_folder, user_folder

LIMIT = 256 * 1024
_FIELD = re.compile(r"^suggests_for:[ \t]*(.*)$", re.MULTILINE)
_RULE = re.compile(r"[a-z_]+\.[a-z_0-9]+")


def answers(folders: Sequence[Path] = ()) -> Mapping[str, str]:
    """Rule → id of the playbook that answers it: the first by id. Of two files of one name the later folder's holds."""
    texts: dict[str, str] = {}
    for folder in (shipped_folder(), user_folder(), *folders):
        if folder.is_dir() and not distrust(folder):
            texts |= {path.stem: _text(path) for path in folder.glob("*.yaml")}
    found: dict[str, str] = {}
    for name in sorted(texts):
        for rule in rules_named(texts[name]):
            found.setdefault(rule, name)
    return found


def rules_named(text: str) -> Iterator[str]:
    """The rules of a playbook's `suggests_for`, in a list of either form."""
    field = _FIELD.search(text)
    if field is None:
        return
    inline = field.group(1).partition("#")[0]
    if inline.lstrip().startswith("["):
        yield from _RULE.findall(text[field.start(1) :].partition("]")[0])
        return
    for line in text[field.end() :].splitlines()[1:]:
        if not line.lstrip().startswith(("-", "#")) and line.strip():
            return
        yield from _RULE.findall(line.partition("#")[0])


def _text(path: Path) -> str:
    """Empty where it is not to be read."""
    try:
        return read_trusted(path, LIMIT).decode(errors="replace")
    except UsageError:
        return ""
