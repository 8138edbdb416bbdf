"""`nanovlm describe folder/ --out ...`: whole folders, to a file that is there when it is whole; killed, it goes on."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow.parquet
import pytest
from conftest import draw
from rich.console import Console
from scribe import Scribe
from typer.testing import CliRunner

from nanovlm_hf.cli import app
from nanovlm_hf.describe import describe, load
from nanovlm_hf.describe_folder import OnnxEngine, TorchEngine, describe_folder
from nanovlm_hf.description_journal import DescriptionJournal
from nanovlm_hf.edge.export import export
from nanovlm_hf.picture_list import list_pictures

QUIET = Console(quiet=True)


@pytest.fixture
def folder(tmp_path):
    """Ten pictures in two folders, one broken, and files that are none."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for index in range(10):
        draw(index).save(folder / ("more" if index % 3 == 0 else "") / f"{index}.png")
    (folder / "4b.JPG").write_text("no picture")
    for name in ("notes.txt", ".hidden.png"):
        (folder / name).write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, make_model, make_processor):
    model, folder = make_model(), tmp_path_factory.mktemp("checkpoint") / "tiny"
    model.generation_config.update(max_new_tokens=8, do_sample=False, repetition_penalty=1.3, no_repeat_ngram_size=3)
    model.save_pretrained(folder)
    make_processor(model).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def exported(checkpoint):
    return export(str(checkpoint), checkpoint.parent / "exported")


def rows_of(path):
    return pyarrow.parquet.read_table(path).to_pylist()


def run(*arguments):
    return CliRunner().invoke(app, ["describe", *map(str, arguments)])


@pytest.mark.parametrize("engine", ["torch", "onnx"])
def test_every_picture_gets_the_text_it_gets_alone(checkpoint, exported, folder, tmp_path, engine):
    model = exported if engine == "onnx" else checkpoint
    out = tmp_path / "new" / "out.parquet"
    result = run(folder, "--model", model, "--engine", engine, "--out", out, "--batch-size", 3, "--prompt", "A red ")
    assert result.exit_code == 1 and "10 descriptions, 10 of them new" in result.stderr
    assert "1 picture could not be read" in result.stderr and "4b.JPG: not a readable picture" in result.stderr
    rows = {Path(row["image"]).name: row for row in rows_of(out)}
    assert len(rows) == 11 and "4b.JPG" in rows
    model, processor = load(str(checkpoint))
    for name, row in rows.items():
        assert (row["style"], row["prompt"]) == ("short", "A red ")
        if name == "4b.JPG":
            assert row["text"] is None and row["error"].startswith("not a readable picture")
        else:
            assert row["error"] is None and row["text"] == describe(model, processor, [row["image"]], "A red ")[0]


def test_the_same_command_again_writes_nothing_anew(folder, tmp_path):
    out = tmp_path / "out.parquet"
    first = describe_folder([str(folder)], out, Scribe(), 4, console=QUIET)
    again = Scribe()
    second = describe_folder([str(folder)], out, again, 4, console=QUIET)
    assert (first.described, first.new, second.described, second.new) == (10, 10, 10, 0) and again.texts == []
    assert first.bad == second.bad and list(first.bad) == [str(folder / "4b.JPG")]


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_the_output_is_of_the_kind_its_name_says(folder, tmp_path, ending):
    out = tmp_path / f"out.{ending}"
    describe_folder([str(folder)], out, Scribe(), console=QUIET)
    if ending == "parquet":
        rows = rows_of(out)
    elif ending == "jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    else:
        with out.open(newline="") as file:
            rows = [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]
    assert [list(row) for row in rows] == [["image", "style", "prompt", "text", "error"]] * 11
    assert [row["image"] for row in rows] == [picture.name for picture in list_pictures([str(folder)])]
    assert sum(row["text"] is None for row in rows) == sum(row["error"] is not None for row in rows) == 1


@pytest.mark.parametrize("batches", range(4))
def test_a_stopped_run_goes_on_to_the_same_file(folder, tmp_path, batches):
    whole = Scribe()
    describe_folder([str(folder)], tmp_path / "whole.parquet", whole, 3, seed=5, console=QUIET)
    out, stopped, rest = tmp_path / "out.parquet", Scribe(stop_after=batches), Scribe()
    with pytest.raises(KeyboardInterrupt):
        describe_folder([str(folder)], out, stopped, 3, seed=5, console=QUIET)
    assert not out.exists()
    describe_folder([str(folder)], out, rest, 3, seed=5, console=QUIET)
    assert rows_of(out) == rows_of(tmp_path / "whole.parquet") and stopped.texts + rest.texts == whole.texts


def test_a_killed_process_leaves_no_half_file_and_its_batches_count(folder, tmp_path):
    out = tmp_path / "out.parquet"
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom rich.console import Console\nfrom scribe import Scribe\n"
        "from nanovlm_hf.describe_folder import describe_folder\n"
        "class Slow(Scribe):\n    def write(self, seen, seed):\n        time.sleep(0.2)\n"
        "        return super().write(seen, seed)\n"
        "describe_folder([sys.argv[1]], Path(sys.argv[2]), Slow(), 1, console=Console(quiet=True))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, folder, out], cwd=Path(__file__).parent)
    journal, end = tmp_path / "out.parquet.journal", time.monotonic() + 60
    while not journal.exists() or journal.read_bytes().count(b"\n") < 4:
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept, rest = journal.read_bytes().count(b"\n") - 1, Scribe()
    assert not out.exists() and 3 <= kept < 11
    describe_folder([str(folder)], out, rest, 1, console=QUIET)
    assert len(rest.texts) <= 11 - kept and len(rows_of(out)) == 11


def test_wherever_the_journal_was_cut_off_whole_batches_count(folder, tmp_path):
    out = tmp_path / "out.parquet"
    describe_folder([str(folder)], out, Scribe(), 3, console=QUIET)
    expected, journal = rows_of(out), tmp_path / "out.parquet.journal"
    content = journal.read_bytes()
    for size in range(0, len(content), 97):
        journal.write_bytes(content[:size])
        rest = Scribe()
        summary = describe_folder([str(folder)], out, rest, 3, console=QUIET)
        whole = content[:size].count(b"\n") - 1  # batches, behind the first line
        assert summary.new == len(rest.texts) == 10 - min(10, max(0, 3 * whole - (whole > 1)))
        assert rows_of(out) == expected


def test_new_and_changed_pictures_are_described_and_lost_ones_left_out(folder, tmp_path):
    out = tmp_path / "out.parquet"
    describe_folder([str(folder)], out, Scribe(), console=QUIET)
    draw(77, (30, 20)).save(folder / "1.png")
    draw(78, (31, 21)).save(folder / "4b.JPG")
    draw(79, (32, 22)).save(folder / "more" / "new.png")
    (folder / "2.png").unlink()
    rest = Scribe()
    summary = describe_folder([str(folder)], out, rest, console=QUIET)
    assert sorted(text.split(",")[0] for text in rest.texts) == ["30 by 20", "31 by 21", "32 by 22"]
    texts = {Path(row["image"]).name: row["text"] for row in rows_of(out)}
    assert summary.bad == {} and texts["1.png"].startswith("30 by 20") and "2.png" not in texts and len(texts) == 11


def test_what_was_unreadable_for_a_time_is_tried_again(folder, tmp_path):
    class Absent(Scribe):
        def read(self, path):
            raise OSError(f"{path}: the drive does not answer")

    out, back = tmp_path / "out.parquet", Scribe()
    summary = describe_folder([str(folder)], out, Absent(), console=QUIET)
    assert summary.described == 0 and set(summary.bad.values()) == {"the drive does not answer"}
    assert describe_folder([str(folder)], out, back, console=QUIET).new == 10 == len(back.texts)


def test_whatever_a_decoder_raises_costs_one_picture_only(folder, tmp_path):
    class Fragile(Scribe):
        def read(self, path):
            if path.endswith("5.png"):
                raise ZeroDivisionError("in a header")
            return super().read(path)

    summary = describe_folder([str(folder)], tmp_path / "out.csv", Fragile(), console=QUIET)
    assert summary.described == 9 and "(ZeroDivisionError: in a header)" in summary.bad[str(folder / "5.png")]


def test_an_error_of_the_model_is_no_fault_of_the_pictures(folder, tmp_path):
    class Broken(Scribe):
        def see(self, pixels):
            raise RuntimeError("no such operation")

    with pytest.raises(RuntimeError, match="no such operation"):
        describe_folder([str(folder)], tmp_path / "out.csv", Broken(), console=QUIET)


def test_pictures_are_read_by_other_threads(folder, tmp_path):
    engine = Scribe()
    describe_folder([str(folder)], tmp_path / "out.csv", engine, 2, console=QUIET)
    assert engine.threads and threading.get_ident() not in engine.threads


def test_texts_by_other_means_are_not_mixed(folder, tmp_path):
    out = tmp_path / "out.parquet"
    describe_folder([str(folder)], out, Scribe(), console=QUIET)
    before = out.read_bytes()
    with pytest.raises(ValueError, match="begun by other means .prompt: 'A' -> 'B'; seed: 0 -> 1"):
        describe_folder([str(folder)], out, Scribe(prompt="B"), seed=1, console=QUIET)
    assert out.read_bytes() == before


@pytest.mark.parametrize("line", [b"[]\n", b"{\n", b'{"pictures": [{}]}\n'])
def test_a_broken_journal_is_said_with_its_line(folder, tmp_path, line):
    journal = tmp_path / "out.csv.journal"
    journal.write_bytes(b"{}\n" + line + b'{"pictures": []}\n')
    with pytest.raises(ValueError, match="line 2: broken .* Remove the line"):
        DescriptionJournal(journal, {})


def test_a_full_disk_keeps_what_was_described(folder, tmp_path, monkeypatch):
    from nanovlm_hf import description_journal

    out, full, append = tmp_path / "out.csv", [False], description_journal.append_durably

    def limited(file, data):
        if full[0]:
            raise OSError(28, "No space left on device")
        full[0] = b"pictures" in data
        append(file, data)

    monkeypatch.setattr(description_journal, "append_durably", limited)
    with pytest.raises(OSError, match="No space left on device. All descriptions before are kept. Make room"):
        describe_folder([str(folder)], out, Scribe(), 4, console=QUIET)
    monkeypatch.undo()
    rest = Scribe()
    describe_folder([str(folder)], out, rest, 4, console=QUIET)
    assert 6 <= len(rest.texts) <= 7 and len(out.read_text().splitlines()) == 12


def test_two_runs_at_once_are_refused(folder, tmp_path):
    class Rival(Scribe):
        def write(self, seen, seed):
            describe_folder([str(folder)], tmp_path / "out.csv", Scribe(), console=QUIET)

    with pytest.raises(ValueError, match="Another run is at work on"):
        describe_folder([str(folder)], tmp_path / "out.csv", Rival(), console=QUIET)


def test_sampled_texts_do_not_depend_on_interruptions_or_batches(exported, folder, tmp_path):
    def texts(out, batch_size, stop_after=None):
        engine = OnnxEngine(str(exported), do_sample=True, temperature=1.5)
        write, left = engine.write, [stop_after]

        def limited(seen, seed):
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] = left[0] and left[0] - 1
            return write(seen, seed)

        engine.write = limited
        describe_folder([str(folder)], tmp_path / out, engine, batch_size, seed=3, console=QUIET)
        return rows_of(tmp_path / out)

    expected = texts("whole.parquet", 2)
    with pytest.raises(KeyboardInterrupt):
        texts("out.parquet", 2, stop_after=2)
    assert texts("out.parquet", 2) == expected and len({row["text"] for row in expected}) > 5


def test_a_model_of_other_weights_is_another_model(checkpoint, exported, tmp_path, make_model):
    before = TorchEngine(str(checkpoint)).about
    assert before["generation"]["max_new_tokens"] == 8 and "transformers_version" not in before["generation"]
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in checkpoint.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert TorchEngine(str(copy)).about == before
    make_model("patches").save_pretrained(tmp_path / "other")
    (copy / "model.safetensors").write_bytes((tmp_path / "other" / "model.safetensors").read_bytes()[:-4] + b"abcd")
    from nanovlm_hf.fingerprint import folder_fingerprint

    assert folder_fingerprint(copy) != before["model"]
    assert OnnxEngine(str(exported)).about["model"] == OnnxEngine(str(exported)).about["model"] != before["model"]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="links")
def test_linked_folders_are_followed_once_and_odd_names_are_kept(folder, tmp_path):
    (folder / "more" / "back").symlink_to(folder)
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    odd = os.fsdecode(os.fsencode(folder / "caf") + b"\xe9.png")
    draw(1).save(folder / "1b.png")
    try:
        (folder / "1b.png").rename(odd)
    except OSError:  # a file system that knows text only
        (folder / "1b.png").unlink()
    out = tmp_path / "out.jsonl"
    summary = describe_folder([str(folder), f"{folder}/", str(folder / "1.png")], out, Scribe(), console=QUIET)
    names = [json.loads(line)["image"] for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(names) == len(set(names)) == summary.described + 2
    assert list(summary.bad) == [str(folder / "4b.JPG"), str(folder / "gone.png")]


def test_what_cannot_be_done_is_said_before_a_model_is_loaded(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    result = run(folder, "--model", "nowhere", "--out", tmp_path / "out.txt")
    assert result.exit_code == 2 and "written as .parquet, .jsonl or .csv" in result.stderr
    for sources, message in (
        ([tmp_path / "empty"], "no pictures"),
        ([tmp_path / "none"], "no such folder or picture"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            describe_folder([str(source) for source in sources], tmp_path / "out.csv", Scribe(), console=QUIET)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_ctrl_c_says_that_the_same_command_goes_on(checkpoint, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(TorchEngine, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    result = run(folder, "--model", checkpoint, "--out", tmp_path / "out.csv")
    assert result.exit_code == 130 and "The same command goes on from here" in result.stderr
    assert not (tmp_path / "out.csv").exists()


def test_without_out_a_folder_is_a_list_of_pictures(exported, folder):
    result = run(folder, "--model", exported, "--engine", "onnx")
    assert result.exit_code == 1 and "4b.JPG: not a readable picture" in result.stderr
    assert [line.split(": ")[0] for line in result.stdout.splitlines()] == [
        picture.name for picture in list_pictures([str(folder)]) if "4b" not in picture.name
    ]
