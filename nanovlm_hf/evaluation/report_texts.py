"""The texts' part of a report: how near they come to the training texts, what stands side by side, training curves.

Source: NanoVLMs, Figures 8, 7 and 6.
"""

import base64
import io
from typing import Any

from nanovlm_hf.evaluation.items import Item, curated_items
from nanovlm_hf.evaluation.judgements import mean_scores
from nanovlm_hf.evaluation.measures import STYLE_TITLES
from nanovlm_hf.evaluation.report_blocks import Block, Panel, Panels, Prose, Sample, Samples, Section
from nanovlm_hf.evaluation.report_figures import curve_svg, originality_svg
from nanovlm_hf.evaluation.results import Data, Evaluated, Judged
from nanovlm_hf.evaluation.settings import in_hash_order

SAMPLES = 25  # of a style, as many as the paper's
PICTURE_SIDE = 224  # pixels, at most, of a picture in the report


def originality_section(held_out: Evaluated, models: list[Evaluated]) -> Section:
    blocks: list[Block] = []
    for style, own in held_out.values.items():
        panels = []
        for model in models:
            values = model.values[style]["rouge1_max"]
            alt = (
                f"Histogram for {model.label}: mean {sum(values) / len(values):.3f}, largest {max(values):.3f}; held-out "
                f"texts: mean {sum(own['rouge1_max']) / len(values):.3f}, largest {max(own['rouge1_max']):.3f}."
            )
            panels.append(Panel(model.label, alt, originality_svg(values, own["rouge1_max"])))
        blocks.append(Panels(STYLE_TITLES[style], panels))
    text = (
        "How near each text comes to the nearest of all training texts of its style (the paper's Figure 8): ROUGE-1 F of "
        "the words written. 1 is a copy. The held-out texts show how alike the writer's own texts are."
    )
    return Section("Originality", [Prose(text), *blocks])


def side_by_side_section(
    data: Data, held_out: Evaluated, models: list[Evaluated], judged: list[Judged], with_pictures: bool
) -> Section:
    scores = {one.judge: mean_scores(one.judgements) for one in judged}
    blocks: list[Block] = [
        Prose(
            "The same beginnings and what each model made of them (the paper's Figure 7). The items are the curated ones "
            "where the data has them, else the first by a hash of their ids: none was chosen for what a model wrote."
        )
    ]
    if with_pictures:
        blocks.append(
            Prose(
                "The HTML file holds pictures, whose terms may not let you give it on: with `--without-pictures` it has "
                "none."
            )
        )
    for style, items in data.items.items():
        samples = []
        for item in _shown(items, style):
            place = items.index(item)
            texts = []
            for model in models:
                row = model.rows[style][place]
                texts.append((model.label, _goes_on(row), _sample_note(row, scores)))
            texts.append((held_out.label, _goes_on(held_out.rows[style][place]), ""))
            alt = item.captions[0] if item.captions else f"Picture {item.image_id}"
            picture = _data_url(item) if with_pictures else ""
            samples.append(Sample(f"Picture {item.image_id} ({item.source})", picture, alt, item.beginning, texts))
        blocks.append(
            Samples(f"{STYLE_TITLES[style]}: {len(samples)} items", samples, is_open=style == next(iter(data.items)))
        )
    return Section("Side by side", blocks)


def _shown(items: list[Item], style: str) -> list[Item]:
    try:
        return curated_items(items, style)
    except ValueError:  # of another dataset than the list, or of a style that has none
        return in_hash_order(items)[:SAMPLES]


def _goes_on(row: dict[str, Any]) -> str:
    return f"…{row['completion']}" if row["beginning"] else row["completion"]


def _sample_note(row: dict[str, Any], scores: dict[str, dict[str, dict[str, float]]]) -> str:
    notes = [
        f"{of_texts[row['key']]['total']:.1f} of 50 by {judge}"
        for judge, of_texts in scores.items()
        if row["key"] in of_texts
    ]
    if words := row.get("hallucinated_words"):
        notes.append(f"in no caption: {', '.join(dict.fromkeys(words))}")
    if not row["ended"]:
        notes.append("cut off at the limit")
    return "; ".join(notes)


def _data_url(item: Item) -> str:
    from nanovlm_hf.processing.image_processing_nanovlm import load_picture

    image = load_picture(item.open_picture())
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def curves_section(models: list[Evaluated]) -> Section:
    panels = []
    for model in models:
        validated = [entry for entry in model.curve if "loss" in entry]
        if validated:
            best = min(validated, key=lambda entry: entry["loss"])
            alt = (
                f"Loss of {model.label} over {validated[-1]['step']:,} steps; validation loss is lowest at step "
                f"{best['step']:,}: {best['loss']:.3f}, with wrong pictures {best['shuffled_loss']:.3f}."
            )
            panels.append(Panel(model.label, alt, curve_svg(model.curve)))
    if not panels:
        return Section("Training curves")
    text = (
        "From each model's folder (the paper's Figure 6). The distance between the two validation curves is what the model "
        "gets from looking; training loss is measured with dropout and augmentation."
    )
    return Section("Training curves", [Panels("Loss, nats per token", panels, text)])
