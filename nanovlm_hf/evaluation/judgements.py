"""Scores of completions by one judge, a language model or a person, and what they come to.

    judgements = read_judgements(Path("results/judgements.jsonl"))      # what write_rows wrote of them
    mean_scores([one for one in judgements if one.judge == "gpt-4o (blind)"])["4f0c..."]["total"]

`judge.judge_completions` and `human_judging.read_human_judgements` make them.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nanovlm_hf.evaluation.judge_prompts import AXES

ROW_FIELDS = (
    "key",
    "model",
    "dataset",
    "style",
    "image_id",
    "beginning",
    "completion",
)  # that come from a completion's row


@dataclass(frozen=True)
class Judgement:
    """One judge's scores of one completion in one vote, or why there are none.

    `key` and what follows up to `completion` are of the completion's row. `scores`: an axis, 0-10; `None` where
    `reason` says why. `judge_model`: the model as its server names it. `temperature`: `None` where the server took none.
    """

    key: str
    model: str
    dataset: str
    style: str
    image_id: str
    beginning: str
    completion: str
    judge: str
    prompt_version: str
    vote: int
    scores: dict[str, int] | None
    reason: str = ""
    rationale: str = ""
    judge_model: str = ""
    temperature: float | None = None


def judge_name(who: str, sees_image: bool) -> str:
    return f"{who} ({'sees image' if sees_image else 'blind'})"


def total(scores: Mapping[str, float]) -> float:
    """The paper's total: of its five axes, up to 50. Grounding is not in it, so that judges can be compared."""
    return sum(scores[axis] for axis in AXES)


def mean_scores(judgements: Iterable[Judgement]) -> dict[str, dict[str, float]]:
    """One judge's scores by the key of the completion, with "total"; the mean of the votes. Unscored ones are left out.

    Raises:
        ValueError: judgements of several judges.
    """
    votes: dict[str, list[Mapping[str, float]]] = {}
    judges = set()
    for judgement in judgements:
        judges.add((judgement.judge, judgement.prompt_version))
        if judgement.scores is not None:
            votes.setdefault(judgement.key, []).append({**judgement.scores, "total": total(judgement.scores)})
    if len(judges) > 1:
        named = ", ".join(f"{judge} with prompt {version}" for judge, version in sorted(judges))
        raise ValueError(f"Scores of several judges are not put together: {named}. Pass those of one.")
    return {key: {axis: sum(one[axis] for one in all_) / len(all_) for axis in all_[0]} for key, all_ in votes.items()}


def read_judgements(path: Path) -> list[Judgement]:
    """Reads what `write_rows` wrote of judgements as .jsonl.

    Raises:
        FileNotFoundError: no such file. ValueError: a line is no judgement.
    """
    judgements = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                judgements.append(Judgement(**json.loads(line)))
            except (ValueError, TypeError) as error:
                raise ValueError(
                    f"{path}, line {number}: not a judgement ({error}). Judge again to write it."
                ) from None
    return judgements
