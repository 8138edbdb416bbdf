"""The offline measures agree with their reference implementations, load by path alone, and say what they cannot score."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
import sacrebleu
from nanovlm_hf.metrics import load_metric
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from rouge_score.rouge_scorer import RougeScorer

from nanovlm_hf.data.grammar import check_grammar
from nanovlm_hf.data.picture_book import Scene
from nanovlm_hf.data.text_rules import sentences_in, words_in

FOLDER = Path(__file__).parent.parent / "metrics"
NAMES = ["caption_scores", "chair", "diversity", "grammar_errors", "length", "ngram_perplexity", "originality"]
ODD_TEXTS = [
    "",
    "...",
    "dog",
    "The dog the dog the dog the dog runs runs runs.",
    'A MAN\'S well-worn hat, "blue" & old; 3 cats?!',
    "Café où naïve — it’s ice-cold (very)",
]


@pytest.fixture(scope="module")
def scenes():
    rng = random.Random(3)
    return [Scene.random(rng) for _ in range(40)]


@pytest.fixture(scope="module")
def texts(scenes):
    return [scene.short() for scene in scenes] + ODD_TEXTS


def compute(name, **arguments):
    """A metric's result, after checking what holds for all of them."""
    result = load_metric(name).compute(**arguments)
    items, ratios = result["items"], result.get("ratios", {})
    assert all(len(values) == len(arguments["predictions"]) for values in items.values())
    assert all(value == value for values in items.values() for value in values)  # no NaN
    for figure, (over, under) in ratios.items():
        of = sum(items[under])
        assert result[figure] == (pytest.approx(sum(items[over]) / of) if of else None if figure == "recall" else 0)
    for figure in (figure for figure in result if figure in items and figure not in ratios):
        assert result[figure] == pytest.approx(sum(items[figure]) / len(items[figure]))
    return result


def module_of(name):
    return sys.modules[type(load_metric(name)).__module__]


def test_every_metric_is_a_folder_that_can_travel():
    assert sorted(path.parent.name for path in FOLDER.glob("*/README.md")) == NAMES
    for name in NAMES:
        card = (FOLDER / name / "README.md").read_text(encoding="utf-8")
        assert card.startswith("---\n") and "**Source" in card and "**Limits" in card
        needed = (FOLDER / name / "requirements.txt").read_text(encoding="utf-8").split()
        assert {"datasets", "evaluate"} <= set(needed)


def test_metrics_load_by_path_without_network_and_without_the_package(tmp_path):
    code = """
import socket, sys
sys.modules["nanovlm_hf"] = None

def refuse(*_):
    raise AssertionError("a connection was asked for")

socket.socket.connect = refuse
import evaluate
for path in sys.argv[1:]:
    assert isinstance(evaluate.load(path), evaluate.Metric)
"""
    names = [str(FOLDER / name) for name in NAMES if name != "grammar_errors"]  # whose rules are the package's
    subprocess.run([sys.executable, "-c", code, *names], check=True, cwd=tmp_path)


def test_an_unknown_metric_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="No metric 'rouge'. There are caption_scores, chair, "):
        load_metric("rouge")


def test_the_words_of_all_metrics_are_the_packages(texts):
    length, captions = module_of("length"), module_of("caption_scores")
    for text in texts:
        assert length.words_in(text) == words_in(text)
        assert length.sentences_in(text) == sentences_in(text)
        assert captions.words_of(text) == words_in(text.lower())
        single = load_metric("diversity").compute(predictions=[text, ""])
        assert single["items"]["ngrams_1"] == [len(words_in(text)), 0]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_to_score_is_an_error(name):
    arguments = {"references": []} if name in ("chair", "caption_scores") else {}
    if name in ("originality", "ngram_perplexity"):
        arguments["training_texts"] = ["A dog runs."]
    with pytest.raises(ValueError, match="(?i)predictions"):
        load_metric(name).compute(predictions=[], **arguments)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_text_is_an_error(name):
    arguments = {"references": [["A dog."], ["A cat."]]} if name in ("chair", "caption_scores") else {}
    if name in ("originality", "ngram_perplexity"):
        arguments["training_texts"] = ["A dog runs."]
    with pytest.raises(ValueError, match="None"):
        load_metric(name).compute(predictions=["A dog.", None], **arguments)


@pytest.mark.parametrize("name", ["chair", "grammar_errors", "length", "ngram_perplexity"])
def test_other_numbers_of_beginnings_are_an_error(name):
    arguments = {"references": [["A dog."]]} if name == "chair" else {}
    if name == "ngram_perplexity":
        arguments["training_texts"] = ["A dog runs."]
    with pytest.raises(ValueError, match="1 predictions and 2 beginnings"):
        load_metric(name).compute(predictions=["A dog."], beginnings=["", ""], **arguments)


@pytest.mark.parametrize("name", ["chair", "caption_scores"])
def test_references_that_do_not_fit_are_an_error(name):
    with pytest.raises(ValueError, match="Mismatch in the number of predictions"):
        load_metric(name).compute(predictions=["A dog.", "A cat."], references=[["A dog."]])
    with pytest.raises(ValueError, match=r"Picture 1\b"):
        load_metric(name).compute(predictions=["A dog.", "A cat."], references=[["A dog."], []])


def test_originality_equals_rouge_score(texts):
    training_texts = [*texts[20:], "", "The the the the end."]
    result = compute("originality", predictions=texts[:25] + ODD_TEXTS, training_texts=training_texts)
    scorer = RougeScorer(["rouge1"], use_stemmer=False)
    for i, text in enumerate(texts[:25] + ODD_TEXTS):
        f = [scorer.score(other, text)["rouge1"].fmeasure for other in training_texts]
        assert result["items"]["rouge1_max"][i] == pytest.approx(max(f), abs=1e-6)
        assert result["items"]["rouge1_mean"][i] == pytest.approx(sum(f) / len(f), abs=1e-6)
        assert result["items"]["nearest"][i] == f.index(max(f))
    assert result["items"]["rouge1_max"][20] == 1.0


def test_originality_over_more_training_texts_than_the_index_holds_at_a_time(texts):
    block = module_of("originality").BLOCK
    training_texts = [f"word{i} stands here" for i in range(2 * block)] + ["A dog runs."]
    result = compute("originality", predictions=["A dog runs.", "word5000"], training_texts=training_texts)
    assert result["items"]["nearest"] == [2 * block, 5000]
    assert result["items"]["rouge1_max"] == [1.0, 0.5]


def test_originality_of_a_text_of_more_words_than_a_byte_counts():
    words = " ".join(f"w{i}" for i in range(600))
    result = compute("originality", predictions=[words, words], training_texts=["w1 w2", words])
    assert result["rouge1_max"] == 1.0 and result["items"]["nearest"] == [1, 1]


def caption_fixture(scenes):
    captions = [scene.captions() for scene in scenes]
    predictions = [own[0] for own in captions[:-4]] + ["", "dog", captions[0][0], "no such word anywhere at all"]
    references = [own[1 : 3 + i % 3] for i, own in enumerate(captions)]  # 2 to 4 of them
    references[3] = [*references[3], 'It\'s a red-hot, "tiny" ball!']
    return predictions, references


def test_cider_equals_pycocoevalcap_on_the_same_tokens(scenes):
    predictions, references = caption_fixture(scenes)
    result = compute("caption_scores", predictions=predictions, references=references)
    tokens = module_of("caption_scores").words_of
    cider, ciders = Cider().compute_score(
        {i: [" ".join(tokens(text)) for text in own] for i, own in enumerate(references)},
        {i: [" ".join(tokens(text))] for i, text in enumerate(predictions)},
    )
    assert result["cider"] == pytest.approx(cider, abs=1e-6) and cider > 0.5
    assert result["items"]["cider"] == pytest.approx(list(ciders), abs=1e-6)


def test_bleu4_equals_sacrebleu_and_pycocoevalcap_on_the_same_tokens(scenes):
    predictions, references = caption_fixture(scenes)
    result = compute("caption_scores", predictions=predictions, references=references)
    tokens = module_of("caption_scores").words_of
    ours = [" ".join(tokens(text)) for text in predictions]
    theirs = [[" ".join(tokens(text)) for text in own] for own in references]
    streams = [[own[k] if k < len(own) else None for own in theirs] for k in range(max(map(len, theirs)))]
    assert result["bleu4"] == pytest.approx(sacrebleu.corpus_bleu(ours, streams, tokenize="none").score, abs=1e-6)
    for text, own, score in zip(ours, theirs, result["items"]["sentence_bleu4"], strict=True):
        one = sacrebleu.sentence_bleu(text, own, tokenize="none", use_effective_order=True)
        assert score == pytest.approx(one.score, abs=1e-6)
    coco, _ = Bleu(4).compute_score(dict(enumerate(theirs)), {i: [text] for i, text in enumerate(ours)}, verbose=0)
    assert result["bleu4"] == pytest.approx(100 * coco[3], abs=1e-6)


def test_cider_of_one_picture_is_refused():
    with pytest.raises(ValueError, match="pass two or more"):
        load_metric("caption_scores").compute(predictions=["A dog."], references=[["A dog."]])


CHAIR_TEXTS = [
    # text, beginning, captions, and by hand: mentioned, hallucinated words, true objects, recalled
    ("runs with a cat and two dogs.", "A brown dog", ["A dog chases a ball.", "The puppy plays."], 1, ["cat"], 1, 0),
    ("dog lies on the table. The hot dogs are big.", "A hot", ["A hot dog on a plate."], 3, ["table"], 1, 1),
    ("man stands by a mother elephant.", "A tall", ["A baby elephant and an elephant.", "A man looks."], 2, [], 2, 2),
    (
        "Two women hold knives, a teddy bear and a bear.",
        "",
        ["Ladies with a knife and a teddy-bear."],
        4,
        ["bear"],
        3,
        3,
    ),
    ("", "A cat sits", ["A cat sits on a chair."], 0, [], 1, 0),
    ("It is sunny.", "", ["The sky is blue."], 0, [], 0, 0),
    ("rides his bike. The bike is red.", "A man", ["A man on a motorcycle.", "The bike is fast."], 2, [], 1, 1),
]


def test_chair_equals_figures_counted_by_hand():
    columns = zip(*CHAIR_TEXTS, strict=True)
    texts, beginnings, captions, mentioned, hallucinated, true_objects, recalled = map(list, columns)
    result = compute("chair", predictions=texts, beginnings=beginnings, references=captions)
    assert result["items"] == {
        "mentioned": mentioned,
        "hallucinated": [len(words) for words in hallucinated],
        "chair_s": [int(bool(words)) for words in hallucinated],
        "true_objects": true_objects,
        "recalled": recalled,
    }
    assert result["hallucinated_words"] == hallucinated
    assert result["chair_i"] == pytest.approx(3 / 12, abs=1e-6)
    assert result["chair_s"] == pytest.approx(3 / 7, abs=1e-6)
    assert result["recall"] == pytest.approx(7 / 9, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("A hot dog and a teddy bear on the stop sign.", ["hot dog", "teddy bear", "stop sign"]),
        ("Three mice, six geese, two oxen, men and women.", ["mouse", "bird", "cow", "person", "person"]),
        ("A fire-truck passes the fire hydrants.", ["truck", "fire hydrant"]),
        ("The man's puppies", ["person", "dog"]),
        ("A police car and a passenger train", ["car", "train"]),
        ("His mom's dog sees a baby giraffe and a baby.", ["person", "dog", "giraffe", "person"]),
        ("I tie my shoes, and his tie is red.", ["tie"]),
        ("The man in orange eats an orange. Oranges grow on the orange tree.", ["person", "orange", "orange"]),
        ("a train track, a bird house and a flower bed", []),
        ("They sink into the mud by the sinks.", ["sink"]),
        ("a couple of dogs, and a couple", ["dog", "person"]),
        ("The cowboy is on horseback.", ["person", "horse"]),
    ],
)
def test_names_of_objects_are_told_from_words_like_them(text, kinds):
    assert [mention.kind for mention in module_of("chair").objects_in(text)] == kinds


def test_chair_knows_all_80_kinds_by_their_names():
    chair = module_of("chair")
    kinds = [kind for kind in chair.OBJECTS if kind != "bike"]
    assert len(kinds) == 80
    for kind in kinds:
        assert [mention.kind for mention in chair.objects_in(f"one {kind}.")] == [kind]


def test_recall_is_undefined_where_no_caption_names_an_object():
    result = compute("chair", predictions=["A dog."], references=[["The sky is blue."]])
    assert result["recall"] is None and result["chair_i"] == 1.0


def test_diversity_of_known_texts():
    texts = ["a b a b a b", "a b c", ""]
    result = compute("diversity", predictions=texts)
    assert result["distinct_1"] == pytest.approx(3 / 9) and result["distinct_2"] == pytest.approx(3 / 7)
    assert result["items"]["repeated_4grams"] == pytest.approx([1 / 3, 0, 0])
    assert result["repeated_4grams"] == pytest.approx(1 / 9)
    alike = compute("diversity", predictions=["A dog runs on the sand."] * 3)
    assert alike["self_bleu"] == pytest.approx(100) and alike["distinct_1"] == pytest.approx(1 / 3)


def test_self_bleu_equals_sacrebleu_against_all_the_others(texts):
    texts = [*texts, texts[0]]
    result = compute("diversity", predictions=texts)
    plain = [" ".join(words_in(text.lower())) for text in texts]
    for i, (text, score) in enumerate(zip(plain, result["items"]["self_bleu"], strict=True)):
        others = plain[:i] + plain[i + 1 :]
        one = sacrebleu.sentence_bleu(text, others, tokenize="none", use_effective_order=True)
        assert score == pytest.approx(one.score, abs=1e-6)
    assert result["items"]["self_bleu"][0] == pytest.approx(100)


def test_length_and_endings():
    result = compute(
        "length",
        predictions=["in the park. It is", "", ".", 'said "Go!" and left. The end.'],
        beginnings=["A dog runs"] * 3 + ["He sat. He"],
        min_words=3,
        max_words=9,
    )
    assert result["items"] == {
        "words": [5, 0, 0, 6],
        "finished_texts": [0, 0, 1, 1],
        "sentences": [2, 1, 1, 3],
        "closed_sentences": [1, 0, 1, 3],
        "ended_in_length": [0, 0, 1, 1],
    }
    assert result["finished_sentences"] == pytest.approx(5 / 7)


def test_a_model_that_was_cut_off_did_not_end_in_length():
    arguments = {"predictions": ["A dog runs.", "A dog runs."], "ended": [True, False], "min_words": 3, "max_words": 3}
    assert compute("length", **arguments)["items"]["ended_in_length"] == [1, 0]
    assert "ended_in_length" not in compute("length", predictions=["A dog runs."])
    with pytest.raises(ValueError, match="Pass both, or none"):
        load_metric("length").compute(predictions=["A dog."], min_words=3)


def test_ngram_probabilities_sum_to_one(texts):
    kneser_ney = module_of("ngram_perplexity").KneserNey
    for order in (1, 2, 3, 4):
        model = kneser_ney(texts, order)
        for history in [(), ("<s>",), ("<s>", "a"), ("on", "the"), ("is", "on", "the"), ("never", "seen"), (".",)]:
            tokens = [*model.vocabulary, "a token that no text has"]
            assert sum(model.probability(token, history) for token in tokens) == pytest.approx(1)


def test_ngram_perplexity_equals_kneser_ney_by_hand():
    # Bigrams <s>a twice, ab, ac, b</s>, c</s> once: D = 4/6. Before a, b, c stands one token, before </s> two: D = 3/5.
    result = compute("ngram_perplexity", predictions=["A b", ""], training_texts=["a b", "a c"], order=2)
    once, end = 0.4 / 5 + 0.6 * 4 / 5 / 5, 1.4 / 5 + 0.6 * 4 / 5 / 5
    after_start = (2 - 2 / 3) / 2 + 2 / 3 * 1 / 2 * once
    after_a = (1 - 2 / 3) / 2 + 2 / 3 * 2 / 2 * once
    after_b = (1 - 2 / 3) / 1 + 2 / 3 * 1 / 1 * end
    assert result["items"]["text_perplexity"][0] == pytest.approx((after_start * after_a * after_b) ** (-1 / 3))
    assert result["items"]["text_perplexity"][1] == pytest.approx(1 / (2 / 3 * 1 / 2 * end))
    assert result["items"]["tokens"] == [3, 1]


def test_ngram_perplexity_prefers_the_order_of_words_and_reads_the_beginning(scenes):
    train, held_out = ([scene.short() for scene in part] for part in (scenes[:30], scenes[30:]))
    shuffled = [" ".join(random.Random(0).sample(text.split(), len(text.split()))) for text in held_out]
    figures = [
        compute("ngram_perplexity", predictions=texts, training_texts=train)["perplexity"]
        for texts in (train, held_out, shuffled)
    ]
    assert figures[0] < figures[1] < figures[2] / 2
    two = ["runs on the sand.", "runs on the sand."]
    given = compute("ngram_perplexity", predictions=two, beginnings=["A dog", "Blue"], training_texts=["A dog runs."])
    assert given["items"]["text_perplexity"][0] < given["items"]["text_perplexity"][1]
    assert given["unknown"] == pytest.approx(3 / 6)


def test_a_metric_forgets_the_training_texts_of_the_call_before():
    metric = load_metric("ngram_perplexity")
    for training_texts in (["A dog runs."], ["The sun is up."], ["A dog runs."]):
        fresh = load_metric("ngram_perplexity").compute(predictions=["A dog."], training_texts=training_texts)
        assert metric.compute(predictions=["A dog."], training_texts=training_texts) == fresh


def test_grammar_errors_are_the_packages_findings_per_100_words(texts):
    wrong = ["Two dogs runs on a sand.", "She go to the the park.", "A dogs is happy."]
    result = compute("grammar_errors", predictions=[*texts, *wrong])
    found = [check_grammar(text) for text in [*texts, *wrong]]
    words = sum(len(words_in(text)) for text in [*texts, *wrong])
    assert result["items"]["errors"] == [len(findings) for findings in found] and sum(result["items"]["errors"][-3:])
    assert result["errors_per_100_words"] == pytest.approx(100 * sum(map(len, found)) / words)
    assert sum(result["rules"].values()) == sum(map(len, found))
    whole = compute("grammar_errors", predictions=["runs on a sand."], beginnings=["Two dogs"])
    assert whole["items"]["errors"] == result["items"]["errors"][-3:-2]
    assert whole["items"]["hundred_words"] == [0.06]


def test_grammar_is_checked_of_texts_that_break_off_or_make_no_sense(texts):
    """As small models write them."""
    rng = random.Random(0)
    words = [
        *["is", "was", "can", "has", "to", "he", "not", "a", "the", "two", ",", ".", "'", "very"],
        *" ".join(texts).split(),
    ]
    odd = [" ".join(rng.choice(words) for _ in range(rng.randint(1, 12))) for _ in range(2000)]
    odd += ["The dog is", "He can", "She wants to", "A dog that is very", "He"]
    assert sum(compute("grammar_errors", predictions=odd)["items"]["errors"]) > 100
