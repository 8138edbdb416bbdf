"""The report of an evaluation: whole in one file, safe against what models write, readable on a desk and on a phone."""

import base64
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from evaluating import write_checkpoint, write_photos
from PIL import Image

from nanovlm_hf.evaluation import paper, statistics
from nanovlm_hf.evaluation.evaluate import evaluate
from nanovlm_hf.evaluation.report_blocks import (
    Panel,
    Panels,
    Prose,
    Sample,
    Samples,
    Section,
    Table,
    Terms,
    Value,
    as_html,
    as_markdown,
)
from nanovlm_hf.evaluation.report_figures import curve_svg, originality_svg, sight_svg
from nanovlm_hf.evaluation.settings import EvaluationSettings

HOSTILE = "</td><script>alert(1)</script> {{body}} | `code` <img src=x onerror=alert(2)> & [x](y)"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
VOID = {"img", "meta", "link", "br"}


class Page(HTMLParser):
    """A page's elements with their attributes, ids, and what is opened and not closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, make_model, make_processor):
    """A report on one model of an awkward name, with a person's scores."""
    desk = tmp_path_factory.mktemp("desk")
    model = make_model(text={"max_position_embeddings": 192})
    write_photos(desk / "photos", test=3)
    write_checkpoint(desk / "tiny <b>|`x`", model, make_processor(model))
    settings = {
        "models": [str(desk / "tiny <b>|`x`")], "datasets": [str(desk / "photos")], "styles": ["caption", "short"],
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "RESAMPLES", 200)
        evaluate(EvaluationSettings(**settings, out=desk, human_page=desk / "page.html"))
        page = json.loads((desk / "page.html").read_text().split('id="data">')[1].split("</script>")[0])
        scores = {text["id"]: {axis["name"]: 7 for axis in page["axes"]} for text in page["items"]}
        saved = {"rater": "Anna", "sees_image": False, "prompt_version": page["prompt_version"], "scores": scores}
        (desk / "anna.json").write_text(json.dumps(saved))
        evaluate(EvaluationSettings(**settings, out=desk, human=[desk / "anna.json"]))
        evaluate(EvaluationSettings(**settings, out=desk / "given-on", with_pictures=False))
    return desk


def test_the_page_is_whole_in_itself_and_has_no_broken_picture(folder):
    text = (folder / "report.html").read_text()
    page = Page(text)
    assert not page.open
    pictures = page.all("img")
    assert len(pictures) == 6
    for picture in pictures:
        kind, _, data = picture["src"].partition(",")
        assert kind == "data:image/jpeg;base64" and picture["alt"].strip()
        assert max(Image.open(io.BytesIO(base64.b64decode(data))).size) > 40
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
            assert attributes.get(name, "#").startswith(("#", "data:image/")), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes)
    assert "script" not in {tag for tag, _ in page.elements} and "@import" not in text
    assert all(found.startswith("#") for found in re.findall(r"url\(([^)]*)\)", text))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    sections = [attributes["id"] for attributes in page.all("section")]
    assert {link["href"][1:] for link in page.all("a")} == set(sections) and len(set(sections)) == len(sections)
    assert all(reference in ids for reference in re.findall(r'"#([\w-]+)"', text))
    assert all(div["aria-label"].strip() for div in page.all("div") if div.get("role") in ("img", "region"))


def test_a_report_to_be_given_on_holds_no_picture_and_no_path(folder):
    text = (folder / "given-on" / "report.html").read_text()
    assert not Page(text).all("img") and "data:image" not in text
    for name in ("report.html", "report.md", "results.json"):
        for place in (folder, folder / "given-on"):
            assert str(folder.parent) not in (place / name).read_text()


def test_judges_come_first_where_there_are_any(folder):
    for place, judged in ((folder, True), (folder / "given-on", False)):
        markdown = (place / "report.md").read_text()
        assert (markdown.index("\n## Scores by judges") < markdown.index("\n## Sight\n")) == judged


def test_markdown_and_html_tell_the_same(folder):
    markdown, html = ((folder / name).read_text() for name in ("report.md", "report.html"))
    for title in re.findall(r"^##+ (.*)$", markdown, re.M):
        assert title in html
    figures = re.findall(r"\(figures/(.*?)\)", markdown)
    assert len(figures) == len(set(figures)) == 2 + 2 + 1  # sight, originality, the curve
    for name in figures:
        root = ElementTree.parse(folder / "figures" / name).getroot()
        assert root.tag.endswith("svg") and "viewBox" in root.attrib
    assert {path.name for path in (folder / "figures").iterdir()} == set(figures)
    widths = {}
    for line in markdown.splitlines():
        if line.startswith("|"):
            assert line.replace("\\|", "").count("|") == widths.setdefault("now", line.replace("\\|", "").count("|"))
        else:
            widths.clear()


def test_no_total_is_without_its_interval(folder):
    results = json.loads((folder / "results.json").read_text())
    total = results["models"]["tiny <b>|`x`"]["judges"]["Anna (blind)"]["short"]["total"]
    assert total == {"mean": 35.0, "low": 35.0, "high": 35.0, "n": 3}
    lines = (folder / "report.md").read_text().splitlines()
    for place, line in enumerate(lines):
        if "scored by Anna" in line and line.startswith("###"):
            row = dict(zip(lines[place + 2].split(" | "), re.split(r" \| ", lines[place + 4]), strict=True))
            assert row["Total of 50"] == "35.00 [35.00, 35.00], n=3"
            break
    else:
        raise AssertionError("no table of Anna's scores")


def test_the_papers_table_stands_apart_with_its_own_figures(folder):
    html, markdown = ((folder / name).read_text() for name in ("report.html", "report.md"))
    table = html.split("Not ours: Table 3 of the NanoVLMs paper, ShortDesc</h3>")[1].split("</table>")[0]
    assert table.startswith('<div class="scroll foreign"')
    for row in paper.TABLE_3["short"]:
        assert row.model in table and all(f">{score:.2f}<" in table for score in row[2:])
    assert "cells sum to 39.57" in markdown and paper.PROVENANCE in markdown
    assert "LongDesc" not in markdown  # long texts were not evaluated


def test_what_models_write_stays_text():
    sections = [
        Section("One", [
            Prose("See `--judge`."),
            Table(HOSTILE, ["Model", HOSTILE], [[HOSTILE, HOSTILE], ["b", None]], note="n"),
            Terms("Words", [(HOSTILE, "x")]),
            Panels("Figures", [Panel(HOSTILE, HOSTILE, '<svg viewBox="0 0 1 1"></svg>')]),
            Samples("Texts", [Sample("1", "", "", HOSTILE, [(HOSTILE, HOSTILE, HOSTILE)])]),
        ]),
    ]  # fmt: skip
    page = Page(as_html(HOSTILE, HOSTILE, sections))
    assert not page.open and not page.all("script") and not page.all("img")
    markdown, figures = as_markdown("Title", "about", sections)
    assert "<script>" not in markdown.replace("\\<", "") and list(figures) == ["one-figures-1.svg"]
    assert "See `--judge`." in markdown
    row = next(line for line in markdown.splitlines() if line.startswith("| b"))
    assert row == "| b | – |"
    table = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {3}


def test_values_are_written_with_interval_and_n():
    figure = {"mean": 0.55123, "low": 0.5, "high": 0.6, "n": 1234}
    assert str(Value(figure, 1, percent=True)) == "55.1% [50.0, 60.0], n=1,234"
    assert (
        str(Value({**figure, "mean": -0.1, "low": None, "high": None}, 2, signed=True))
        == "-0.10 [no interval], n=1,234"
    )


def test_figures_repeat_themselves_and_take_the_readers_ink():
    figure = {"mean": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    drawn = [
        (
            originality_svg([0.3, 0.4, 1.0], [0.5]),
            curve_svg([{"step": 1, "train_loss": 2.0}, {"step": 1, "loss": 1.0, "shuffled_loss": 1.5}]),
            sight_svg({"a $b$": {"right_picture": figure, "right_text": figure, "chance": figure}}),
        )
        for _ in range(2)
    ]
    assert drawn[0] == drawn[1]
    for svg in drawn[0]:
        assert "#010203" in svg and "#000000" not in svg and ElementTree.fromstring(svg).tag.endswith("svg")


PROBE = """<script>addEventListener("load", async () => {
  document.querySelectorAll("details").forEach(part => { part.open = true });
  const pictures = [...document.images];
  await Promise.all(pictures.map(picture => picture.decode().catch(() => 0)));
  const root = document.documentElement;
  parent.postMessage(JSON.stringify({
    width: root.clientWidth, page: root.scrollWidth, pictures: pictures.length,
    broken: pictures.filter(picture => !picture.naturalWidth).length,
    small: [...document.querySelectorAll("p, td, th, dd, small, figcaption")]
      .filter(part => parseFloat(getComputedStyle(part).fontSize) < 10.5).length,
    outside: [...document.querySelectorAll("p, figure, article, summary, .scroll, dl")]
      .filter(part => part.getBoundingClientRect().right > innerWidth + 1).length,
  }), "*");
})</script>"""
# A browser's own window may be wider than it is told; a frame is not.
FRAME = """<!doctype html><iframe src="probed.html" style="border:0;width:{width}px;height:844px"></iframe>
<script>addEventListener("message", event => document.documentElement.setAttribute("data-probe", event.data))</script>"""


def chromium(page, tmp_path):
    done = subprocess.run(
        [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr", "--dump-dom",
            "--virtual-time-budget=10000", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,900",
            page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium (Debian: apt-get install chromium)")
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_all_of_it_at_any_width_without_a_complaint(folder, tmp_path, width):
    text = (folder / "report.html").read_text()
    if width == 390:  # the page itself, with nothing added; once is enough
        assert chromium(folder / "report.html", tmp_path)[1] == []
    probed = text.replace("style-src 'unsafe-inline'", "style-src 'unsafe-inline'; script-src 'unsafe-inline'")
    (tmp_path / "probed.html").write_text(probed.replace("</body>", f"{PROBE}</body>"))
    (tmp_path / "frame.html").write_text(FRAME.replace("{width}", str(width)))
    dom, complaints = chromium(tmp_path / "frame.html", tmp_path)
    probe = json.loads(Page(dom).all("html")[0]["data-probe"])
    assert complaints == []
    assert probe == {"width": width, "page": width, "pictures": 6, "broken": 0, "small": 0, "outside": 0}
