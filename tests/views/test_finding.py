"""A finding that was opened: its numbers, why it stands where it stands in its chain, and where to look."""

from __future__ import annotations

import msgspec
import pytest

from perftui.views.finding import finding_words, finding_zoom
from perftui.views.layout import length
from perftui.views.model import Role
from tests.views.drawn import text
from tests.views.scenes import host
from tests.views.test_banner import CERTIFICATE, SWAPPING, WAITING
from tests.views.test_findings import FINDING, NOTE

ALL = host(
    30, findings=(FINDING, msgspec.structs.replace(SWAPPING, playbook="memory-leak"), WAITING, CERTIFICATE, NOTE)
)


def test_each_reading_stands_with_value_limit_unit_window_and_seed() -> None:
    page = text(finding_zoom(ALL, FINDING.key, 118).lines)

    assert FINDING.title in page
    assert "host.memory_pressure · since 10:41:37 UTC, 30 s ago" in page
    assert "process leaky · pid 4242" in page
    assert "host.memory.used_ratio  94.0 %  limit 90.0 %  over 10 s  (S002 35.3.2)" in page
    assert "host.memory.available_bytes  –" in page
    assert "nothing that is active: here it begins" in page


def test_a_link_tells_why_it_is_held_to_follow_from_one_and_lead_to_the_next() -> None:
    page = text(finding_zoom(ALL, SWAPPING.key, 220).lines)

    cause = page.index(f"← {FINDING.title} · host.memory_pressure: the kernel moves pages to swap to find memory")
    symptom = page.index(f"→ {WAITING.title} · host.io_saturated: ")
    assert page.index("explained by") < cause < page.index("explains") < symptom
    assert "the cause began 10 s before" in page
    assert "Enter: pane Swap (4) shows it" in page
    assert "p: playbook memory-leak answers it" in page


def test_a_note_is_in_no_chain() -> None:
    assert "nothing: a note is in no chain" in text(finding_zoom(ALL, NOTE.key, 118).lines)


def test_one_that_is_over_says_so() -> None:
    zoom = finding_zoom(host(5), FINDING.key, 118)

    assert text(zoom.lines).startswith("host.memory_pressure is not told at this moment")
    assert zoom.tone is Role.DIM


@pytest.mark.parametrize("width", [40, 60, 78, 118])
def test_no_line_is_cut(width: int) -> None:
    for line in finding_zoom(ALL, SWAPPING.key, width).lines:
        assert length(line) <= width


def test_it_can_be_pasted() -> None:
    words = finding_words(ALL, FINDING.key)

    assert words.startswith(f"▲ critical  {FINDING.title}\n")
    assert "limit 90.0 %" in words
