"""`nanovlm evaluate`: whole, interrupted, with a new model, with judges and people; and its figures against the parts."""

import json
import re
import shutil

import numpy as np
import pyarrow.parquet
import pytest
from evaluating import text_of, write_blind_twin, write_checkpoint, write_photos
from nanovlm_hf.metrics import load_metric
from stub_openai import StubOpenAI
from typer.testing import CliRunner

from nanovlm_hf.cli import app
from nanovlm_hf.evaluation import agreement, measures, statistics
from nanovlm_hf.evaluation import evaluate as evaluation
from nanovlm_hf.evaluation.judge_prompts import AXES
from nanovlm_hf.evaluation.measures import MEASURES, difference, figures_of
from nanovlm_hf.evaluation.settings import EvaluationSettings

STYLES = ("caption", "short", "long")
# What is asked of every model on every style, and of captions.
WANTED = {
    *("gap", "right_picture", "right_text", "chance", "perplexity_ratio", "rouge1_max", "rouge1_max_above_held_out"),
    *("repeated_4grams", "commonest_share", "grammar_errors_per_100_words", "ended", "chair_s", "object_recall"),
}


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    """Intervals of tests need not be smooth."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "RESAMPLES", 500)
        patch.setattr(agreement, "RESAMPLES", 50)
        yield


@pytest.fixture(scope="module")
def desk(tmp_path_factory, make_model, make_processor):
    """A folder with data and two models: one sees, its twin is blind."""
    model = make_model(text={"max_position_embeddings": 256})
    processor = make_processor(model)
    desk = tmp_path_factory.mktemp("desk")
    write_photos(desk / "photos")
    write_checkpoint(desk / "seeing", model, processor)
    write_blind_twin(desk / "blind", desk / "seeing", model, processor)
    return desk


def run(desk, *models, out="results", code=0, typed=None, **options):
    """The command in the folder, as a user types it."""
    words = ["evaluate", "--dataset", "photos", "--out", out]
    for name in models:
        words += ["--model", name]
    for option, values in options.items():
        for value in values if isinstance(values, list) else [values]:
            words += [f"--{option.replace('_', '-')}", *([] if value is True else [str(value)])]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(desk)
        result = CliRunner().invoke(app, words, input=typed)
    assert result.exit_code == code, result.output
    return result


def results_in(folder):
    return json.loads((folder / "results.json").read_text())


@pytest.fixture(scope="module")
def first(desk):
    """The results of a run with both models, and the rows by item."""
    run(desk, "seeing", "blind")
    rows = pyarrow.parquet.read_table(desk / "results" / "items.parquet").to_pylist()
    return results_in(desk / "results"), rows


def test_every_measure_has_its_interval_and_n(first):
    results, rows = first
    assert list(results["models"]) == ["seeing", "blind"] and results["data"]["items"] == dict.fromkeys(STYLES, 5)
    for model in results["models"].values():
        for style in STYLES:
            figures = model["styles"][style]
            assert figures.keys() >= WANTED
            assert ("cider_x100" in figures and "bleu4" in figures) == (style == "caption")
            assert ("ended_in_length" in figures) == (style != "caption")
            for name, figure in figures.items():
                assert figure["low"] is None or figure["low"] <= figure["mean"] <= figure["high"], name
                assert figure["n"] == (4 if name in {one.name for one in measures.SIGHT} else 5), name
            assert {"perplexity", "rouge1_max", "repeated_4grams", "words"} <= results["held_out"][style].keys()
    assert all(figures["chance"]["mean"] == pytest.approx(1 / 4) for figures in model["styles"].values())
    assert {row["model"] for row in rows} == {"seeing", "blind", "held-out texts"} and len(rows) == 3 * 3 * 5
    assert results["measures"].keys() == MEASURES.keys()
    assert results["models"]["seeing"]["weights_sha256"] != results["models"]["blind"]["weights_sha256"]


def test_the_blind_twin_is_found_out(first):
    results, _ = first
    blind, seeing = (results["models"][name]["styles"]["short"] for name in ("blind", "seeing"))
    assert abs(blind["gap"]["mean"]) < 1e-6 and blind["right_picture"]["mean"] == pytest.approx(1 / 4)
    assert abs(seeing["gap"]["mean"]) > 1e-3
    assert results["models"]["blind"]["commonest"]["short"]["different"] == 1
    assert blind["commonest_share"]["mean"] == 1.0
    pair = [one for one in results["comparisons"] if one["style"] == "short" and one["measure"] == "gap"]
    assert pair[0]["figure"]["mean"] == pytest.approx(seeing["gap"]["mean"] - blind["gap"]["mean"], rel=1e-3)


def test_figures_are_those_of_the_parts(first, desk):
    """What the report says is what the metrics and the grounding module say of the same rows."""
    results, rows = first
    train = json.loads((desk / "photos/annotations/captions_train.json").read_text())["annotations"]
    test = json.loads((desk / "photos/annotations/captions_test.json").read_text())["annotations"]
    own = [row for row in rows if row["model"] == "seeing" and row["style"] == "caption"]
    texts = [row["completion"] for row in own]
    references = [[note["caption"] for note in test if str(note["image_id"]) == row["image_id"]] for row in own]
    figures = {name: one["mean"] for name, one in results["models"]["seeing"]["styles"]["caption"].items()}
    scores = load_metric("caption_scores").compute(predictions=texts, references=references)
    assert figures["cider_x100"] == pytest.approx(100 * scores["cider"], abs=1e-6)
    assert figures["bleu4"] == pytest.approx(scores["bleu4"], rel=1e-6)
    chair = load_metric("chair").compute(predictions=texts, references=references)
    assert figures["object_recall"] == pytest.approx(chair["recall"], abs=1e-6)
    training_texts = [note["caption"] for note in train]
    ngrams = load_metric("ngram_perplexity").compute(predictions=texts, training_texts=training_texts)
    assert figures["perplexity"] == pytest.approx(ngrams["perplexity"], rel=1e-6)
    originality = load_metric("originality").compute(predictions=texts, training_texts=training_texts)
    assert figures["rouge1_max"] == pytest.approx(originality["rouge1_max"], rel=1e-6)
    diversity = load_metric("diversity").compute(predictions=texts)
    for name in ("distinct_2", "self_bleu", "repeated_4grams"):
        assert figures[name] == pytest.approx(diversity[name], abs=1e-6)
    held = results["held_out"]["caption"]["rouge1_max"]["mean"]
    assert figures["rouge1_max_above_held_out"] == pytest.approx(originality["rouge1_max"] - held, abs=1e-6)
    pictured = [row for row in own if row["tokens"]]
    total = {name: sum(row[name] for row in pictured) for name in pictured[0] if name.endswith(("nats", "tokens"))}
    assert figures["loss"] == pytest.approx(total["right_nats"] / total["tokens"], rel=1e-5)
    assert figures["gap"] == pytest.approx((total["wrong_nats"] - total["right_nats"]) / total["tokens"], rel=1e-4)
    assert figures["right_picture"] == pytest.approx(sum(row["right_picture"] for row in pictured) / 4)


@pytest.fixture
def calls(monkeypatch):
    """How many items each model is asked about, by what."""
    counted = []
    load = evaluation.load_model

    def loaded(name):
        model = load(name)
        complete, score = model.complete, model.log_likelihood

        def counting_complete(pictures, *rest):
            counted.extend([(name, "complete")] * len(pictures))
            return complete(pictures, *rest)

        def counting_score(picture, texts):
            counted.append((name, "score"))
            return score(picture, texts)

        model.complete, model.log_likelihood = counting_complete, counting_score
        return model

    monkeypatch.setattr(evaluation, "load_model", loaded)
    return counted


def test_a_new_model_is_all_that_a_second_run_computes(desk, first, calls):
    options = {"out": "growing", "limit": 4, "style": ["caption", "short"]}
    run(desk, "seeing", **options)
    # Captions, short texts with their beginnings and from nothing; each picture once.
    assert calls.count(("seeing", "complete")) == 3 * 4 and calls.count(("seeing", "score")) in (3, 4)
    before = results_in(desk / "growing")
    calls.clear()
    run(desk, "seeing", "blind", **options)
    assert {name for name, _ in calls} == {"blind"} and calls.count(("blind", "complete")) == 3 * 4
    after = results_in(desk / "growing")
    assert after["models"]["seeing"] == before["models"]["seeing"]
    calls.clear()
    run(desk, "seeing", "blind", **options)
    assert not calls
    assert results_in(desk / "growing")["models"] == after["models"]


def test_an_interrupted_run_goes_on_to_the_same_results(desk, first, monkeypatch):
    load = evaluation.load_model

    def interrupted(name):
        model = load(name)
        score, asked = model.log_likelihood, []

        def stopping(picture, texts):
            asked.append(picture)
            if len(asked) == 3:
                raise KeyboardInterrupt
            return score(picture, texts)

        model.log_likelihood = stopping
        return model

    monkeypatch.setattr(evaluation, "load_model", interrupted)
    stopped = run(desk, "seeing", out="stopped", style="caption", code=130)
    assert "The same command goes on" in stopped.output and not (desk / "stopped" / "results.json").exists()
    monkeypatch.setattr(evaluation, "load_model", load)
    run(desk, "seeing", out="stopped", style="caption")
    again, whole = results_in(desk / "stopped"), first[0]
    assert again["models"]["seeing"]["commonest"]["caption"] == whole["models"]["seeing"]["commonest"]["caption"]
    for name, figure in again["models"]["seeing"]["styles"]["caption"].items():
        # Batches of other texts round otherwise.
        assert figure == pytest.approx(whole["models"]["seeing"]["styles"]["caption"][name], rel=1e-4, abs=1e-6)
    assert again["held_out"]["caption"] == whole["held_out"]["caption"]


def test_models_write_alike_or_each_by_its_own_settings(desk, first):
    shutil.copytree(desk / "seeing", desk / "careful")
    written = json.loads((desk / "careful" / "generation_config.json").read_text())
    careful = {**written, "repetition_penalty": 1.5, "no_repeat_ngram_size": 2, "do_sample": True, "temperature": 0.5}
    (desk / "careful" / "generation_config.json").write_text(json.dumps(careful))
    options = {"limit": 4, "style": "short"}
    found = {}
    for out, own in (("alike", {}), ("own", {"own_decoding": True})):
        run(desk, "seeing", "careful", out=out, **options, **own)
        rows = pyarrow.parquet.read_table(desk / out / "items.parquet").to_pylist()
        found[out] = [[row["completion"] for row in rows if row["model"] == name] for name in ("seeing", "careful")]
    assert found["alike"][0] == found["alike"][1] == found["own"][0] != found["own"][1]
    results, report = results_in(desk / "own"), (desk / "own" / "report.md").read_text()
    seeing, careful = (results["models"][name]["decoding"]["short"] for name in ("seeing", "careful"))
    drawn = {"do_sample": True, "temperature": 0.5, "top_k": 50, "top_p": 1.0}
    assert careful == {**seeing, "repetition_penalty": 1.5, "no_repeat_ngram_size": 2, **drawn}
    assert "| seeing | 1 | 1.0 | 1.0 | 0 | - | - | - |" in report
    assert "| careful | 1 | 1.0 | 1.5 | 2 | 0.5 | 50 | 1.0 |" in report
    assert "--own-decoding" in results["command"]
    assert "| all models | 1 | 1.0 | 1.0 | 0 | - | - | - |" in (desk / "alike" / "report.md").read_text()
    told = run(desk, "seeing", out="own", code=2, own_decoding=True, num_beams=2, **options)
    assert "--own-decoding takes these from each model" in told.output


UNSCORED = " ".join(text_of("short 10", 22).split()[:6])


def answer(body, times_before):
    """A judge that likes texts without repetition, and will not score those about one picture."""
    said = body["messages"][1]["content"]
    text = said if isinstance(said, str) else said[0]["text"]
    whole = text.rpartition(":\n")[2].split()
    if " ".join(whole).startswith(UNSCORED):
        return "no scores from me"
    axes = body["response_format"]["json_schema"]["schema"]["required"][1:]
    return json.dumps({"rationale": "Because.", **dict.fromkeys(axes, min(10, 10 * len(set(whole)) // len(whole)))})


def test_judges_blind_and_seeing_and_people_stand_apart(desk, first):
    with StubOpenAI(answer=answer) as stub:
        options = {
            "style": ["short"],
            "judge": "stub",
            "judge_sees": ["text", "image"],
            "votes": 2,
            "base_url": stub.url,
        }
        told = run(desk, "seeing", "blind", out="judged", yes=True, human_page="page.html", code=1, **options)
        assert "page.html: " in told.output
        results, asked = results_in(desk / "judged"), len(stub.requests)
        assert list(results["judges"]) == ["stub (blind)", "stub (sees image)"]
        page = json.loads((desk / "page.html").read_text().split('id="data">')[1].split("</script>")[0])
        assert page["sees_image"] and page["pictures"].keys() == {text["picture"] for text in page["items"]}
        scores = {
            text["id"]: {axis["name"]: number % 11 for axis in page["axes"]}
            for number, text in enumerate(page["items"])
        }
        saved = {"rater": "Anna", "sees_image": True, "prompt_version": page["prompt_version"], "scores": scores}
        (desk / "anna.json").write_text(json.dumps(saved))
        run(desk, "seeing", "blind", out="judged", yes=True, human="anna.json", code=1, **options)
        assert len(stub.requests) == asked  # paid for once
    results = results_in(desk / "judged")
    blind, seeing = results["judges"]["stub (blind)"], results["judges"]["stub (sees image)"]
    assert blind["validity"]["texts"] == 60 and not seeing["validity"]["saw_pictures"]
    assert blind["unscored"] == 2 * 2 and sum(blind["reasons"].values()) == blind["unscored"] and blind["votes"] == 2
    for model in results["models"].values():
        one = model["judges"]["stub (blind)"]["short"]
        assert list(one) == [*AXES, "total"] and one["total"]["n"] == 4
        assert one["total"]["low"] <= one["total"]["mean"] <= one["total"]["high"]
        assert "grounding" in model["judges"]["stub (sees image)"]["short"]
        assert model["judges"]["Anna (sees image)"]["short"]["total"]["n"] == 5
    assert results["judges"]["Anna (sees image)"]["kind"] == "person"
    pairs = {(one["first"], one["second"]) for one in results["agreement"]}
    assert {("stub (blind)", "Anna (sees image)"), ("stub (blind)", "stub (blind)")} <= pairs
    assert any(one.get("judge") == "Anna (sees image)" for one in results["comparisons"])
    judgements = pyarrow.parquet.read_table(desk / "judged" / "judgements.parquet").to_pylist()
    assert {row["judge"] for row in judgements} == results["judges"].keys()
    report = (desk / "judged" / "report.md").read_text()
    assert report.index("Can it tell? stub (blind)") < report.index("scored by stub (blind)")


def test_a_judge_is_asked_for_only_after_a_yes(desk, first):
    with StubOpenAI(answer=answer) as stub:
        told = run(desk, "seeing", out="refused", style="short", judge="stub", base_url=stub.url, typed="n\n", code=1)
        assert not stub.requests and told.output.count("Go on?") == 1
    results = results_in(desk / "refused")
    assert results["judges"]["stub (blind)"]["reasons"] == {"not judged yet": 5}
    assert results["models"]["seeing"]["judges"]["stub (blind)"] == {}
    assert "stub (blind) scored nothing: not judged yet" in (desk / "refused" / "report.md").read_text()
    run(desk, "seeing", out="refused", style="short")
    assert not (desk / "refused" / "judgements.parquet").exists()  # nobody judged these results


def test_data_without_captions_are_evaluated_without_measures_of_truth(desk, tmp_path):
    write_photos(tmp_path / "photos", test=3, captions=False)
    shutil.copytree(desk / "seeing", tmp_path / "seeing")
    run(tmp_path, "seeing", style=["short"])
    figures = results_in(tmp_path / "results")["models"]["seeing"]["styles"]["short"]
    assert "chair_s" not in figures and figures["gap"]["n"] == 2


def test_a_style_without_training_texts_is_an_error_that_says_what_to_add(desk, tmp_path):
    write_photos(tmp_path / "photos", test=3)
    (tmp_path / "photos/descriptions/shortdesc_train.jsonl").unlink()
    shutil.copytree(desk / "seeing", tmp_path / "seeing")
    told = run(tmp_path, "seeing", code=2)
    assert "no training texts of one of these styles" in told.output and "--dataset can be repeated" in told.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "tests"}, r"No picture in the split 'tests'. There are train \(8\), validation \(2\), test \(5\)"),
        ({"curated": True}, "25 of the 25 curated items are not in this dataset"),
        ({"style": "caption", "judge": "x"}, "Judges score completions of the styles short and long; got caption"),
        ({"human": "nobody.json", "limit": 2, "style": "short"}, "nobody.json: no such file"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(desk, first, options, message):
    told = run(desk, "seeing", code=2, **options)
    assert len(told.output.strip().splitlines()[-1]) > 20
    assert re.search(message, " ".join(told.output.split()))


def test_models_are_named_briefly_and_without_paths(tmp_path):
    folders = [tmp_path / "runs" / name / "mini" for name in ("a", "b")]
    for folder in folders:
        folder.mkdir(parents=True)
    settings = EvaluationSettings([*map(str, folders), "org/blip@v1"], [str(tmp_path)], tmp_path / "out", votes=3)
    assert list(settings.labels.values()) == ["a/mini", "b/mini", "org/blip@v1"]
    assert str(tmp_path.parent) not in settings.command and "--votes 3" in settings.command
    with pytest.raises(ValueError, match="each once"):
        EvaluationSettings(["a", "a"], ["b"], tmp_path)
    with pytest.raises(ValueError, match="A judge sees text or image; got nothing"):
        EvaluationSettings(["a"], ["b"], tmp_path, judge_sees=["nothing"])


def test_ratios_and_differences_are_resampled_as_wholes():
    rng = np.random.default_rng(1)
    errors, words = rng.integers(0, 3, 200), rng.integers(20, 30, 200) / 100
    own = {"grammar_errors": errors.tolist(), "hundred_words": words.tolist()}
    figure = figures_of(own)["grammar_errors_per_100_words"].estimate
    places = rng.integers(0, 200, (4000, 200))
    expected = np.percentile(errors[places].sum(1) / words[places].sum(1), [2.5, 97.5])
    assert figure.mean == pytest.approx(errors.sum() / words.sum())
    assert (figure.low, figure.high) == pytest.approx(tuple(expected), rel=0.05)
    same = figures_of(own, own)["grammar_errors_ratio"].estimate
    assert (same.mean, same.low, same.high) == pytest.approx((1, 1, 1))
    worse = {**own, "grammar_errors": (errors + 1).tolist()}
    found = difference(
        figures_of(worse)["grammar_errors_per_100_words"], figures_of(own)["grammar_errors_per_100_words"]
    )
    assert found.difference.low == pytest.approx(4, rel=0.1) and found.reversed_share == 0.0
    none = figures_of({**own, "grammar_errors": [0] * 200})
    assert "grammar_errors_ratio" not in figures_of(own, {**own, "grammar_errors": [0] * 200})
    assert none["grammar_errors_per_100_words"].estimate.high == 0.0


def test_items_without_a_value_count_for_that_measure_only():
    values = {"chair_s": [1, None, 0, 1], "words": [10, 20, 30, 40]}
    figures = figures_of(values)
    assert figures["chair_s"].estimate.n == 3 and figures["chair_s"].estimate.mean == pytest.approx(2 / 3)
    assert figures["words"].estimate.n == 4 and "bleu4" not in figures
    other = figures_of({"chair_s": [1, 1, 0, None]})
    assert difference(figures["chair_s"], other["chair_s"]) is None
    assert figures_of({"words": [3]})["words"].estimate.low is None
