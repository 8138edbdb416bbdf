"""Publishes the page on which to try the models, as a Space on the Hugging Face Hub.

python push_scripts/push_space.py --namespace org --dry-run                  # what would change
python push_scripts/push_space.py --namespace org                            # org/nanovlm, with org's models
python push_scripts/push_space.py --model my-model --model org/nanovlm-base
"""

import re
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # works in a checkout that is not installed, too

from nanovlm_hf.hub.options import CreatePr, DryRun, Namespace, Private, Revision  # noqa: E402

SPACE = ROOT / "nanovlm_hf" / "space"
FILES = ("README.md", "app.py", "attention.py", "requirements.txt")
MODELS = ("nanovlm-mini", "nanovlm-base", "nanovlm-large")
Models = Annotated[
    Optional[list[str]],  # noqa: UP045 (typer)
    typer.Option(
        "--model",
        help="A model to choose on the page: NAME in the namespace, or OWNER/NAME. Repeat it.",
        show_default=", ".join(MODELS),
    ),
]
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")


def models_there(api: Any, names: list[str]) -> list[str]:
    """Those of the models that are on the Hub, as a page that names others would not start; prints what it lacks.

    Raises:
        ValueError: there is none.
    """
    from huggingface_hub.errors import RepositoryNotFoundError

    there = []
    for name in names:
        try:
            private = api.model_info(name).private
        except RepositoryNotFoundError:
            print(f"{name} is left out, as the Hub doesn't have it. Run this again when it does.")
            continue
        there.append(name)
        if private:
            print(f"{name} is private: in the Space's settings, add a secret HF_TOKEN that may read it.")
    if not there:
        raise ValueError(
            "There is no model for the page to show. Push the checkpoints first, or name one with --model."
        )
    return there


def copy_page(folder: Path, models: list[str]) -> None:
    """Writes the Space's files, with a README.md that names the models."""
    for file in FILES:
        text = (SPACE / file).read_text(encoding="utf-8")
        if file == "README.md":
            lines = "".join(f"- {model}\n" for model in models)
            text = re.sub(r"^models:\n(- .+\n)+", f"models:\n{lines}", text, flags=re.MULTILINE)
        (folder / file).write_text(text, encoding="utf-8")


@app.command()
def main(
    name: Annotated[str, typer.Option(help="The Space's name.")] = "nanovlm",
    model: Models = None,
    namespace: Namespace = None,
    private: Private = False,
    revision: Revision = None,
    create_pr: CreatePr = False,
    dry_run: DryRun = False,
) -> None:
    """Publish the Space: the page of `nanovlm demo`, with the namespace's models that are on the Hub.

    Its files are verified first (no secret, path or pickle; a valid card), then compared with the Hub, and what differs
    goes there in one commit, tagged with this package's version. Run again, it changes nothing.
    """
    from huggingface_hub import HfApi

    from nanovlm_hf.hub.options import push_errors, resolve_namespace
    from nanovlm_hf.hub.push import Settings, Upload, mirror, push

    with push_errors(), tempfile.TemporaryDirectory() as scratch:
        settings = Settings(private=private, revision=revision, create_pr=create_pr, dry_run=dry_run)
        namespace = resolve_namespace(HfApi(), namespace, dry_run)
        names = [one if "/" in one else f"{namespace}/{one}" for one in model or MODELS]
        folder = Path(scratch) / name
        folder.mkdir()
        copy_page(folder, models_there(HfApi(), names))
        push([Upload(f"{namespace}/{name}", "space", lambda state: mirror(folder, state), folder)], settings)


if __name__ == "__main__":
    app()
