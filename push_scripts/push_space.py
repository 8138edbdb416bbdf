"""Publishes the page on which to try the models, as a Space on the Hugging Face Hub.

python push_scripts/push_space.py --namespace org --dry-run                  # what would change
python push_scripts/push_space.py --namespace org                            # org/nanovlm, with org's models
"""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # works in a checkout that is not installed, too

from nanovlm_hf.hub.options import CreatePr, DryRun, Namespace, Private, Revision  # noqa: E402

SPACE = ROOT / "nanovlm_hf" / "space"
FILES = ("README.md", "app.py", "attention.py", "requirements.txt")
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")


@app.command()
def main(
    name: Annotated[str, typer.Option(help="The Space's name.")] = "nanovlm",
    namespace: Namespace = None,
    private: Private = False,
    revision: Revision = None,
    create_pr: CreatePr = False,
    dry_run: DryRun = False,
) -> None:
    """Publish the Space: the page of `nanovlm demo`, with the namespace's mini, base and large.

    Its files are verified first (no secret, path or pickle; a valid card), then compared with the Hub, and what differs
    goes there in one commit, tagged with this package's version. Run again, it changes nothing.
    """
    from huggingface_hub import HfApi

    from nanovlm_hf.hub.options import push_errors, resolve_namespace
    from nanovlm_hf.hub.push import Settings, Upload, mirror, push

    with push_errors(), tempfile.TemporaryDirectory() as scratch:
        settings = Settings(private=private, revision=revision, create_pr=create_pr, dry_run=dry_run)
        namespace = resolve_namespace(HfApi(), namespace, dry_run)
        folder = Path(scratch) / name
        folder.mkdir()
        for file in FILES:
            text = (SPACE / file).read_text(encoding="utf-8")
            if file == "README.md":  # it names the models as org/nanovlm-base
                text = text.replace("- org/", f"- {namespace}/")
            (folder / file).write_text(text, encoding="utf-8")
        push([Upload(f"{namespace}/{name}", "space", lambda state: mirror(folder, state), folder)], settings)


if __name__ == "__main__":
    app()
