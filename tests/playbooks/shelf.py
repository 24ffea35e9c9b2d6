"""Playbooks as texts for tests: a whole one around the steps at hand."""

from __future__ import annotations

from textwrap import indent

from perftui.playbooks.load import Draft, Loaded, draft

HEAD = """\
apiVersion: perftui.playbook/v1
id: sample
title: A sample
owner: sre
reviewed: 2026-11-01
"""


def text(steps: str, head: str = "") -> str:
    """A whole playbook: the head, further fields, and these steps."""
    return f"{HEAD}{head}steps:\n{indent(steps.strip(chr(10)), '  ')}\n"


def drafted(content: str) -> Draft:
    return draft(content.encode(), "sample.yaml")


def loaded(content: str) -> Loaded:
    found = drafted(content)
    assert found.loaded is not None and not found.complaints, [str(each) for each in found.complaints]
    return found.loaded


def complaints(content: str) -> list[str]:
    return [str(each) for each in drafted(content).complaints]
