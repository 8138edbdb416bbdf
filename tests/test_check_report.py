"""What `nanovlm data check` counts over a dataset is what is there."""

import json
import random

from PIL import Image
from typer.testing import CliRunner

from nanovlm_hf.data.check_report import (
    check_descriptions,
    dataset_report,
    print_report,
    similar_pairs,
    write_report,
)
from nanovlm_hf.data.cli import app
from nanovlm_hf.data.descriptions import Description, read_descriptions
from nanovlm_hf.data.sources import Row, Text

GOOD = "A brown dog runs on the green grass with a red ball. It is a warm day, and the dog is very happy to play."
LONG = (
    "A brown dog runs on the green grass with a red ball. It is a warm day, and the dog is very happy to play. "
    "A boy in a blue shirt waits for the ball. He has a big smile on his face. The dog may be hungry soon. "
    "Then they both go home, and the dog gets a bowl of food and water."
)
CAPTION = "A brown dog runs on the green grass with a red ball for a boy."


def describe(i, text=GOOD, style="short", split="train", written_from="captions", caption=CAPTION):
    row = Row(str(i), f"picture {i}", None, "drawn", texts=[Text("caption", caption)])
    return Description(split, row, Text(style, text, teacher="gpt-4o"), written_from)


def report_of(descriptions):
    return dataset_report(descriptions, check_descriptions(descriptions, show_progress=False))


def test_shares_in_range_are_exact():
    texts = [GOOD] * 7 + ["A dog runs. It is brown."] * 2 + [GOOD.replace(". It", ", and it")]
    figures = report_of([describe(i, text) for i, text in enumerate(texts)])["short"]
    assert figures["words"]["share_in_range"] == 0.7 and figures["words"]["counts"] == {"6": 2, "25": 7, "26": 1}
    assert figures["sentences"]["share_in_range"] == 0.9 and figures["share_in_range"] == 0.7
    assert figures["flags"]["length"] == 3 and figures["flags"]["sentences"] == 1
    assert (figures["words"]["least"], figures["words"]["most"]) == (6, 26)


def test_repeated_openings_and_endings():
    texts = (
        ["A dog runs far. It is fun."] * 3
        + ["A dog runs home. Now it sleeps."]
        + ["Two cats play here. Now it sleeps."]
    )
    figures = report_of([describe(i, text) for i, text in enumerate(texts)])["short"]
    assert (
        figures["openings"]["commonest"][0] == ["a dog runs", 4] and figures["openings"]["share_of_commonest"] == 0.8
    )
    assert figures["endings"]["commonest"] == [["it is fun", 3], ["now it sleeps", 2]]
    assert figures["openings"]["different"] == 2


def test_near_duplicates_are_all_found():
    rng = random.Random(0)
    words = [f"w{i}" for i in range(12)]
    texts = [[rng.choice(words) for _ in range(rng.randrange(2, 12))] for _ in range(60)]
    texts += [text[:] for text in texts[:20]]
    for text in texts[65:]:
        text[rng.randrange(len(text))] = "changed"

    def runs(text):
        return {tuple(text[start : start + 3]) for start in range(max(len(text) - 2, 1))}

    for threshold in (0.3, 0.5, 0.9):
        wanted = {}
        for second in range(len(texts)):
            for first in range(second):
                a, b = runs(texts[first]), runs(texts[second])
                if len(a & b) / len(a | b) >= threshold:
                    wanted[first, second] = len(a & b) / len(a | b)
        found = {(first, second): similarity for first, second, similarity in similar_pairs(texts, threshold)}
        assert found == wanted and wanted


def test_near_duplicates_across_splits_are_counted_apart():
    other = "Two black cats sleep in the warm sun by the old wall. They look soft and round, and nobody wakes them up."
    figures = report_of(
        [
            describe(1),
            describe(2, GOOD.replace("red", "blue")),
            describe(3, GOOD.replace("warm", "cold"), split="test"),
            describe(4, other),
        ]
    )["short"]["near_duplicates"]
    assert figures["texts"] == 3 and figures["texts_across_splits"] == 3
    assert figures["pairs"][0][2] >= 0.5 and {"1", "2", "3"} == {
        name for pair in figures["pairs"] for name in pair[:2]
    }


def test_a_noun_is_unsupported_by_captions_only_where_the_writer_had_nothing_else():
    text = GOOD.replace("red ball", "red zebra")
    figures = report_of([describe(1, text), describe(2, text, written_from="picture"), describe(3)])["short"]
    nouns = figures["unsupported_nouns"]
    assert nouns["texts_checked"] == 2 and nouns["mean"] >= 0.5 and "zebra" in dict(nouns["commonest"])


def test_vocabulary():
    figures = report_of([describe(i) for i in range(5)])["short"]["vocabulary"]
    words = [word.strip(".,").lower() for word in GOOD.split()]
    assert figures["words"] == 5 * len(words) and figures["different"] == figures["used_5_times"]
    assert figures["different"] == len(set(words)) and figures["growth"][-1] == [5, len(set(words))]


def test_ids_that_are_empty_or_not_unique():
    found = report_of([describe(" "), describe(1), describe(1, split="test"), describe(2)])["short"]["ids"]
    assert found == {"empty": 1, "twice": ["1"], "in_two_splits": ["1"]}


def test_unsuitable_texts_are_named_with_their_reason():
    text = GOOD.replace("A brown dog", "A naked man")
    (found,) = report_of([describe(1), describe(2, text)])["short"]["unsuitable"]
    assert found["image_id"] == "2" and found["reason"] == "nudity"


def test_both_styles_stand_side_by_side(tmp_path, capsys):
    report = report_of([describe(1), describe(2), describe(1, LONG, "long")])
    print_report(report)
    table = capsys.readouterr().out
    assert "short" in table and "long" in table and "20-25" in table and "60-70" in table
    write_report(report, tmp_path / "check")
    assert json.loads((tmp_path / "check" / "report.json").read_text()) == report
    for name in ("words", "vocabulary", "openings"):
        with Image.open(tmp_path / "check" / f"{name}.png") as plot:
            plot.load()
            assert plot.width > 2 * plot.height  # two panels
    write_report({"short": report["short"]}, tmp_path / "short")
    with Image.open(tmp_path / "short" / "words.png") as plot:
        assert plot.width < 2 * plot.height


def test_the_command_reads_a_coco_form_folder_and_a_built_dataset(coco_folder, tmp_path, monkeypatch):
    from nanovlm_hf.data import check_plots
    from nanovlm_hf.data.build import build_dataset

    monkeypatch.setattr(check_plots, "write_plots", lambda report, folder: None)
    answer = CliRunner().invoke(app, ["check", str(coco_folder)])
    assert answer.exit_code == 0, answer.output
    first = json.loads((coco_folder / "check" / "report.json").read_text())
    assert first["short"]["texts"] == 12 and first["short"]["splits"] == {"train": 8, "validation": 4}
    build_dataset(read_descriptions(coco_folder), tmp_path / "shortdesc", with_images=False, show_progress=False)
    answer = CliRunner().invoke(app, ["check", str(tmp_path / "shortdesc"), "--out", str(tmp_path / "again")])
    assert answer.exit_code == 0, answer.output
    second = json.loads((tmp_path / "again" / "report.json").read_text())
    assert second["short"]["words"] == first["short"]["words"] and second["short"]["flags"] == first["short"]["flags"]


def test_a_folder_without_descriptions_is_refused(tmp_path):
    for folder, expected in ((tmp_path / "nothing", "no such folder"), (tmp_path, "holds no descriptions")):
        answer = CliRunner().invoke(app, ["check", str(folder)])
        assert answer.exit_code == 2 and expected in answer.output and "Traceback" not in answer.output
