"""What a report is made of, as Markdown and as one HTML file that asks nothing of the network.

    sections = [Section("Sight", [Prose("Does it look?"), Table("Short texts", ["Model", "Gap"], [["mini", value]])])]
    as_html("Evaluation", "photos, test", sections)

Prose knows one mark: `code` in backticks. Everything else that comes in is text, whatever a model wrote.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).with_name("report.html")


@dataclass(frozen=True)
class Value:
    """A figure of results.json in a table: mean, 95% interval and n; `percent`: of a share."""

    figure: dict[str, Any]
    digits: int = 3
    percent: bool = False
    signed: bool = False

    def number(self, value: float, unit: str = "") -> str:
        shown = round(100 * value if self.percent else value, self.digits) + 0.0  # no -0.000
        return f"{shown:{'+' if self.signed else ''}.{self.digits}f}{unit}"

    @property
    def mean(self) -> str:
        return self.number(self.figure["mean"], "%" if self.percent else "")

    @property
    def interval(self) -> tuple[str, str] | None:
        low, high = self.figure["low"], self.figure["high"]
        return None if low is None else (self.number(low), self.number(high))

    def __str__(self) -> str:
        interval = ", ".join(self.interval) if self.interval else "no interval"
        return f"{self.mean} [{interval}], n={self.figure['n']:,}"


Cell = Value | str | None


@dataclass(frozen=True)
class Prose:
    text: str


@dataclass(frozen=True)
class Table:
    """`rows` begin with their names. `apart`: so many last rows are not of the models; `foreign`: none is ours."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    apart: int = 0
    foreign: bool = False


@dataclass(frozen=True)
class Terms:
    """Words and what they mean, folded away in HTML."""

    title: str
    terms: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Panel:
    """A figure; `svg` has the colour `INK` where the reader's text colour belongs. `alt` says what it shows."""

    title: str
    alt: str
    svg: str


@dataclass(frozen=True)
class Panels:
    title: str
    panels: Sequence[Panel]
    note: str = ""


@dataclass(frozen=True)
class Sample:
    """One beginning and what followed: (who, text, note). `picture` is a data URL, empty where there is none."""

    name: str
    picture: str
    alt: str
    beginning: str
    texts: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Samples:
    title: str
    samples: Sequence[Sample]
    is_open: bool = False


Block = Prose | Table | Terms | Panels | Samples
INK = "#010203"


@dataclass(frozen=True)
class Section:
    title: str
    blocks: list[Block] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


def as_markdown(title: str, about: str, sections: Sequence[Section]) -> tuple[str, dict[str, str]]:
    """The report without its pictures, and the files of its figures: name in figures/ -> SVG."""
    lines, figures = [f"# {title}", "", _plain(about), ""], {}
    for section in sections:
        lines += [f"## {section.title}", ""]
        for block in section.blocks:
            if isinstance(block, Prose):
                lines += [block.text, ""]
            elif isinstance(block, Table):
                lines += [*_markdown_table(block), ""]
            elif isinstance(block, Terms):
                lines += [
                    f"### {block.title}",
                    "",
                    *(f"- **{_plain(word)}**: {means}" for word, means in block.terms),
                    "",
                ]
            elif isinstance(block, Panels):
                lines += [f"### {block.title}", "", *([block.note, ""] if block.note else [])]
                for number, panel in enumerate(block.panels, start=1):
                    name = f"{section.anchor}-{Section(block.title).anchor}-{number}.svg"
                    figures[name] = panel.svg.replace(INK, "#808080")  # readable on light and dark
                    lines += [_plain(panel.title), "", f"![{_plain(panel.alt)}](figures/{name})", ""]
            else:
                lines += [f"### {block.title}", ""]
                for sample in block.samples:
                    lines += [f"**{_plain(sample.name)}** {_plain(sample.beginning) or '(no beginning)'} …", ""]
                    lines += [
                        f"- {_plain(who)}{f' ({_plain(note)})' if note else ''}: {_plain(text)}"
                        for who, text, note in sample.texts
                    ]
                    lines += [""]
    return "\n".join(lines), figures


def _plain(text: str) -> str:
    """A text as Markdown shows it letter by letter, in one line."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def _markdown_table(table: Table) -> list[str]:
    rows = [
        ["–" if cell is None else str(cell) if isinstance(cell, Value) else _plain(cell) for cell in row]
        for row in table.rows
    ]
    lines = [f"### {_plain(table.title)}", ""]
    for row in [[_plain(name) for name in table.header], ["---"] * len(table.header), *rows]:
        lines.append(f"| {' | '.join(row)} |")
    return lines + (["", table.note] if table.note else [])


def as_html(title: str, about: str, sections: Sequence[Section]) -> str:
    """One file with all figures and pictures inside."""
    links = "".join(f'<a href="#{section.anchor}">{escape(section.title)}</a>' for section in sections)
    body = "".join(
        f'<section id="{section.anchor}"><h2>{escape(section.title)}</h2>'
        f"{''.join(_block_html(block) for block in section.blocks)}</section>\n"
        for section in sections
    )
    parts = {"title": escape(title), "about": _prose(about), "links": links, "body": body}
    # In one pass: what a text brings in is not filled again.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], TEMPLATE.read_text(encoding="utf-8"))


def _prose(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _block_html(block: Block) -> str:
    if isinstance(block, Prose):
        return f"<p>{_prose(block.text)}</p>"
    if isinstance(block, Table):
        return _table_html(block)
    if isinstance(block, Terms):
        terms = "".join(f"<dt>{escape(word)}</dt><dd>{_prose(means)}</dd>" for word, means in block.terms)
        return f"<details><summary>{escape(block.title)}</summary><dl>{terms}</dl></details>"
    if isinstance(block, Panels):
        panels = "".join(
            f'<figure><figcaption>{escape(panel.title)}</figcaption><div role="img" aria-label="{escape(panel.alt)}">'
            f"{panel.svg.replace(INK, 'currentColor')}</div></figure>"
            for panel in block.panels
        )
        note = f"<p>{_prose(block.note)}</p>" if block.note else ""
        return f'<h3>{escape(block.title)}</h3>{note}<div class="panels">{panels}</div>'
    samples = "".join(_sample_html(sample) for sample in block.samples)
    opened = " open" if block.is_open else ""
    return f"<details{opened}><summary>{escape(block.title)}</summary>{samples}</details>"


def _table_html(table: Table) -> str:
    first, *others = table.header
    header = f'<th scope="col">{escape(first)}</th>' + "".join(
        f'<th scope="col">{escape(name)}</th>' for name in others
    )
    rows = ""
    for number, (name, *cells) in enumerate(table.rows):
        kind = ' class="apart"' if number >= len(table.rows) - table.apart else ""
        rows += f'<tr{kind}><th scope="row">{escape(str(name))}</th>{"".join(map(_cell_html, cells))}</tr>'
    note = f'<p class="note">{_prose(table.note)}</p>' if table.note else ""
    foreign = " foreign" if table.foreign else ""
    return (
        f'<h3>{escape(table.title)}</h3><div class="scroll{foreign}" role="region" tabindex="0" '
        f'aria-label="{escape(table.title)}"><table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table></div>{note}'
    )


def _cell_html(cell: Cell) -> str:
    if cell is None:
        return '<td class="value none">–</td>'
    if isinstance(cell, str):
        return f"<td{' class=text' if len(cell) > 40 else ''}>{_prose(cell)}</td>"
    interval, n = " to ".join(cell.interval) if cell.interval else "no interval", f"n&nbsp;{cell.figure['n']:,}"
    return f'<td class="value"><b>{cell.mean}</b><small>{interval}</small><small>{n}</small></td>'


def _sample_html(sample: Sample) -> str:
    picture = f'<img src="{sample.picture}" alt="{escape(sample.alt)}">' if sample.picture else ""
    texts = "".join(
        f"<dt>{escape(who)}{f' <small>{escape(note)}</small>' if note else ''}</dt><dd>{escape(text)}</dd>"
        for who, text, note in sample.texts
    )
    beginning = f"<p class=beginning>{escape(sample.beginning)} …</p>" if sample.beginning else ""
    return f"<article>{picture}<div><h4>{escape(sample.name)}</h4>{beginning}<dl>{texts}</dl></div></article>"
