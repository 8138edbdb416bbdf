"""CHAIR: objects that a text names and the picture does not have, and how many of the picture's objects it names.

    metric = evaluate.load("metrics/chair")
    metric.compute(predictions=["A dog and a cat run."], references=[["A brown dog runs.", "The puppy is on the sand."]])
    # {"chair_i": 0.5, "chair_s": 1.0, "recall": 1.0, ...}

Source: Rohrbach et al. 2018, "Object Hallucination in Image Captioning", over COCO's 80 kinds of object with synonyms.
Here the captions alone say what a picture has; the original adds COCO's segmentations, which not every picture has.
"""

import re
from typing import NamedTuple

import datasets
import evaluate

from .object_words import (
    AFTER_A_FRUIT,
    AFTER_A_VERB,
    ALSO_VERBS,
    BEFORE_A_FRUIT,
    BEFORE_A_VERB,
    OBJECTS,
    OTHER,
    PLURALS,
    QUALIFIED,
    QUALIFIERS,
)

CITATION = """\
@inproceedings{rohrbach-etal-2018-object,
    title={Object Hallucination in Image Captioning},
    author={Rohrbach, Anna and Hendricks, Lisa Anne and Burns, Kaylee and Darrell, Trevor and Saenko, Kate},
    booktitle={EMNLP}, year={2018}}"""


class Chair(evaluate.Metric):
    """Args:
        predictions (list of `str`): a text for each picture, as the model wrote it.
        references (list of lists of `str`): the captions by people of the same pictures, one or more each.
        beginnings (list of `str`, *optional*): what each text continues. Objects that a beginning names were given to
            the model: naming them again is neither right nor wrong, and they are not there to be recalled.

    Returns:
        `chair_i`: mentions of objects that the captions lack over all mentions of objects (0 where there are none).
        `chair_s`: the share of texts with such a mention.
        `recall`: objects of the captions that the texts name, over all of them, each once a picture; None where the
            captions name no object.
        items: `mentioned`, `hallucinated`, `chair_s` (0 or 1), `true_objects`, `recalled`.
        ratios: `chair_i` is `hallucinated` over `mentioned`, `recall` is `recalled` over `true_objects`.
        hallucinated_words: for each text, the words of the mentions that the captions lack.

    Raises:
        ValueError: no texts, one that is None, a picture without captions, lists of other lengths.
    """

    def _info(self):
        features = {"predictions": datasets.Value("string"), "references": datasets.Sequence(datasets.Value("string"))}
        return evaluate.MetricInfo(
            description=__doc__,
            inputs_description=self.__class__.__doc__,
            citation=CITATION,
            features=datasets.Features(features),
        )

    def _compute(self, predictions, references, beginnings=None):
        if not predictions:
            raise ValueError("No predictions. Pass the texts to score, a string each.")
        beginnings = [""] * len(predictions) if beginnings is None else beginnings
        if len(beginnings) != len(predictions):
            raise ValueError(f"{len(predictions)} predictions and {len(beginnings)} beginnings. Pass one for each.")
        names = ("mentioned", "hallucinated", "chair_s", "true_objects", "recalled")
        items: dict[str, list[int]] = {name: [] for name in names}
        words = []
        for i, (text, captions, beginning) in enumerate(zip(predictions, references, beginnings, strict=True)):
            if text is None or beginning is None or not captions or None in captions:
                raise ValueError(
                    f"Picture {i}: text {text!r} after {beginning!r}, captions {captions!r}. Pass strings."
                )
            named, true = new_objects(text, beginning, true_objects(captions))
            wrong = [mention.words for mention in named if mention.kind not in true]
            recalled = true & {mention.kind for mention in named}
            for name, value in zip(
                names, (len(named), len(wrong), bool(wrong), len(true), len(recalled)), strict=True
            ):
                items[name].append(int(value))
            words.append(wrong)
        total = {name: sum(values) for name, values in items.items()}
        return {
            "chair_i": total["hallucinated"] / max(1, total["mentioned"]),
            "chair_s": total["chair_s"] / len(predictions),
            "recall": total["recalled"] / total["true_objects"] if total["true_objects"] else None,
            "items": items,
            "ratios": {"chair_i": ["hallucinated", "mentioned"], "recall": ["recalled", "true_objects"]},
            "hallucinated_words": words,
        }


class Mention(NamedTuple):
    """An object named in a text: its kind, the words, and the number of tokens up to and with its last."""

    kind: str
    words: str
    end: int


def true_objects(captions: list[str]) -> set[str]:
    """The kinds of object that any caption names. A "bike" is a motorcycle where some caption says so."""
    kinds = {mention.kind for caption in captions for mention in objects_in(caption)}
    if "bike" in kinds:
        kinds = kinds - {"bike"} | ({"motorcycle"} & kinds or {"bicycle"})
    return kinds


def new_objects(text: str, beginning: str, true: set[str]) -> tuple[list[Mention], set[str]]:
    """The mentions that end in `text`, and the true kinds, both without the kinds that `beginning` names."""
    given_tokens = len(tokens_of(beginning))
    bike = "motorcycle" if "motorcycle" in true and "bicycle" not in true else "bicycle"
    mentions = [
        mention._replace(kind=bike) if mention.kind == "bike" else mention
        for mention in objects_in(f"{beginning} {text}")
    ]
    given = {mention.kind for mention in mentions if mention.end <= given_tokens}
    named = [mention for mention in mentions if mention.end > given_tokens and mention.kind not in given]
    return named, true - given


def tokens_of(text: str) -> list[str]:
    """Lower-case words and punctuation marks; "hot-dog" is two words, "dog's" is one."""
    return re.findall(r"[a-z0-9']*[a-z0-9]|[.,!?;:]", text.lower().replace("-", " ").replace("’", "'"))


def plural(name: str) -> str:
    """The plural of a name by its last word."""
    before, _, last = name.rpartition(" ")
    if last in PLURALS:
        last = PLURALS[last]
    elif last.endswith("man") and last != "human":
        last = f"{last[:-2]}en"
    elif last.endswith("y") and last[-2] not in "aeiou":
        last = f"{last[:-1]}ies"
    else:
        last += "es" if last.endswith(("s", "x", "ch", "sh")) else "s"
    return f"{before} {last}".strip()


# The words of each name, and the kind of object that it is; None for names that have an object's word in them.
KINDS: dict[tuple[str, ...], str | None] = {}
for kind, names in [(None, OTHER), *OBJECTS.items()]:
    for name in names.split(", "):
        KINDS[tuple(name.split())] = KINDS[tuple(plural(name).split())] = kind
LONGEST = max(map(len, KINDS))


def objects_in(text: str) -> list[Mention]:
    """The objects that a text names, in order: the longest names first, each as often as it stands there."""
    tokens = tokens_of(text)
    words = [token.removesuffix("'s") for token in tokens]
    mentions, i = [], 0
    while i < len(words):
        length = _name_at(words, i)
        if not length:
            i += 1
            continue
        name, kind = tuple(words[i : i + length]), KINDS[tuple(words[i : i + length])]
        before = words[i - 1] if i else "."
        after = words[i + length] if i + length < len(words) else "."
        if name == ("orange",):
            is_object = before in BEFORE_A_FRUIT.split() and after in AFTER_A_FRUIT.split()
        elif name[-1].removesuffix("s") in ALSO_VERBS.split() and length == 1:
            is_object = before not in BEFORE_A_VERB.split() and after not in AFTER_A_VERB.split()
        else:
            following = tuple(words[i + length : i + length + _name_at(words, i + length)])
            is_object = not (tokens[i] in QUALIFIERS.split() and KINDS.get(following) in QUALIFIED)
        if kind and is_object:
            mentions.append(Mention(kind, " ".join(name), i + length))
        i += length
    return mentions


def _name_at(words: list[str], i: int) -> int:
    """The number of words of the longest name that begins at a place; 0 where none does."""
    return next((n for n in range(min(LONGEST, len(words) - i), 0, -1) if tuple(words[i : i + n]) in KINDS), 0)
