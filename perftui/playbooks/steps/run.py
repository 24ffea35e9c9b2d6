"""`run`: a command as a list of arguments. No shell ever sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from perftui.playbooks.document import Do, Effect, Step
from perftui.playbooks.steps.kind import Kind, Place, Problem
from perftui.playbooks.template import Template
from perftui.playbooks.values import EnvName

_SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"}
_SECRET = re.compile(
    r"(?i)(-{1,2}(password|passwd|pass|token|secret|api-?key)(=|$)|\b[a-z_]*(password|token|secret)=|://[^/@\s:]+:[^/@\s]+@|\bAKIA[0-9A-Z]{16}\b)"
)


class Run(Do, frozen=True, kw_only=True):
    argv: tuple[Template, ...]
    env: dict[EnvName, Template] = {}
    """Variables for this command alone: the way for a secret."""


def _templates(do: Run) -> Iterator[tuple[Place, Template]]:
    yield from ((("argv", number), word) for number, word in enumerate(do.argv))
    yield from ((("env", name), value) for name, value in do.env.items())


def _check(step: Step, do: Run) -> Iterator[Problem]:
    if not do.argv:
        yield Problem((), "there is no command", "write run: [COMMAND, ARGUMENT]")
        return
    if do.argv[0].references():
        yield Problem(("argv", 0), "the command itself comes from a value", "write the command's name out")
    if do.argv[0].rpartition("/")[2] in _SHELLS:
        what = f"{do.argv[0]} is a shell: values could become commands"
        yield Problem(("argv", 0), what, "run the command itself; use capture.select for what a pipe would pick")
    for number, word in enumerate(do.argv):
        if _SECRET.search(word):
            yield Problem(
                ("argv", number), "a secret on a command line is seen by everybody with ps", "pass it in `env:`"
            )


KIND = Kind(
    name="run",
    do=Run,
    text="runs a command: a list of arguments, no shell",
    short="argv",
    beside=("env",),
    effect=lambda do: Effect.UNKNOWN,
    fields={"exit_code": "count", "output_bytes": "bytes"},
    captures=True,
    templates=_templates,
    check=_check,
)
