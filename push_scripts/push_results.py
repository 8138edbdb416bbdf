"""Publishes evaluation results into the models' repositories on the Hugging Face Hub.

nanovlm evaluate --model checkpoints/nanovlm-base --dataset photos/ --out results/
python push_scripts/push_results.py --namespace org --dry-run                # what would change
python push_scripts/push_results.py --namespace org                          # of all models in results/
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # works in a checkout that is not installed, too

from nanovlm_hf.hub.options import CreatePr, DryRun, Namespace, Only, Private, Revision  # noqa: E402

Results = Annotated[
    list[Path], typer.Argument(help="Folders that `nanovlm evaluate --out` wrote.", show_default="results/")
]
Datasets = Annotated[
    list[Path],
    typer.Option(
        help="Datasets, or folders of datasets, of which the evaluated texts are. Repeat it.",
        show_default="dataset_cards/",
    ),
]
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")


@app.command()
def main(
    results: Results = [ROOT / "results"],  # noqa: B006 (typer)
    datasets: Datasets = [ROOT / "dataset_cards"],  # noqa: B006 (typer)
    namespace: Namespace = None,
    only: Only = None,
    private: Private = False,
    revision: Revision = None,
    create_pr: CreatePr = False,
    dry_run: DryRun = False,
) -> None:
    """Publish evaluation results: `.eval_results/*.yaml` and the card's `model-index` of each model's repository.

    A model's figures go to the repository of its name, which must hold the weights that were evaluated. They are
    published for those datasets that hold the texts that were evaluated on: found by comparing them, whatever the
    folder was called.
    """
    from huggingface_hub import HfApi

    from nanovlm_hf.hub.options import push_errors, resolve_namespace
    from nanovlm_hf.hub.push import Settings, push
    from nanovlm_hf.hub.uploads import find_folders, find_results, results_upload

    with push_errors():
        settings = Settings(private=private, revision=revision, create_pr=create_pr, dry_run=dry_run)
        found = find_results(results, find_folders(datasets, [], "dataset"), only or [])
        namespace = resolve_namespace(HfApi(), namespace, dry_run)
        push([results_upload(one, namespace) for one in found], settings)


if __name__ == "__main__":
    app()
