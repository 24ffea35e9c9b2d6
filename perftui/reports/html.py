"""A report as one HTML page that needs nothing else: no script, no font, no address. It prints, and fits a phone."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from perftui.reports import svg
from perftui.reports.page import Block, Bullets, Cell, Charts, Facts, Fixed, Page, Table, Words, numbered
from perftui.views.format import clock
from perftui.views.model import Role

_DARK = (
    "--ink:#e6eaef;--dim:#98a2ae;--line:#39424d;--a:#6cb6ff;--run:#1d2631;--deploy:#c297ff;--bad:#ff7b86;--good:#57c46f;"
    "--warn:#e0a83c;--paper:#12171d;--sheet:#171d24;"
)
_LIGHT = f"{svg.PALETTE}--paper:#fff;--sheet:#f7f9fb;"
STYLE = f"""
:root{{color-scheme:light dark;{_LIGHT}}}
@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}
*{{box-sizing:border-box}}
body{{margin:0 auto;max-width:66rem;padding:1.5rem 1rem 3rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;overflow-wrap:anywhere}}
h1{{font-size:1.7rem;line-height:1.2;margin:.1rem 0 .6rem}}h2{{font-size:1.15rem;margin:2.2rem 0 .6rem;padding-top:.5rem;
border-top:1px solid var(--line)}}
.kicker{{color:var(--dim);margin:0;font-size:.9rem}}.headline{{font-size:1.1rem;
border-left:.35rem solid var(--tone);padding:.4rem .8rem;
margin:0;background:var(--sheet)}}
.critical{{--tone:var(--bad)}}.warning{{--tone:var(--warn)}}.good{{--tone:var(--good)}}.text{{--tone:var(--line)}}
b.critical,b.warning,b.good{{color:var(--tone)}}
p.critical,p.warning,p.good{{border-left:.25rem solid var(--tone);padding-left:.6rem}}
dl{{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.15rem 1rem;margin:0}}
dt{{color:var(--dim)}}dd{{margin:0}}dl+dl{{margin-top:.8rem}}
.wide{{overflow-x:auto}}table{{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}}
th{{text-align:left;color:var(--dim);font-weight:600;border-bottom:1px solid var(--line)}}
th,td{{padding:.3rem .7rem .3rem 0;vertical-align:top;overflow-wrap:break-word;max-width:30rem}}
td{{border-bottom:1px solid var(--line);min-width:4rem}}
td.n,th.n{{text-align:right;white-space:nowrap;min-width:0}}
pre{{background:var(--sheet);padding:.8rem;overflow-x:auto;font:13px/1.35 ui-monospace,Menlo,Consolas,monospace}}
.charts{{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1.2rem 1.6rem}}
.charts svg{{width:100%;height:auto;display:block}}
ol.pins{{columns:2 22rem;padding-left:1.6rem;font-size:.9rem}}ul{{padding-left:1.3rem}}
footer{{margin-top:2.5rem;color:var(--dim);font-size:.85rem}}
@media (max-width:40rem){{dl{{grid-template-columns:1fr}}dd{{margin-bottom:.4rem}}body{{padding-top:1rem}}td{{min-width:7rem}}}}
@media print{{:root{{{_LIGHT}}}body{{max-width:none;padding:0;font-size:10.5pt}}h2{{break-after:avoid}}
tr,svg,.headline{{break-inside:avoid}}.wide{{overflow:visible}}pre{{white-space:pre-wrap}}}}
{svg.STYLE}"""
_ROLES = {Role.CRITICAL: "critical", Role.WARNING: "warning", Role.GOOD: "good"}
_LOCKED = "default-src 'none'; style-src 'unsafe-inline'"
"""Whatever should slip into the page, a browser runs and loads nothing of it."""


def page_html(page: Page) -> str:
    """The whole page."""
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(_LOCKED)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(page.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
            f'<p class="kicker">{escape(page.kicker)}</p>\n<h1>{escape(page.title)}</h1>',
            f'<p class="headline {_tone(page.tone)}">{escape(page.headline)}</p>',
            *(line for section in page.sections for line in _section(section.title, section.blocks)),
            f"<footer>{escape(page.foot)}</footer>\n</body>\n</html>\n",
        ]
    )


def _tone(role: Role) -> str:
    return _ROLES.get(role, "text")


def _section(title: str, blocks: tuple[Block, ...]) -> Iterator[str]:
    yield f"<section>\n<h2>{escape(title)}</h2>"
    for block in blocks:
        yield from _block(block)
    yield "</section>"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Facts():
            yield "<dl>"
            yield from (f"<dt>{escape(name)}</dt><dd>{_cell(value)}</dd>" for name, value in block.pairs)
            yield "</dl>"
        case Table():
            yield from _table(block)
        case Bullets():
            yield "<ul>"
            yield from (f"<li>{escape(line)}</li>" for line in block.lines)
            yield "</ul>"
        case Words():
            yield f'<p class="{_tone(block.role)}">{escape(block.text)}</p>'
        case Fixed():
            yield f"<pre>{escape(block.text)}</pre>"
        case Charts():
            yield from _charts(block)


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return escape(cell)
    text, role = cell
    return f'<b class="{_tone(role)}">{escape(text)}</b>'


def _table(table: Table) -> Iterator[str]:
    if not table.rows:
        yield f"<p>{escape(table.empty)}</p>"
        return
    sort = ['"n"' if place in table.numbers else '""' for place in range(len(table.columns))]
    heads = "".join(f"<th class={sort[place]}>{escape(name)}</th>" for place, name in enumerate(table.columns))
    yield f'<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>'
    for row in table.rows:
        yield f"<tr>{''.join(f'<td class={sort[place]}>{_cell(cell)}</td>' for place, cell in enumerate(row))}</tr>"
    yield "</tbody></table></div>"


def _charts(charts: Charts) -> Iterator[str]:
    if not charts.plots:
        yield "<p>no reading was kept</p>"
        return
    yield '<div class="charts">'
    yield from (svg.drawn(charts, plot) for plot in charts.plots)
    yield "</div>"
    told = numbered(charts.pins)
    if told:
        yield '<ol class="pins">'
        yield from (f"<li>{clock(pin.at)}Z {pin.sort}: {escape(pin.words)}</li>" for _, pin in told)
        yield "</ol>"
