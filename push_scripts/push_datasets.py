"""Publishes datasets on the Hugging Face Hub: texts and picture ids, or with --with-images the pictures too.

python push_scripts/push_datasets.py --namespace org --dry-run               # what would change
python push_scripts/push_datasets.py --namespace org                         # all of dataset_cards/
python push_scripts/push_datasets.py --private --with-images coco/ --with-images flickr8k/
"""

import sys
import tempfile
from pathlib import Path
from typing import Annotated, Optional

import typer

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # works in a checkout that is not installed, too

from nanovlm_hf.hub.options import CreatePr, DryRun, Namespace, Only, Private, Revision  # noqa: E402

Folders = Annotated[
    list[Path], typer.Argument(help="Datasets, or folders of datasets.", show_default="dataset_cards/")
]
WithImages = Annotated[
    Optional[list[Path]],  # noqa: UP045 (typer)
    typer.Option(help="Embed the pictures from this folder or zip, if you may pass them on. Repeat it for several."),
]
PublicImages = Annotated[
    bool, typer.Option("--public-images", help="Let everybody have these pictures: their terms allow it.")
]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")


@app.command()
def main(
    folders: Folders = [ROOT / "dataset_cards"],  # noqa: B006 (typer)
    namespace: Namespace = None,
    only: Only = None,
    with_images: WithImages = None,
    private: Private = False,
    revision: Revision = None,
    create_pr: CreatePr = False,
    dry_run: DryRun = False,
    public_images: PublicImages = False,
) -> None:
    """Publish datasets: each folder becomes the dataset repository of its name.

    A folder is verified first (no secret, path, pickle or half file; a valid card; every split loads), then compared
    with the Hub, and what differs goes there in one commit, tagged with this package's version. Run again, it changes
    nothing; after an interruption, it does the rest.

    Ours hold no pictures, as the photographs' terms don't allow it. With --with-images they hold those that are found,
    and the texts of the others are left out: with --private, or with --public-images if they are yours to publish.
    """
    from huggingface_hub import HfApi

    from nanovlm_hf.hub.options import push_errors, resolve_namespace
    from nanovlm_hf.hub.push import Settings, push
    from nanovlm_hf.hub.uploads import dataset_uploads, find_folders, with_pictures

    with push_errors(), tempfile.TemporaryDirectory() as scratch:
        if with_images and not (private or public_images):
            raise ValueError(
                "--with-images would let everybody have the pictures, which the terms of COCO's and Flickr8k's don't "
                "allow. Add --private, or --public-images if these are yours to publish."
            )
        settings = Settings(private=private, revision=revision, create_pr=create_pr, dry_run=dry_run)
        found = find_folders(folders, only or [], "dataset")
        namespace = resolve_namespace(HfApi(), namespace, dry_run)
        if with_images:
            found = with_pictures(found, with_images, Path(scratch))
        push(dataset_uploads(found, namespace), settings)


if __name__ == "__main__":
    app()
