"""Publishes checkpoints as model repositories on the Hugging Face Hub.

python push_scripts/push_checkpoints.py --namespace org --dry-run            # what would change
python push_scripts/push_checkpoints.py --namespace org                      # all of checkpoints/
python push_scripts/push_checkpoints.py runs/my-model --private              # one of your own
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # works in a checkout that is not installed, too

from nanovlm_hf.hub.options import CreatePr, DryRun, Namespace, Only, Private, Revision  # noqa: E402

Folders = Annotated[
    list[Path], typer.Argument(help="Checkpoints, or folders of checkpoints.", show_default="checkpoints/")
]


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")


@app.command()
def main(
    folders: Folders = [ROOT / "checkpoints"],  # noqa: B006 (typer)
    namespace: Namespace = None,
    only: Only = None,
    private: Private = False,
    revision: Revision = None,
    create_pr: CreatePr = False,
    dry_run: DryRun = False,
) -> None:
    """Publish checkpoints: each folder becomes the model repository of its name.

    A folder is verified first (no secret, path, pickle or half file; a valid card; it loads in a fresh process with
    the code it carries), then compared with the Hub, and what differs goes there in one commit, tagged with this
    package's version. Run again, it changes nothing; after an interruption, it does the rest.
    """
    from huggingface_hub import HfApi

    from nanovlm_hf.hub.options import push_errors, resolve_namespace
    from nanovlm_hf.hub.push import Settings, push
    from nanovlm_hf.hub.uploads import checkpoint_uploads, find_folders

    with push_errors():
        settings = Settings(private=private, revision=revision, create_pr=create_pr, dry_run=dry_run)
        found = find_folders(folders, only or [], "model")
        push(checkpoint_uploads(found, resolve_namespace(HfApi(), namespace, dry_run)), settings)


if __name__ == "__main__":
    app()
