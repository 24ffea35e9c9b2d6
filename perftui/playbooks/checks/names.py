"""Names and measures: what conditions, texts and parameters speak of is there, is there in time, and can be compared."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from perftui.model.units import unit_of
from perftui.playbooks.checks.flow import Flow
from perftui.playbooks.checks.sheet import Placed, Sheet
from perftui.playbooks.complaint import Complaint, nearest
from perftui.playbooks.conditions import Condition, Scope, evaluate
from perftui.playbooks.conditions.dimensions import check as check_dimensions
from perftui.playbooks.conditions.syntax import Path
from perftui.playbooks.document import Var
from perftui.playbooks.shape import Where
from perftui.playbooks.steps.kind import COMMON_FIELDS

_OF_TABLE = ("n", "first")
_VAR_UNITS = {"text": "text", "name": "text", "url": "text", "choice": "text", "host": "text", "time": "UTC"}
_VAR_UNITS |= {"int": "", "number": "", "bool": "yes/no", "duration": "s"}


Told = Callable[[str, str], None]
"""(what is wrong, what would be right)."""


class Names:
    """Looks names up and keeps what is wrong with them."""

    def __init__(self, sheet: Sheet, flow: Flow) -> None:
        self._sheet = sheet
        self._flow = flow
        self.complaints: list[Complaint] = []
        self.thresholds_used: set[str] = set()

    def unit(self, parts: tuple[str, ...], where: Where, offset: int, placed: Placed | None, ran: bool) -> str | None:
        """The unit of a path, None where it can't be known; complains of what isn't there."""

        def told(what: str, right: str) -> None:
            self.complaints.append(self._sheet.say(where, what, right, offset=offset))

        if parts[0] in ("vars", "steps") and placed is None:
            told(f"{'.'.join(parts)} is not known before the run", "name readings, t.NAME or slo.NAME")
            return None
        match parts[0]:
            case "t":
                return self._threshold(parts, told)
            case "vars":
                assert placed is not None
                return self._var(parts, placed, told)
            case "steps":
                assert placed is not None
                return self._step(parts, placed, ran, told)
        reading = self._sheet.vocabulary.find(parts)
        if reading is None:
            name = ".".join(parts)
            told(f"{name} is no reading", self._sheet.vocabulary.near(name))
            return None
        return reading.unit

    def _threshold(self, parts: tuple[str, ...], told: Told) -> str | None:
        thresholds = self._sheet.playbook.thresholds
        found = next((value for name, value in thresholds.items() if parts[1:] == (name,)), None)
        if found is None:
            named = {f"t.{name}" for name in thresholds}
            told(f"{'.'.join(parts)} is no threshold", nearest(".".join(parts), named) or "add it to `thresholds:`")
            return None
        self.thresholds_used.add(parts[1])
        return found.value.unit

    def _var(self, parts: tuple[str, ...], placed: Placed, told: Told) -> str | None:
        declared = self._sheet.inputs.get(parts[1] if len(parts) > 1 else "", [])
        if not declared:
            named = {f"vars.{name}" for name in self._sheet.inputs}
            told(f"{'.'.join(parts)} is not declared", nearest(".".join(parts), named) or "add it to `vars:`")
            return None
        if not any(self._in_time(source, placed) for _, _, source in declared):
            told(f"{'.'.join(parts)} is asked for later than here", "ask for it in a step before this one")
        var = declared[0][1]
        if var.type == "row":
            return None
        if len(parts) > 2:
            told(f"vars.{parts[1]}, of type {var.type}, has no field {parts[2]}", f"write vars.{parts[1]}")
            return None
        return _VAR_UNITS[var.type]

    def _in_time(self, source: Placed | None, placed: Placed) -> bool:
        if source is None or source.where in self._flow.before[placed.where]:
            return True
        return source.where == placed.where[: len(source.where)] and source is not placed

    def _step(self, parts: tuple[str, ...], placed: Placed, ran: bool, told: Told) -> str | None:
        name = parts[1] if len(parts) > 1 else ""
        source = self._sheet.by_id.get(name)
        if source is None:
            if name not in self._sheet.broken:
                told(f"{'.'.join(parts[:2])} is no step", nearest(name, set(self._sheet.by_id)))
            return None
        itself = source.where == placed.where
        inside = not itself and ran and source.where[: len(placed.where)] == placed.where
        if (itself and not ran) or not (itself or inside or source.where in self._flow.before[placed.where]):
            told(f"{name} can't have run before this step", "use what an earlier step found")
        if len(parts) == 2:
            told(f"{'.'.join(parts)} is a step, not a value", f"write {'.'.join(parts)}.FIELD")
            return None
        return self._field(parts, source, told)

    def _field(self, parts: tuple[str, ...], source: Placed, told: Told) -> str | None:
        field, capture = parts[2], source.step.capture
        known = {**COMMON_FIELDS, **source.kind.fields, **({"verdict": "text"} if source.step.assess else {})}
        if capture is not None and field == capture.name:
            return None if len(parts) > 3 or capture.parse != "text" else "text"
        if len(parts) == 3 and field in known:
            return known[field]
        if capture is not None and capture.parse in ("table", "lines", "json"):
            if field in _OF_TABLE:
                return "count" if field == "n" else None
            if field.startswith(("max_", "sum_")) and capture.parse in ("table", "json"):
                unit = unit_of(field)
                return None if unit == "count" else unit
        fields = {*known, *([capture.name] if capture else [])}
        path = ".".join(parts)
        told(f"{path}: step {parts[1]} has no {field}", nearest(field, fields) or f"capture it as {field}")
        return None

    def condition(self, where: Where, condition: Condition, placed: Placed | None, ran: bool) -> None:
        """Names, measures and truth of one condition."""

        def units(path: Path) -> str | None:
            return self.unit(path.parts, where, path.col_offset, placed, ran)

        def told(offset: int, what: str, right: str) -> None:
            self.complaints.append(self._sheet.say(where, what, right, offset=offset))

        check_dimensions(condition, units, told)
        self._states(where, condition)
        if condition.hold_s:
            self._courses(where, condition)
        if not any(isinstance(node, Path) for node in condition.nodes()) and "deploys" not in condition.text:
            truth = evaluate(condition, Scope()).truth
            if truth is not None:
                told(0, f"the condition is always {str(truth).lower()}", "compare a reading")

    def _states(self, where: Where, condition: Condition) -> None:
        """A state that a reading never has would never be seen."""
        for node in condition.nodes():
            sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            paths = [side for side in sides if isinstance(side, Path)]
            reading = self._sheet.vocabulary.find(paths[0].parts) if paths else None
            if reading is None or not reading.words:
                continue
            for side in sides:
                word = getattr(side, "value", None)
                if isinstance(word, str) and word not in reading.words:
                    what = f"{paths[0].id} is never {word!r}"
                    right = nearest(word, reading.words)
                    self.complaints.append(self._sheet.say(where, what, right, offset=side.col_offset))

    def _courses(self, where: Where, condition: Condition) -> None:
        for path in condition.paths():
            reading = self._sheet.vocabulary.find(path.parts)
            if reading is not None and not reading.course:
                what = f"{path.id} has no course, so `for` can't look back on it"
                right = "leave `for` out, or compare a number"
                self.complaints.append(self._sheet.say(where, what, right, offset=path.col_offset))

    def reading(self, where: Where, name: str) -> None:
        """A reading that is named by itself."""
        if self._sheet.vocabulary.find(tuple(name.split("."))) is None:
            self.complaints.append(self._sheet.say(where, f"{name} is no reading", self._sheet.vocabulary.near(name)))


def check_names(sheet: Sheet, flow: Flow) -> Iterator[Complaint]:
    """Every name that is not there, not there in time, or measures something else."""
    names = Names(sheet, flow)
    for where, condition, placed, ran in sheet.conditions():
        names.condition(where, condition, placed, ran)
    for where, template, of in sheet.templates():
        for path in template.references():
            names.unit(tuple(path.split(".")), where, template.find(path), of, ran="undo" in where)
    for where, path, of in sheet.references():
        parts = tuple(path.split("."))
        if where[-1] == "rows" and len(parts) == 2 and parts[0] == "steps":
            parts = (*parts, "first")
        names.unit(parts, where, 0, of, ran="undo" in where)
    for number, name in enumerate(sheet.playbook.needs.metrics):
        names.reading(("needs", "metrics", number), name)
    for placed in sheet.steps:
        for place, name in placed.kind.readings(placed.step.do):
            names.reading((*placed.do, *place), name)
    yield from names.complaints
    for name in sheet.playbook.thresholds:
        if name not in names.thresholds_used:
            yield sheet.say(("thresholds", name), f"t.{name} is never used", "use it or remove it", warning=True)


def declared_type(sheet: Sheet, path: str) -> Var | None:
    """The declaration of a `vars.NAME` path; None for any other."""
    root, _, rest = path.partition(".")
    declared = sheet.inputs.get(rest.split(".")[0], []) if root == "vars" else []
    return declared[0][1] if declared else None
