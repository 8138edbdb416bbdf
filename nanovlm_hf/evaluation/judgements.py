"""Scores of completions by one judge, a language model or a person, and what they come to.

    judgements = judge_completions(rows, Path("results"), JudgeSettings("gpt-4o"))
    mean_scores(judgements)["4f0c..."]["total"]                 # of the five axes, by the key of the completion

`judge` has them from a language model, `human_judging` from a person.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nanovlm_hf.evaluation.judge_prompts import AXES

# What comes from a completion's row.
ROW_FIELDS = ("key", "model", "dataset", "style", "image_id", "beginning", "completion")


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
