"""The card of an exported folder: how to run it, and its scores beside those of the checkpoint it was made of.

    nanovlm evaluate --model runs/mini --model mini-onnx-int8 --dataset photos/ --out results/
    python -m nanovlm_hf.edge.card mini-onnx-int8 --results results/results.json

No figure is typed by hand: scores are those of `nanovlm evaluate`, found by the hashes of weights and graphs.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from nanovlm_hf.errors import clear_errors
from nanovlm_hf.files import write_atomically
from nanovlm_hf.fingerprint import folder_fingerprint

CARD = """\
---
library_name: onnxruntime
pipeline_tag: image-to-text
---
# {name}, for ONNX Runtime

A vision-language model of {parameters:.1f} million parameters that describes a picture in simple words; {precision},
{size:.0f} MB. It runs without torch and transformers:

```bash
pip install -r requirements.txt
python describe.py photo.jpg --prompt "A brown dog" --style long
```

`python describe.py --help` says the rest. {tokens}
Weights, training data, evaluation and terms of use are those of the checkpoint {name}: read its card.

| file | what it is |
|---|---|
| encoder.onnx | normalised pixels to {image_seq_length} image token(s), fp32 |
| decoder.onnx | image tokens and token ids to the next token's logits; the cache is given and written in place |
| nanovlm.json | sizes, ids, pixel normalisation, generation settings |
| tokenizer.json, describe.py | text to ids and back; the runtime, one file |
"""
TOKENS = "The tokens are those of the torch model."
INT8_TOKENS = """The decoder's matrices are 8-bit numbers in blocks with a scale each, so some tokens differ from those of
the fp32 model."""
SCORES = """
## Beside the checkpoint

{pictures:,} pictures of the split {split} of {datasets}, by `{command}`: means with 95% intervals.

{table}

{meanings}
"""
MEASURES_SHOWN = ("gap", "right_picture", "perplexity", "cider_x100", "ended_in_length")


def write_card(folder: Path, results: Path | None = None) -> Path:
    """Writes an exported folder's `README.md` and returns its path.

    Args:
        folder: what `nanovlm export` wrote.
        results: `results.json` of `nanovlm evaluate`, with this folder and its checkpoint among the models.

    Raises:
        FileNotFoundError: no exported folder, or no such results.
        ValueError: the results lack one of the two.
    """
    path = folder / "nanovlm.json"
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no nanovlm.json: pass a folder that `nanovlm export` wrote.")
    settings = json.loads(path.read_text(encoding="utf-8"))
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    tokens = TOKENS if settings["precision"] == "fp32" else INT8_TOKENS
    text = CARD.format(**{**settings, "parameters": settings["parameters"] / 1e6, "size": size, "tokens": tokens})
    if results:
        text += _scores(json.loads(results.read_text(encoding="utf-8")), settings, folder_fingerprint(folder))
    write_atomically(folder / "README.md", text)
    return folder / "README.md"


def _scores(results: dict[str, Any], settings: dict[str, Any], fingerprint: str) -> str:
    """A table with a column for the checkpoint, and one for each export of it."""
    from nanovlm_hf.hub.card_results import shown_figure

    models, source = results["models"], settings["exported_from"]
    checkpoint = [label for label, about in models.items() if source and about["weights_sha256"] == source][:1]
    exports = [label for label, about in models.items() if source and about.get("exported_from") == source]
    if not checkpoint or fingerprint not in [models[label]["revision"] for label in exports]:
        raise ValueError(
            f"These results are of {', '.join(models)}: evaluate this folder and the checkpoint that it was made of "
            "together, `nanovlm evaluate --model CHECKPOINT --model FOLDER`."
        )
    columns = [*checkpoint, *exports]
    names = ["checkpoint, torch", *(f"{models[label]['precision']}, ONNX" for label in exports)]
    rows, measures = [["", *names], ["---"] * (len(columns) + 1)], {}
    for style, figures in models[checkpoint[0]]["styles"].items():
        for name in (name for name in MEASURES_SHOWN if figures.get(name)):
            measures[name] = results["measures"][name]
            shown = [shown_figure(name, models[label]["styles"].get(style, {}).get(name)) for label in columns]
            rows.append([f"{measures[name]['title']} ({style})", *shown])
    data = results["data"]
    return SCORES.format(
        **data | {"datasets": ", ".join(data["datasets"])},
        command=results["command"],
        table="\n".join(f"| {' | '.join(row)} |" for row in rows),
        meanings="\n".join(f"- {one['title']}: {one['meaning']}" for one in measures.values()),
    )


def main(
    folder: Annotated[Path, typer.Argument(help="What `nanovlm export` wrote.")],
    results: Annotated[Path, typer.Option(help="results.json of `nanovlm evaluate`.")],
) -> None:
    """Write the scores of an exported model, beside its checkpoint's, into its README.md."""
    with clear_errors(program="card"):
        typer.echo(f"{write_card(folder, results)} is written.")


if __name__ == "__main__":
    typer.run(main)
