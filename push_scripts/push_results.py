"""Publishes evaluation results into the models' repositories on the Hugging Face Hub.

python push_scripts/push_results.py results/ --namespace org --dry-run
python push_scripts/push_results.py results/nanovlm-base.json --namespace org
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # works in a checkout that is not installed, too

from nanovlm_hf.hub.options import CreatePr, DryRun, Namespace, Only, Private, Revision  # noqa: E402

Files = Annotated[
    list[Path],
    typer.Argument(help="Results, a JSON file for each model, or folders of them.", show_default="results/"),
]


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")


@app.command()
def main(
    files: Files = [ROOT / "results"],  # noqa: B006 (typer)
    namespace: Namespace = None,
    only: Only = None,
    private: Private = False,
    revision: Revision = None,
    create_pr: CreatePr = False,
    dry_run: DryRun = False,
) -> None:
    """Publish evaluation results: `.eval_results/*.yaml` and the card's `model-index` of each model's repository.

    Results are refused where the repository holds other weights than were evaluated. What the files must hold is in
    nanovlm_hf/hub/results.py.
    """
    from huggingface_hub import HfApi

    from nanovlm_hf.hub.options import clear_errors, resolve_namespace
    from nanovlm_hf.hub.push import Settings, push
    from nanovlm_hf.hub.uploads import find_results, results_upload

    with clear_errors():
        settings = Settings(private=private, revision=revision, create_pr=create_pr, dry_run=dry_run)
        found = find_results(files, only or [])
        namespace = resolve_namespace(HfApi(), namespace, dry_run)
        push([results_upload(results, namespace) for results in found], settings)


if __name__ == "__main__":
    app()
