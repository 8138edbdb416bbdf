"""Grammar errors per 100 words, as this package's rules find them.

    metric = evaluate.load("metrics/grammar_errors")
    metric.compute(predictions=["dogs runs on the sand."], beginnings=["Two"])

Source: `nanovlm_hf.data.grammar`, rules for simple English that work offline; the package has to be installed.
"""

import re
from collections import Counter

import datasets
import evaluate

from nanovlm_hf.data.grammar import check_grammar


class GrammarErrors(evaluate.Metric):
    """Args:
        predictions (list of `str`): the texts to check.
        beginnings (list of `str`, *optional*): what each of them continues. Rules need whole sentences, so the whole
            text is checked, and its words are counted; the beginnings are the same for all models.

    Returns:
        `errors_per_100_words`: of all texts together.
        `texts_with_errors`: the share of texts in which a rule finds something.
        items: `errors`, `hundred_words` (a text's words / 100), `texts_with_errors` (0 or 1).
        ratios: `errors_per_100_words` is `errors` over `hundred_words`.
        rules: how often each rule found something.

    Raises:
        ValueError: no texts, one that is None, lists of other lengths.
    """

    def _info(self):
        return evaluate.MetricInfo(
            description=__doc__,
            inputs_description=self.__class__.__doc__,
            citation="",
            features=datasets.Features({"predictions": datasets.Value("string")}),
        )

    def _compute(self, predictions, beginnings=None):
        if not predictions or None in predictions:
            raise ValueError(f"The predictions are {predictions!r:.80}: none at all, or one is None. Pass strings.")
        beginnings = [""] * len(predictions) if beginnings is None else beginnings
        if len(beginnings) != len(predictions):
            raise ValueError(f"{len(predictions)} predictions and {len(beginnings)} beginnings. Pass one for each.")
        texts = [f"{beginning} {text}".strip() for beginning, text in zip(beginnings, predictions, strict=True)]
        findings = [check_grammar(text) for text in texts]
        errors = [len(found) for found in findings]
        words = [len(re.findall(r"[A-Za-z0-9'-]+", text)) for text in texts]
        return {
            "errors_per_100_words": 100 * sum(errors) / max(1, sum(words)),
            "texts_with_errors": sum(map(bool, errors)) / len(texts),
            "items": {
                "errors": errors,
                "hundred_words": [count / 100 for count in words],
                "texts_with_errors": [int(count > 0) for count in errors],
            },
            "ratios": {"errors_per_100_words": ["errors", "hundred_words"]},
            "rules": dict(Counter(finding.rule for found in findings for finding in found)),
        }
