"""The two forms of a page: Markdown and HTML, with hostile words in every place that others can write to."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from perftui.playbooks.journal import Event
from perftui.playbooks.report.records import RunReport
from perftui.playbooks.report.run_report import KeptFile, run_report
from perftui.reports.html import page_html
from perftui.reports.markdown import page_markdown, safe
from perftui.reports.page import Charts, Pin, Plot, fitted
from perftui.reports.run_handoff import HEIGHT, WIDTH, handoff_text
from perftui.reports.run_page import TEMPLATES, run_page
from perftui.reports.svg import axis_top, drawn, thinned
from tests.playbooks.report.journals import OPENED_AT, Line, incident, incident_book, journal

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = (
    "</td><script>alert(1)</script><img src=//x onerror=y> \x1b[31m\u202egnp.exe\u2066 ![a](http://x/y) `|` [l](j:x)"
)
_VOID = {"meta", "br", "rect", "line", "circle", "polyline", "path"}
_TAGS = {
    "html", "head", "meta", "title", "style", "body", "p", "h1", "h2", "section", "dl", "dt", "dd", "div", "table", "thead",
    "tbody", "tr", "th", "td", "ul", "ol", "li", "b", "pre", "svg", "rect", "line", "text", "polyline", "circle", "path",
    "footer",
}  # fmt: skip
_ATTRIBUTES = {
    "lang", "charset", "name", "content", "http-equiv", "class", "viewbox", "role", "aria-label", "x", "y", "x1", "x2", "y1",
    "y2", "width", "height", "text-anchor", "points", "cx", "cy", "r", "d",
}  # fmt: skip


class Checked(HTMLParser):
    """Knows only the tags and attributes that we write, and that each is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _TAGS, tag
        assert {name for name, _ in attrs} <= _ATTRIBUTES, attrs
        self.seen.add(tag)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        assert tag in _VOID, tag

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def hostile_report() -> RunReport:
    lines: list[Line] = []
    for seconds, ev, step, data in incident():
        spoilt = {
            key: f"{value} {HOSTILE}"
            if isinstance(value, str)
            and key not in ("state", "verdict", "class", "key", "effect", "kind", "severity", "sha256")
            else [f"{HOSTILE}" for _ in value]
            if key in ("does", "output", "follow_up")
            else value
            for key, value in data.items()
        }
        if ev == Event.METRIC_MARK and "series" in data:
            spoilt["series"] = {f"{name}{HOSTILE}": points for name, points in data["series"].items()}
            spoilt["deploys"] = [{**each, "service": HOSTILE} for each in data["deploys"]]
        lines.append((seconds, ev, step and f"{step}", spoilt))
    return run_report(journal(lines), incident_book(), {"a" * 64: KeptFile("c" * 64, 1)})


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("hostile", [False, True])
def test_the_page_of_html_is_whole_and_holds_nothing_that_runs_or_is_fetched(template: str, hostile: bool) -> None:
    report = hostile_report() if hostile else run_report(journal(incident()), incident_book())
    page = page_html(run_page(report, template))
    checked = Checked(page)

    assert not checked.open and ("svg" in checked.seen or template == "handoff")
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert (
        "url(" not in style
        and "@import" not in style
        and "prefers-color-scheme:dark" in style
        and "@media print" in style
    )
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)


@pytest.mark.parametrize("template", TEMPLATES)
def test_markdown_takes_nothing_that_others_wrote_for_markup(template: str) -> None:
    told = page_markdown(run_page(hostile_report(), template))
    outside_fences = re.sub(r"^(`{3,})text\n.*?\n\1$", "", told, flags=re.DOTALL | re.MULTILINE)

    assert not re.search(r"(?<!\\)<|(?<!\\)!\[|(?<!\\)\]\(", outside_fences)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", told)
    cells = [len(re.findall(r"(?<!\\)\|", line)) for line in outside_fences.splitlines() if line.startswith("|")]
    for table in re.findall(r"(?:^\|.*\n)+", outside_fences, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert cells or template == "handoff"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("host.cpu.busy_ratio", "host.cpu.busy_ratio"),
        ("_x_ *y* `z`", r"\_x\_ \*y\* \`z\`"),
        ("a | b", r"a \| b"),
        ("- no list", r"\- no list"),
        ("1. no list", r"1\. no list"),
        ("# no title", r"\# no title"),
        ("&lt;b&gt; & c", r"\&lt;b\&gt; & c"),
        ("![i](x)", r"!\[i\](x)"),
        ("two\nlines", "two lines"),
    ],
)
def test_signs_of_markdown_are_escaped(text: str, written: str) -> None:
    assert safe(text) == written


def test_the_report_of_a_fixed_journal_reads_so() -> None:
    report = run_report(journal(incident()), incident_book(), {"a" * 64: KeptFile("a" * 64, 1234)})

    assert page_markdown(run_page(report)) == (GOLDEN / "incident.md").read_text()


def test_the_handoff_is_one_screen_whatever_there_is_to_tell() -> None:
    lines = incident()[:13]
    lines[0][3]["title"] = "広" * 200
    more: list[Line] = [(700.0 + n, Event.NOTE, None, {"text": f"{n} " + "long words " * 30}) for n in range(40)]
    more += [
        (800.0, Event.VERDICT, "facts", {"cause": f"cause {n}", "verdict": "suspect", "say": "x" * 200})
        for n in range(40)
    ]
    told = handoff_text(run_report(journal([*lines, *more]), incident_book()))

    assert len(told.splitlines()) <= HEIGHT
    assert all(fitted(line, WIDTH) == line for line in told.splitlines())
    for words in (
        "NOW",
        "NEXT     Did it help",
        "Terminate the blocker · stands",
        "perftui playbook resume",
    ):
        assert words in told
    assert re.search(r"… and \d+ more", told)


def test_a_page_of_two_hours_is_small() -> None:
    readings = [f"pools.pool{n}.utilization_ratio" for n in range(14)]
    lines = incident()
    lines[1][3]["series"] = {
        name: [[OPENED_AT - 1800 + 15 * n, 0.5 + n / 1000] for n in range(120)] for name in readings
    }
    values: list[Line] = [
        (
            1.0 + 30 * n,
            Event.METRIC_MARK,
            None,
            {"at": OPENED_AT + 30 * n, "values": dict.fromkeys(readings, n % 7 / 7)},
        )
        for n in range(240)
    ]
    steps: list[Line] = [
        (7300.0 + n, Event.STEP_OUTCOME, f"s{n}", {"state": "passed", "output": ["x" * 300] * 3}) for n in range(200)
    ]
    page = page_html(run_page(run_report(journal([*lines[:9], *values, *steps]), incident_book()), "technical"))

    assert 50_000 < len(page.encode()) < 300_000


def test_a_course_is_cut_where_nobody_looked_and_keeps_its_peak() -> None:
    points = tuple((float(at), 1.0) for at in (*range(0, 300, 15), *range(3000, 3300, 15)))
    charts = Charts(
        plots=(), pins=(Pin(at=100.0, sort="step"), Pin(at=150.0, sort="deploy", words="d")), span=(0.0, 3300.0)
    )
    picture = drawn(charts, Plot(reading="probe.p95_s", points=points))
    assert picture.count("<polyline") == 2 and "p-deploy" in picture and picture.count("v-5") == 1

    peaked = [(float(at), 9.0 if at == 777 else 1.0) for at in range(5000)]
    kept = thinned(peaked)
    assert len(kept) <= 220 and (777.0, 9.0) in kept


@pytest.mark.parametrize(
    ("highest", "unit", "top"),
    [
        (0.0, "ratio", 1.0),
        (0.03, "ratio", 0.03),
        (0.7, "ratio", 1.0),
        (2.41, "s", 3.0),
        (37.0, "count", 40.0),
        (230.0 * (1 << 20), "bytes/s", 300.0 * (1 << 20)),
    ],
)
def test_a_scale_ends_at_a_round_number(highest: float, unit: str, top: float) -> None:
    assert axis_top(highest, unit) == pytest.approx(top)
