"""`branch`: conditions decide.

The first true arm wins; where none is true and one is unknown, the unknown arm; otherwise else.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import field

from perftui.playbooks.conditions import Condition, Outcome, evaluate
from perftui.playbooks.document import Call, Do, Step
from perftui.playbooks.steps.kind import Kind, Place, Problem, Way, arguments
from perftui.playbooks.steps.use import Argument
from perftui.playbooks.steps.world import Done, Progress, Unfilled, World, unknown_words
from perftui.playbooks.values import Slug, StepId


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One of `if`, `else` and `unknown`."""

    condition: Condition | None = field(name="if", default=None)
    otherwise: StepId | None = field(name="else", default=None)
    """The step where no arm is true and none unknown."""
    unknown: StepId | None = None
    """The step where no arm is true and a condition is unknown."""
    goto: StepId | None = None
    """The next step; with `use` or `steps`, the one after these."""
    use: Slug | None = None
    arguments: dict[StepId, Argument] = field(name="with", default_factory=dict)
    steps: tuple[Step, ...] = ()
    verdict: Call | None = None
    cause: str = ""
    say: str = ""

    @property
    def target(self) -> str | None:
        """The step that the arm names."""
        return self.goto or self.otherwise or self.unknown


class Branch(Do, frozen=True, kw_only=True):
    arms: tuple[Arm, ...]

    @property
    def otherwise(self) -> StepId | None:
        return next((arm.otherwise for arm in self.arms if arm.otherwise), None)

    @property
    def unknown(self) -> StepId | None:
        return next((arm.unknown for arm in self.arms if arm.unknown), None)


def _ways(do: Branch) -> Iterator[Way]:
    for number, arm in enumerate(do.arms):
        yield Way(place=("arms", number), goto=arm.target, use=arm.use, arguments=arm.arguments, steps=arm.steps)


def _conditions(do: Branch) -> Iterator[tuple[Place, Condition]]:
    return ((("arms", number, "if"), arm.condition) for number, arm in enumerate(do.arms) if arm.condition)


def _check(step: Step, do: Branch) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for number, arm in enumerate(do.arms):
        yield from _arm(number, arm)
        sort = _sort(arm)
        if sort and sort in seen:
            told = f"the arm `{sort}` stands here twice" if sort in ("else", "unknown") else "this arm can't be reached"
            yield Problem(("arms", number), told, f"arm {seen[sort] + 1} is taken before it; remove it")
        seen.setdefault(sort, number)
    if not any(arm.condition for arm in do.arms):
        yield Problem((), "the branch decides nothing", "add an arm with `if`")
    if do.otherwise is None:
        yield Problem((), "the branch ends nowhere when no arm is true", "add `- else: STEP`")
    if do.unknown is None:
        yield Problem((), "the branch ends nowhere when a reading is missing", "add `- unknown: STEP`")


def _sort(arm: Arm) -> str:
    """What two arms may not have in common."""
    if arm.condition is not None:
        return " ".join(arm.condition.text.split())
    return "else" if arm.otherwise else "unknown" if arm.unknown else ""


def _arm(number: int, arm: Arm) -> Iterator[Problem]:
    sorts = sum(each is not None for each in (arm.condition, arm.otherwise, arm.unknown))
    if sorts != 1:
        yield Problem(("arms", number), "an arm has exactly one of if, else and unknown", "write one arm for each")
    elif arm.condition is None and (arm.goto or arm.use or arm.steps):
        yield Problem(("arms", number), "else and unknown name the step themselves", "write `- else: STEP` alone")
    elif arm.condition is not None and not (arm.goto or arm.use or arm.steps):
        yield Problem(("arms", number), "the arm leads nowhere", "add goto, use or steps")
    if arm.use and arm.steps:
        yield Problem(("arms", number), "an arm leads to `use` or to `steps`, not to both", "drop one of them")
    if arm.verdict and not arm.cause:
        yield Problem(("arms", number, "verdict"), "a verdict without a cause", "add `cause:`")


PATIENCE_S = 2.0


async def execute(step: Step, do: Branch, world: World) -> Done:
    """Take the first arm that is true. An earlier one whose `for` is still being counted is waited for."""
    began = world.mono
    decided = [(number, arm.condition) for number, arm in enumerate(do.arms) if arm.condition is not None]
    while True:
        scope, waited_s = world.scope(), world.mono - began
        outcomes = [(number, condition, evaluate(condition, scope)) for number, condition in decided]
        pending = None
        for number, condition, outcome in outcomes:
            if _counts(outcome) and waited_s < outcome.needed_s + PATIENCE_S:
                pending = Progress(
                    condition=condition, outcome=outcome, waited_s=waited_s, limit_s=outcome.needed_s + PATIENCE_S
                )
                break
            if outcome.truth is True:
                return _takes(do, number, condition.text, world)
        if pending is None:
            break
        world.tell(pending)
        await world.tick()
    blind = next((outcome for _, _, outcome in outcomes if outcome.truth is None), None)
    if blind is None:
        return _falls_to(next((number for number, arm in enumerate(do.arms) if arm.otherwise), None), "no arm is true")
    return _falls_to(next((number for number, arm in enumerate(do.arms) if arm.unknown), None), unknown_words(blind))


def _falls_to(number: int | None, why: str) -> Done:
    """The arm for the rest; a branch without one ends in words."""
    return Done(state="unknown" if number is None else "passed", why=why, values={"arm": number})


def _counts(outcome: Outcome) -> bool:
    """It is true now, or was not watched for long enough: waiting decides it."""
    return outcome.truth is not True and not outcome.missing and (outcome.held_s > 0 or bool(outcome.detail))


def _takes(do: Branch, number: int, why: str, world: World) -> Done:
    try:
        values = {name: world.fill(value) for name, value in do.arms[number].arguments.items()}
    except Unfilled as exc:
        return Done(state="failed", why=str(exc))
    return Done(state="passed", why=why, values={"arm": number}, opens={"vars": values})


KIND = Kind(
    name="branch",
    do=Branch,
    text="goes where conditions say; `else` and `unknown` arms for the rest",
    short="arms",
    fields={"arm": "count"},
    ways=_ways,
    templates=lambda do: arguments(_ways(do)),
    goes_on=lambda do: any(arm.target is None for arm in do.arms),
    conditions=_conditions,
    check=_check,
    execute=execute,
)
