"""A page on which to try NanoVLMs: a picture in, the text streams, and a heat map shows where the model looks.

nanovlm demo runs/picture-book        # on this machine, offline
python app.py                         # as the Space on the Hub runs it, with the models that its README.md names
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import torch
from PIL import Image, ImageOps
from transformers import TextIteratorStreamer

if __package__:
    from nanovlm_hf.space.attention import draw_heat, look, nats_per_token, shuffle_patches
else:  # in the Space the files lie side by side
    from attention import draw_heat, look, nats_per_token, shuffle_patches  # type: ignore[no-redef]

STYLES = [("caption: one sentence", "caption"), ("short: 20-25 words", "short"), ("long: 60-70 words", "long")]
ALL_WORDS = "the whole text"
INTRODUCTION = """# NanoVLM
Very small vision-language models, trained from scratch to describe pictures in a small child's words. They are often
wrong: read what they write next to where they look. English only, and not for anything that matters."""
FIGURES_IN_ONE_LINE = "#likelihood :is(td, th):not(:first-child) { white-space: nowrap; }"  # on a phone
# Google's fonts would need the network.
THEME = gr.themes.Default(
    font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"], primary_hue="amber"
)


def picture_input(label: str, **settings: Any) -> gr.Image:
    """An upload, as the file that it is: gradio's own reading answers a wrong one with a path of the server.

    Give it values only: of an update, `gr.skip()` too, gradio makes another component, which reads by itself again.
    """
    component = gr.Image(label=label, sources=["upload", "clipboard"], **settings)
    component.preprocess = lambda payload: payload.path if payload else None  # type: ignore[method-assign]
    return component


def open_picture(path: str | None) -> Image.Image:
    """An upright RGB picture; a wrong file gives a message on the page."""
    if path is None:
        raise gr.Error("Drop a picture first.")
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise gr.Error(
            f"{Path(path).name} is not a readable picture. Drop a whole JPEG, PNG, WebP or GIF file.",
            print_exception=False,
        ) from None


def drop_unreadable(*paths: str | None) -> list[str | None]:
    """The uploads, without those that are no pictures: a browser would show a broken one beside the message."""
    kept: list[str | None] = []
    for path in paths:
        try:
            open_picture(path)
            kept.append(path)
        except gr.Error:
            kept.append(None)
    return kept


def stream(model: Any, processor: Any, inputs: Any, written: dict[str, Any]) -> Iterator[str]:
    """What is written so far, piece by piece; in the end `written` holds the `text` and all `ids` (1, length)."""
    streamer = TextIteratorStreamer(processor.tokenizer, skip_prompt=True, skip_special_tokens=True)

    def write() -> None:
        try:
            written["ids"] = model.generate(**inputs, streamer=streamer)
        except Exception as error:  # to be raised where the page can show it
            written["error"] = error
            streamer.end()

    thread = threading.Thread(target=write)
    thread.start()
    written["text"] = ""
    for piece in streamer:
        written["text"] += piece
        yield written["text"]
    thread.join()
    if error := written.get("error"):
        raise gr.Error(str(error)) from error


def words_of(tokenizer: Any, ids: list[int]) -> list[tuple[str, list[int]]]:
    """Each written word with the places of its tokens; a word's own blank leads it."""
    words: list[list[int]] = []
    for place, token in enumerate(ids):
        piece = tokenizer.decode([token], skip_special_tokens=True)
        if words and piece and not piece[0].isspace():
            words[-1].append(place)
        elif piece:
            words.append([place])
    return [(tokenizer.decode([ids[place] for place in places]).strip(), places) for places in words]


def likelihood_table(rows: list[tuple[str, float]]) -> str:
    """Markdown: nats per token under each picture, and how much more than under the first."""
    own = rows[0][1]
    lines = [
        f"| {name} | {nats:.2f} | {f'{nats - own:+.2f}' if index else ''} |" for index, (name, nats) in enumerate(rows)
    ]
    return "\n".join(
        [
            "**How likely is this text?** Nats per token: less is likelier. Where another picture makes it no less likely, "
            "the model wrote without looking. The text was chosen for its own picture, which tends to be ahead.",
            "",
            "| with | nats per token | more |",
            "|---|---|---|",
            *lines,
        ]
    )


def looking_note(model: Any) -> str:
    """What the heat map of this model shows."""
    if model.config.image_tokens == "cls":
        return (
            "**Where it looks**: this model sees the picture as one vector, so the map is the same for all words: the "
            "attention of that vector ([CLS]) over the patches, in the encoder's last block, mean over heads."
        )
    side = int(model.config.image_seq_length**0.5)
    return (
        f"**Where it looks**: the attention of the words it writes over the {side}x{side} image tokens, mean over the "
        "decoder's layers and heads; yellow is most. It shows where the model read, not why it chose a word, and a token "
        "also knows of its neighbours."
    )


def write_and_look(
    model: Any, processor: Any, path: str | None, style: str, beginning: str | None, other_path: str | None
) -> Iterator[tuple[Any, ...]]:
    """What the page shows, as it comes: the text in pieces, then where the model looked and how likely the text is.

    Yields:
        text, heat map, words to choose from, note, table, and what `show_word` needs.
    """
    picture = open_picture(path)
    other = open_picture(other_path) if other_path else None
    beginning = (beginning or "").rstrip()
    inputs = processor(images=picture, text=beginning, style=style, return_tensors="pt").to(model.device)
    note = looking_note(model)
    yield beginning, None, gr.update(choices=[ALL_WORDS], value=ALL_WORDS), note, "", None
    written: dict[str, Any] = {}
    for text in stream(model, processor, inputs, written):
        yield (beginning + text).strip(), gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip()
    whole, ids = (beginning + written["text"]).strip(), written["ids"]

    given, pixels = inputs["input_ids"].shape[1], inputs["pixel_values"]
    looks = look(model, pixels, ids, given)
    words = words_of(processor.tokenizer, ids[0, given:].tolist()) if looks.on_picture is not None else []
    choices = [ALL_WORDS, *(f"{index}. {word}" for index, (word, _) in enumerate(words, 1))]
    if looks.on_picture is not None:
        note += f" Of all attention, {looks.on_picture.mean():.0%} fell on the picture, the rest on the text."
    rows = [("this picture", pixels)]
    rows += [("its patches in random order", shuffle_patches(pixels, model.config.vision_config.patch_size))]
    if other:
        rows += [("the other picture", processor.image_processor(other, return_tensors="pt")["pixel_values"])]
    table = likelihood_table(
        [(label, nats_per_token(model, shown.to(model.device), ids, given)) for label, shown in rows]
    )
    kept = {"picture": path, "maps": looks.maps, "places": [places for _, places in words], "choices": choices}
    heat = draw_heat(picture, looks.maps.mean(0))
    yield whole, heat, gr.update(choices=choices, value=ALL_WORDS), note, table, kept


def show_word(kept: dict[str, Any] | None, choice: str) -> Image.Image | None:
    """The heat map of a word, out of what `write_and_look` kept."""
    if not kept:
        return None
    index = kept["choices"].index(choice) - 1
    maps = kept["maps"] if index < 0 else kept["maps"][kept["places"][index]]
    return draw_heat(open_picture(kept["picture"]), maps.mean(0))


def make_page(models: dict[str, tuple[Any, Any]]) -> gr.Blocks:
    """The page.

    Args:
        models: (model, processor) by the name that the page shows.
    """
    for model, _ in models.values():
        model.eval().set_attn_implementation("eager")  # the others keep their weights to themselves

    def write(path, name, style, beginning, other_path):
        yield from write_and_look(*models[name], path, style, beginning, other_path)

    names = list(models)
    with gr.Blocks(title="NanoVLM", analytics_enabled=False) as page:
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column():
                picture = picture_input("Picture", height=320, elem_id="picture")
                name = gr.Radio(names, value=names[0], label="Model", visible=len(names) > 1)
                style = gr.Radio(STYLES, value="short", label="Style")
                beginning = gr.Textbox(
                    label="Beginning", placeholder="A brown dog", info="The text goes on from here. It may be empty."
                )
                button = gr.Button("Describe", variant="primary", elem_id="describe")
                with gr.Accordion("Compare with another picture", open=False):
                    other = picture_input("Another picture", height=200, elem_id="other")
            with gr.Column():
                text = gr.Textbox(label="Description", lines=4, interactive=False, buttons=["copy"], elem_id="text")
                heat = gr.Image(
                    label="Where it looks", interactive=False, height=320, elem_id="heat", buttons=["fullscreen"]
                )
                word = gr.Dropdown(
                    [ALL_WORDS], value=ALL_WORDS, label="While it wrote", interactive=True, elem_id="word"
                )
                note = gr.Markdown()
                table = gr.Markdown(elem_id="likelihood")
        kept = gr.State()
        wrote = gr.on(
            [picture.upload, button.click, beginning.submit],
            write,
            [picture, name, style, beginning, other],
            [text, heat, word, note, table, kept],
            api_name="describe",
            concurrency_limit=1,
            scroll_to_output=True,
            show_progress_on=text,
        )
        wrote.failure(drop_unreadable, [picture, other], [picture, other], api_visibility="private")
        word.input(show_word, [kept, word], heat, api_visibility="private")
    return page


def launch(names: list[str], host: str = "127.0.0.1", port: int = 7860) -> None:
    """Shows the page on this machine until it is interrupted.

    Args:
        names: checkpoints' folders, or repositories on the Hub; loaded with this package's own classes.

    Raises:
        FileNotFoundError, ValueError: one of them is no NanoVLM.
        OSError: the port is taken.
    """
    from nanovlm_hf.describe import load

    models = {Path(name).name: load(name) for name in names}
    if len(models) < len(names):
        raise ValueError(f"Two models have one name: {', '.join(names)}.")
    show(make_page(models), server_name=host, server_port=port)


def show(page: gr.Blocks, **settings: Any) -> Any:
    return page.launch(
        theme=THEME, css=FIGURES_IN_ONE_LINE, ssr_mode=False, share=False, footer_links=["api"], **settings
    )


def load_named_models() -> dict[str, tuple[Any, Any]]:
    """The models that the Space's README.md names, with the code that they carry."""
    from huggingface_hub import metadata_load
    from transformers import AutoModel, AutoProcessor

    device = "cuda" if torch.cuda.is_available() else "cpu"
    models = {}
    for name in (metadata_load(Path(__file__).with_name("README.md")) or {})["models"]:
        model = AutoModel.from_pretrained(name, trust_remote_code=True).to(device)
        models[name.split("/")[-1]] = (model, AutoProcessor.from_pretrained(name, trust_remote_code=True))
    return models


if __name__ == "__main__":
    show(make_page(load_named_models()))
