"""`run`: a command as a list of arguments. No shell ever sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from perftui.playbooks.document import Do, Effect, Step
from perftui.playbooks.steps.kind import Kind, Place, Problem
from perftui.playbooks.steps.world import Done, Unfilled, World
from perftui.playbooks.template import Template
from perftui.playbooks.values import EnvName

OWN = "perftui"
"""As a command: this very program, wherever it is installed."""
_LAST_WORDS = 160
_SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"}
_SECRET = re.compile(
    r"(?i)(-{1,2}(password|passwd|pass|token|secret|api-?key)(=|$)|\b[a-z_]*(password|token|secret)=|://[^/@\s:]+:[^/@\s]+@|\bAKIA[0-9A-Z]{16}\b)"
)

_KUBECTL = "apply create delete edit patch replace scale set annotate label taint cordon uncordon drain exec cp expose"
_SYSTEMCTL = "start stop restart reload enable disable mask unmask kill isolate reboot poweroff"
_VERBS = {
    command: frozenset(verbs.split(" "))
    for command, verbs in (
        ("kubectl", f"{_KUBECTL} run autoscale"),
        ("systemctl", _SYSTEMCTL),
        ("docker", "kill pause restart rm rmi run start stop unpause update exec"),
        ("helm", "install upgrade rollback uninstall delete"),
    )
}
"""Verbs of well-known commands that change something."""
_AWS_READS = ("describe", "get", "list", "lookup", "wait", "ls", "head", "scan", "query", "filter", "help")
_CHANGING = "rm rmdir mv dd kill pkill killall truncate shred mkfs reboot shutdown chmod chown"
_ALWAYS = frozenset(_CHANGING.split(" "))


class Run(Do, frozen=True, kw_only=True):
    argv: tuple[Template, ...]
    env: dict[EnvName, Template] = {}
    """Variables for this command alone: the way for a secret."""
    expect_exit: tuple[int, ...] = (0,)
    """Exit codes that pass: 1 of `grep` or `lsof` means that nothing was found."""


def changes(do: Run) -> str:
    """The command and verb of a well-known command that changes something; empty where it is not known to."""
    if not do.argv:
        return ""
    command = do.argv[0].rpartition("/")[2]
    words = [word for word in do.argv[1:] if not word.startswith("-")]
    if command in _ALWAYS:
        return command
    if command == "aws":
        verb = words[1] if len(words) > 1 else ""
        return f"aws {verb}" if verb and not verb.startswith(_AWS_READS) else ""
    if command == "kubectl" and "rollout" in words and {"undo", "restart", "pause", "resume"} & set(words):
        return "kubectl rollout"
    # Only what stands before the first value of an option can be told from one: the verb is among the first words.
    verb = next((word for word in words[:3] if word in _VERBS.get(command, ())), "")
    return f"{command} {verb}" if verb else ""


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


def filled(do: Run, world: World) -> list[str]:
    """The command with its values; each stays one word, and none becomes an option.

    Raises:
        Unfilled: a value is missing, or begins with `-` where an option could stand.
    """
    argv: list[str] = []
    for word in do.argv:
        told = world.fill(word)
        first_is_value = bool(word.parts()) and word.parts()[0][0]
        if first_is_value and told.startswith("-") and "--" not in argv:
            raise Unfilled(f"{word} is {told!r}, which {do.argv[0]} would take for an option; put -- before it")
        if "\0" in told:
            raise Unfilled(f"{word} holds a NUL character")
        argv.append(told)
    return argv


async def execute(step: Step, do: Run, world: World) -> Done:
    """Run it; an exit code that is expected passes."""
    try:
        argv = filled(do, world)
        env = {str(name): world.fill(value, secret=True) for name, value in do.env.items()}
    except Unfilled as exc:
        return Done(state="refused", why=str(exc))
    output = await world.program(argv, env, world.timeout_s)
    values = {"exit_code": output.code, "output_bytes": output.output_bytes}
    if output.code in do.expect_exit and not output.why:
        return Done(state="passed", values=values, output=output.text)
    why = output.why or f"{argv[0]} ended with exit code {output.code}{_last_words(output.text)}"
    return Done(state="failed", why=why, values=values, output=output.text, timed_out=output.timed_out)


def _last_words(text: str) -> str:
    """`: perftui: nope: no such budget …`: what a program says last is mostly why it failed."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f": {lines[-1][:_LAST_WORDS]}" if lines else ""


KIND = Kind(
    name="run",
    do=Run,
    text="runs a command: a list of arguments, no shell",
    short="argv",
    acts=True,
    undoes=True,
    outside=True,
    beside=("env", "expect_exit"),
    effect=lambda do: Effect.UNKNOWN,
    fields={"exit_code": "count", "output_bytes": "bytes"},
    captures=True,
    templates=_templates,
    check=_check,
    execute=execute,
)
