"""`nanovlm evaluate`: models on held-out pictures, measured, judged, and reported."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional

import typer


class EvaluatedStyle(str, Enum):
    caption = "caption"
    short = "short"
    long = "long"


class Sees(str, Enum):
    text = "text"
    image = "image"


def evaluate(
    model: Annotated[list[str], typer.Option(help="A checkpoint's folder, or owner/name[@revision]. Repeat it.")],
    dataset: Annotated[list[str], typer.Option(help="A folder or a dataset's name, as for training. Repeat it.")],
    out: Annotated[Path, typer.Option(help="Where results lie; the same command goes on where it stopped.")],
    split: Annotated[str, typer.Option(help="The split whose texts are completed.")] = "test",
    style: Annotated[
        Optional[list[EvaluatedStyle]],  # noqa: UP045 (typer)
        typer.Option(help="caption, short or long. Repeat it. Default: all that the split has."),
    ] = None,
    images: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(help="Folders or zips with the pictures, where a dataset comes without. Repeat it."),
    ] = None,
    curated: Annotated[
        bool, typer.Option("--curated", help="Only the 25 chosen items of each kind of description, as in the paper.")
    ] = False,
    limit: Annotated[Optional[int], typer.Option(help="Only so many pictures, to try.", min=2)] = None,  # noqa: UP045
    num_beams: Annotated[int, typer.Option(help="1 is greedy.", min=1)] = 1,
    length_penalty: Annotated[float, typer.Option(help="Of beams: above 1 for longer texts.")] = 1.0,
    repetition_penalty: Annotated[float, typer.Option(help="Above 1 against repetition.", min=1.0)] = 1.0,
    no_repeat_ngram_size: Annotated[int, typer.Option(help="No n-gram of this size twice; 0: any.", min=0)] = 0,
    temperature: Annotated[
        float, typer.Option(help="Above 0 draws tokens, each text by a seed of its own: the same every time.", min=0.0)
    ] = 0.0,
    top_k: Annotated[int, typer.Option(help="Draw among so many likeliest tokens; 0: all.", min=0)] = 0,
    top_p: Annotated[
        float, typer.Option(help="Draw among the likeliest that make up this much.", min=0.0, max=1.0)
    ] = 1.0,
    own_decoding: Annotated[
        bool,
        typer.Option(
            "--own-decoding", help="Each model by its own generation_config.json. Default: all alike, greedy."
        ),
    ] = False,
    batch_size: Annotated[int, typer.Option(help="Pictures at once.", min=1)] = 64,
    judge: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(help="A language model that scores the completions. Repeat it."),
    ] = None,
    judge_sees: Annotated[
        Optional[list[Sees]],  # noqa: UP045
        typer.Option(help="text: as in the paper. image: the picture too, and scores grounding. Both: two judges."),
    ] = None,
    votes: Annotated[int, typer.Option(help="How often a judge scores each text.", min=1)] = 1,
    base_url: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="The judge's OpenAI-compatible server: http://localhost:8000/v1. Default: OpenAI."),
    ] = None,
    key_variable: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="The environment variable with the key. Default: OPENAI_API_KEY; with --base-url none."),
    ] = None,
    prices: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Your own price table, in the form of nanovlm_hf/data/prices.yaml."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before a judge costs.")] = False,
    human_page: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Write an HTML page to score them by hand, blind; pictures in it with --judge-sees image."),
    ] = None,
    human: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(help="The JSON file that the page gave out. Repeat it."),
    ] = None,
    without_pictures: Annotated[
        bool, typer.Option("--without-pictures", help="A report to give on: pictures' terms may not let you.")
    ] = False,
) -> None:
    """Complete held-out beginnings with every model, measure and judge the texts, and write a report.

    Writes report.html (one file), report.md, results.json, items.parquet and, of judges, judgements.parquet to --out. Stop
    it whenever you like: the same command goes on, and with one more --model it computes that model's part only.

    The exit status is 1 where a judge left a text unscored, and 130 where you stopped it.
    """
    from rich.console import Console

    try:
        from nanovlm_hf.evaluation.decoding import Decoding
        from nanovlm_hf.evaluation.evaluate import evaluate
        from nanovlm_hf.evaluation.settings import EvaluationSettings

        decoding = Decoding(
            num_beams, length_penalty, repetition_penalty, no_repeat_ngram_size, temperature, top_k, top_p
        )
        if own_decoding and decoding != Decoding():
            raise ValueError("--own-decoding takes these from each model: leave out beams, penalties and temperature.")
        settings = EvaluationSettings(
            models=model,
            datasets=dataset,
            out=out,
            split=split,
            styles=[one.value for one in style or []],
            images=images or [],
            curated=curated,
            limit=limit,
            decoding=None if own_decoding else decoding,
            batch_size=batch_size,
            judges=judge or [],
            judge_sees=[one.value for one in judge_sees or [Sees.text]],
            votes=votes,
            base_url=base_url,
            key_variable=key_variable,
            prices=prices,
            human=human or [],
            human_page=human_page,
            with_pictures=not without_pictures,
        )
        results = evaluate(settings, lambda question: yes or typer.confirm(question), Console())
    except ModuleNotFoundError as error:
        typer.echo(f'nanovlm: {error}. Evaluation needs more: pip install "nanovlm-hf[eval]"', err=True)
        raise typer.Exit(2) from None
    except (ValueError, OSError) as error:
        typer.echo(f"nanovlm: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo("Stopped. The same command goes on from here.", err=True)
        raise typer.Exit(130) from None
    typer.echo(f"Written to {out}: report.html, report.md, results.json, items.parquet")
    raise typer.Exit(1 if any(one["unscored"] for one in results["judges"].values()) else 0)
