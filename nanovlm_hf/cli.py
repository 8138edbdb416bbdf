"""The `nanovlm` command. Each subcommand imports what it needs when it runs, so that the command starts at once."""

import sys
from enum import Enum
from typing import Annotated, Any, Optional

import typer

from nanovlm_hf.data.cli import app as data_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Very small vision-language models.",
)


app.add_typer(data_app, name="data")


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
    images: Annotated[list[str], typer.Argument(help="Pictures: paths, URLs, or - for standard input.")],
    model: Annotated[str, typer.Option(help="A checkpoint's folder, or a repository on the Hub.")],
    prompt: Annotated[str, typer.Option(help="The beginning that the description continues.")] = "",
    style: Annotated[
        Optional[Style],  # noqa: UP045 (typer)
        typer.Option(help="caption: a sentence. short: 20-25 words. long: 60-70 words. answer: to a question."),
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
    batch_size: Annotated[int, typer.Option(help="Pictures at once.", min=1)] = 16,
) -> None:
    """Describe pictures: the beginning you give, and what the model makes of it.

    One picture: the text streams as it is written. Several: a line for each, name first. A picture that cannot be read
    is reported, the others are described all the same, and the exit status is 1.
    """
    from nanovlm_hf.describe import describe_files

    settings: dict[str, Any] = {}
    if temperature is not None:
        settings = {"do_sample": temperature > 0, **({"temperature": temperature} if temperature > 0 else {})}
    if max_new_tokens is not None:
        settings["max_new_tokens"] = max_new_tokens
    try:
        style_name = style.value if style else None
        failed = describe_files(images, model, prompt, style_name, json, batch_size, seed, **settings)
    except (ValueError, OSError) as error:
        typer.echo(f"nanovlm: {error}", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(1 if failed else 0)


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


if __name__ == "__main__":
    sys.exit(app())
