"""What a rule is: a pure function of the history with named limits that can be set in the config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from perftui.history.history import History
from perftui.model.finding import Constraint, Finding


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule's limits with their defaults; each field's docstring names the seed it comes from."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    """`host.cpu_saturated`; also the table in the config that sets its limits."""
    constraint: Constraint
    """The class of the verdict when this finding dominates."""
    limits: type[Limits]
    find: Callable[[History, Any], list[Finding]]
    needs: tuple[str, ...] = ()
    """Sources without which it can say nothing."""


ChosenLimits = Mapping[str, Limits]
"""Limits that the config set, by rule name; a rule that is not named has its defaults."""
