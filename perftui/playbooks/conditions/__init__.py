"""Conditions over readings: `expression [for DURATION]`, compiled once, true, false or unknown."""

from perftui.playbooks.conditions.evaluate import Outcome, evaluate
from perftui.playbooks.conditions.scope import Scope
from perftui.playbooks.conditions.syntax import Condition

__all__ = ["Condition", "Outcome", "Scope", "evaluate"]
