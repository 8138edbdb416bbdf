"""The `nanovlm` command. Each subcommand imports what it needs when it runs, so that the command starts at once."""

import os
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from nanovlm_hf.data.cli import app as data_app
from nanovlm_hf.errors import clear_errors
from nanovlm_hf.evaluation.cli import evaluate

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Very small vision-language models.",
)


app.add_typer(data_app, name="data")


class Engine(str, Enum):
    torch = "torch"
    onnx = "onnx"


class ExportFormat(str, Enum):
    onnx = "onnx"


class Style(str, Enum):
    caption = "caption"
    short = "short"
    long = "long"
    answer = "answer"


@app.callback()
def main() -> None:
    """Very small vision-language models: describe pictures on any machine."""


@app.command(
    epilog='Example: nanovlm describe photo.jpg --model runs/picture-book --prompt "A red" --style long',
)
def describe(
    images: Annotated[list[str], typer.Argument(help="Pictures: paths, folders, URLs, or - for standard input.")],
    model: Annotated[
        str,
        typer.Option(help="A checkpoint's folder, or a repository on the Hub; with --engine onnx an exported one."),
    ],
    prompt: Annotated[str, typer.Option(help="The beginning that the description continues.")] = "",
    style: Annotated[
        Optional[Style],  # noqa: UP045 (typer)
        typer.Option(help="caption: a sentence. short: 20-25 words. long: 60-70 words. answer: to a question."),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Write all to this .parquet, .jsonl or .csv; for many pictures. The same command goes on."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
    temperature: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Sample at this temperature; 0 is greedy. Default: as the checkpoint says.", min=0.0),
    ] = None,
    max_new_tokens: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Tokens to write at most.", min=1),
    ] = None,
    seed: Annotated[int, typer.Option(help="For sampling.")] = 0,
    batch_size: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Pictures at once. Default: 16, with --out 64.", min=1),
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="onnx: for folders that `nanovlm export` wrote; starts several times sooner.")
    ] = Engine.torch,
) -> None:
    """Describe pictures: the beginning you give, and what the model makes of it.

    One picture: the text streams as it is written. Several: a line for each, name first. A picture that cannot be read
    is reported, the others are described all the same, and the exit status is 1.

    Many: folders, with all that is beneath, go into one file with --out: image, style, prompt, text and error of each.
    Stop it whenever you like (the exit status is then 130): the same command goes on where it stopped.
    """
    settings: dict[str, Any] = {}
    if temperature is not None:
        settings = {"do_sample": temperature > 0, **({"temperature": temperature} if temperature > 0 else {})}
    if max_new_tokens is not None:
        settings["max_new_tokens"] = max_new_tokens
    with clear_errors("edge"):
        style_name = style.value if style else None
        if out and json:
            raise ValueError("--json prints and --out writes: for lines of JSON in a file, name it .jsonl.")
        if out:
            failed = _describe_to_file(
                images, out, engine, model, prompt, style_name, batch_size or 64, seed, settings
            )
            raise typer.Exit(1 if failed else 0)
        if any(os.path.isdir(image) for image in images):
            from nanovlm_hf.picture_list import list_pictures

            listed = [list_pictures([image]) if os.path.isdir(image) else [image] for image in images]
            images = [picture if isinstance(picture, str) else picture.path for some in listed for picture in some]
        if engine is Engine.onnx:
            from nanovlm_hf.edge.describe import describe_files
        else:
            from nanovlm_hf.describe import describe_files
        failed = describe_files(images, model, prompt, style_name, json, batch_size or 16, seed, **settings)
    raise typer.Exit(1 if failed else 0)


def _describe_to_file(
    images: list[str],
    out: Path,
    engine: Engine,
    model: str,
    prompt: str,
    style: str | None,
    batch_size: int,
    seed: int,
    settings: dict[str, Any],
) -> int:
    from nanovlm_hf.describe_folder import OnnxEngine, TorchEngine, describe_to_file

    chosen = OnnxEngine if engine is Engine.onnx else TorchEngine
    try:
        return describe_to_file(
            images, out, chosen, model, prompt=prompt, style=style, batch_size=batch_size, seed=seed, **settings
        )
    except KeyboardInterrupt:
        typer.echo("Stopped. The same command goes on from here.", err=True)
        raise typer.Exit(130) from None


@app.command(epilog="Example: nanovlm export runs/picture-book --format onnx --int8")
def export(
    model: Annotated[str, typer.Argument(help="A checkpoint's folder, or a repository on the Hub.")],
    format: Annotated[ExportFormat, typer.Option(help="onnx: for ONNX Runtime.")] = ExportFormat.onnx,
    int8: Annotated[bool, typer.Option("--int8", help="The decoder's matrices in 8 bits: smaller, faster.")] = False,
    output: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="The new folder. By default the model's name and -onnx or -onnx-int8."),
    ] = None,
) -> None:
    """Make a folder that describes pictures by itself: `python describe.py photo.jpg` in it needs no torch.

    It needs onnxruntime, tokenizers, Pillow and numpy. Without --int8 its tokens are those of the torch model.
    """
    with clear_errors("export"):
        from nanovlm_hf.edge.export import export as run

        folder = run(model, output, int8)
    typer.echo(f"{folder}: run `python describe.py photo.jpg` there, or `nanovlm describe --engine onnx` with it.")


@app.command()
def sizes() -> None:
    """Print the parameters of the three sizes and their shares by part (the paper's Tables 1 and 2)."""
    import torch

    from nanovlm_hf.modeling import NanoVLMConfig, NanoVLMForConditionalGeneration
    from nanovlm_hf.modeling.configuration_nanovlm import SIZES

    typer.echo(f"{'size':6} {'parameters':>12} {'encoder':>9} {'connector':>9} {'decoder':>9}")
    for size in SIZES:
        with torch.device("meta"):
            model = NanoVLMForConditionalGeneration(NanoVLMConfig.from_size(size))
        total, vision, connector = (
            part.num_parameters() if part is model else sum(p.numel() for p in part.parameters())
            for part in (model, model.vision_model, model.connector)
        )
        shares = (vision / total, connector / total, 1 - (vision + connector) / total)
        typer.echo(f"{size:6} {total:12,} " + " ".join(f"{share:9.1%}" for share in shares))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="Example: nanovlm serve runs/picture-book --port 8000. Other options go to `transformers serve`.",
)
def serve(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A checkpoint's folder, or a repository on the Hub.")],
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")] = "localhost",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
) -> None:
    """Serve a model behind OpenAI's API: /v1/chat/completions takes pictures and streams."""
    from nanovlm_hf.serve import serve as run

    with clear_errors("serve"):
        run(model, ["--host", host, "--port", str(port), *context.args])


@app.command(epilog="Example: nanovlm demo runs/picture-book")
def demo(
    models: Annotated[list[str], typer.Argument(help="Checkpoints' folders, or repositories on the Hub.")],
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 7860,
) -> None:
    """Try models in the browser: drop a picture, watch the text stream, see where the model looks."""
    with clear_errors("demo"):
        from nanovlm_hf.space.app import launch

        launch(models, host, port)


app.command(epilog="Example: nanovlm evaluate --model runs/mini --dataset photos/ --out results/")(evaluate)


if __name__ == "__main__":
    sys.exit(app())
