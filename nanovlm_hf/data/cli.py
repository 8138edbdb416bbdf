"""`nanovlm data`: captions become descriptions; descriptions are checked and become a dataset."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional

import typer

from nanovlm_hf.errors import clear_errors

app = typer.Typer(no_args_is_help=True, help="Make, check and build datasets of descriptions from captioned pictures.")


class DescriptionStyle(str, Enum):
    short = "short"
    long = "long"


@app.command(
    epilog="Example: nanovlm data generate --captions coco/annotations/captions_train2017.json "
    "--images coco/train2017 --style short --style long --teacher gpt-4o --out work/",
)
def generate(
    captions: Annotated[str, typer.Option(help="COCO JSON, Flickr8k token file or CSV, image folder, or dataset.")],
    out: Annotated[Path, typer.Option(help="Where the work lies; the same command goes on where it stopped.")],
    style: Annotated[list[DescriptionStyle], typer.Option(help="short: 20-25 words. long: 60-70 words. Repeat it.")],
    teacher: Annotated[str, typer.Option(help="A model's name, or offline: a writer that needs no network.")],
    images: Annotated[Optional[str], typer.Option(help="The pictures' folder or zip.")] = None,  # noqa: UP045
    split: Annotated[Optional[str], typer.Option(help="The split to read. Default: all.")] = None,  # noqa: UP045
    image_column: Annotated[Optional[str], typer.Option(help="Of a table or dataset.")] = None,  # noqa: UP045
    caption_column: Annotated[Optional[str], typer.Option(help="Of a table or dataset.")] = None,  # noqa: UP045
    id_column: Annotated[Optional[str], typer.Option(help="Of a table or dataset.")] = None,  # noqa: UP045
    base_url: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Any OpenAI-compatible server: http://localhost:8000/v1. Default: OpenAI."),
    ] = None,
    key_variable: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="The environment variable with the key. Default: OPENAI_API_KEY; with --base-url none."),
    ] = None,
    batch_api: Annotated[
        bool, typer.Option("--batch-api", help="OpenAI's half-price batches: run again to collect.")
    ] = False,
    limit: Annotated[Optional[int], typer.Option(help="Only the first pictures, to try.", min=1)] = None,  # noqa: UP045
    strict: Annotated[bool, typer.Option("--strict", help="Leave out texts that still break a rule.")] = False,
    concurrency: Annotated[int, typer.Option(help="Requests under way at once.", min=1)] = 8,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.", min=0.1)] = 120.0,
    prices: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Your own price table, in the form of nanovlm_hf/data/prices.yaml."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before it costs.")] = False,
) -> None:
    """Have a teacher write descriptions from captions.

    Says what it may cost and asks. Stop it whenever you like: the same command goes on, and pays for nothing twice.

    The exit status is 1 where a picture got no description, and 130 where you stopped it.
    """
    from rich.console import Console

    from nanovlm_hf.data.generate import Options, generate
    from nanovlm_hf.data.sources import CaptionSource

    source = CaptionSource(captions, images, split, image_column, caption_column, id_column)
    options = Options(base_url, key_variable, batch_api, strict, limit, concurrency, timeout, prices)
    with clear_errors("data"):
        summary = generate(
            work=out,
            captions=source,
            styles=list(dict.fromkeys(one.value for one in style)),
            teacher=teacher,
            options=options,
            confirm=lambda question: yes or typer.confirm(question),
            console=Console(),
        )
    raise typer.Exit(130 if summary.stopped else 1 if summary.total("failed") else 0)


@app.command(epilog="Example: nanovlm data check work/")
def check(
    folder: Annotated[
        Path, typer.Argument(help="What `nanovlm data generate` or `build` wrote, or a COCO-form folder.")
    ],
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Where report.json and the plots go. Default: FOLDER/check."),
    ] = None,
) -> None:
    """Say how good the descriptions are.

    Prints a table and writes report.json with plots of lengths, vocabulary and openings.
    """
    from rich import print as print_rich

    from nanovlm_hf.data.check_report import check_descriptions, dataset_report, print_report, write_report
    from nanovlm_hf.data.descriptions import read_descriptions

    with clear_errors("data"):
        descriptions = read_descriptions(folder)
        report = dataset_report(descriptions, check_descriptions(descriptions))
        print_report(report)
        write_report(report, out or folder / "check")
    print_rich(f"Written to {out or folder / 'check'}: report.json, words.png, vocabulary.png, openings.png")


@app.command(epilog="Example: nanovlm data build work/ --style short --out shortdesc/")
def build(
    out: Annotated[Path, typer.Option(help="The dataset's folder. One that this command wrote is replaced.")],
    folder: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="What `nanovlm data generate` wrote, or a COCO-form folder with descriptions/."),
    ] = None,
    descriptions: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Instead: a dataset of texts without pictures, such as our ShortDesc and LongDesc."),
    ] = None,
    images: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(help="Folders or zips with your pictures, found by name. Repeat it."),
    ] = None,
    style: Annotated[
        Optional[DescriptionStyle],  # noqa: UP045
        typer.Option(help="Which texts, where there are both. Default: the one that --out names."),
    ] = None,
    without_images: Annotated[
        bool,
        typer.Option("--without-images", help="Name the pictures only: their terms may not let you give them on."),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Leave out texts that break a rule.")] = False,
    shard_size: Annotated[str, typer.Option(help="How large a Parquet file may become.")] = "500MB",
) -> None:
    """Write a dataset folder that `datasets.load_dataset` reads: Parquet, card, report.

    What is left out is listed: unsuitable texts, pictures that are missing or damaged, one picture in two splits.
    """
    from nanovlm_hf.data.build import build_from_folder

    place = folder or descriptions
    if place is None or (folder and descriptions):
        raise typer.BadParameter("Pass a folder, or --descriptions and --images.")
    if descriptions and not images:
        raise typer.BadParameter("--descriptions is joined with pictures: pass their folders or zips with --images.")
    with clear_errors("data"):
        told = build_from_folder(
            place,
            out,
            style=style.value if style else None,
            images=images or [],
            with_images=not without_images,
            strict=strict,
            shard_size=shard_size,
        )
    typer.echo(told)
