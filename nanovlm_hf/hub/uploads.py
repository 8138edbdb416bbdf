"""What goes to the Hub: checkpoints, datasets, and evaluation results into the models' repositories.

checkpoint_uploads([Path("checkpoints/nanovlm-base")], "org")     # for `nanovlm_hf.hub.push.push`
"""

import json
import re
from pathlib import Path
from typing import Any

from nanovlm_hf.hub.push import Files, State, Upload, compare, mirror
from nanovlm_hf.hub.results import ModelResults, eval_files, read_results, same_results, with_results
from nanovlm_hf.hub.verify import card_problems, leaks_in

# Cards in the checkout name their neighbours as `org/longdesc`; on the Hub, as what they are called there.
_PLACEHOLDER = re.compile(r"(?<![\w.-])org/(?=[\w-])")


def find_folders(folders: list[Path], only: list[str], kind: str) -> list[Path]:
    """The checkpoints or datasets that the folders are, or hold one level down, and of these the named ones.

    Args:
        only: names; all if empty.
        kind: "model" or "dataset".

    Raises:
        FileNotFoundError: a folder is none and holds none.
        ValueError: a name of `only` is not among them, or two have one name.
    """
    found = [path for folder in folders for path in _inside(folder, kind)]
    names = [path.resolve().name for path in found]
    if len(set(names)) < len(names):
        raise ValueError(f"Two folders have one name, which is to be the repository's: {', '.join(map(str, found))}.")
    if unknown := sorted(set(only) - set(names)):
        raise ValueError(f"--only {', '.join(unknown)}: there is {', '.join(names)}.")
    return [path for path, name in zip(found, names, strict=True) if not only or name in only]


def _inside(folder: Path, kind: str) -> list[Path]:
    name, marker = {"model": ("checkpoint", "config.json"), "dataset": ("dataset", "data")}[kind]
    places = [folder] if (folder / marker).exists() else sorted(folder.glob("[!.]*"))  # hidden: not finished yet
    if found := [place for place in places if (place / marker).exists()]:
        return found
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder. Name one that is a {name}, or holds some.")
    exported = [place.name for place in (folder, *places) if (place / "nanovlm.json").exists()]
    raise FileNotFoundError(
        f"{folder} is no {name} and holds none: there is no {marker} in it, nor one level down."
        + f" `nanovlm export` made {', '.join(exported)}: push the checkpoint of that." * bool(exported)
    )


def find_results(paths: list[Path], datasets: list[Path], only: list[str]) -> list[ModelResults]:
    """The results in what `nanovlm evaluate` wrote, of the named models.

    Raises:
        FileNotFoundError: there are none.
        ValueError: of no model that this package trained, or of none of the datasets; a name of `only` is not among
            them, or one is there twice.
    """
    found = [results for path in paths for results in read_results(path, datasets)]
    names = [results.model for results in found]
    places = ", ".join(map(str, paths))
    if not found:
        raise ValueError(
            f"{places}: no results of a checkpoint that lies in a folder, with its training_run.json. Evaluate one: "
            "`nanovlm evaluate --model checkpoints/NAME --dataset ... --out results/`."
        )
    if not any(results.results for results in found):
        raise ValueError(
            f"The texts that {places} was measured on are not those of {', '.join(map(str, datasets))}. Name the folders "
            "of the datasets that were evaluated on with --datasets."
        )
    if unknown := sorted(set(only) - set(names)):
        raise ValueError(f"--only {', '.join(unknown)}: there is {', '.join(names)}.")
    chosen = [results for results in found if not only or results.model in only]
    if doubled := {name for name in names if [results.model for results in chosen].count(name) > 1}:
        raise ValueError(f"Two results are of one name, which is the repository's: {', '.join(sorted(doubled))}.")
    return chosen


def with_pictures(folders: list[Path], places: list[Path], out: Path) -> list[Path]:
    """Datasets with their pictures embedded, as folders of the same names in `out`; prints what was left out, and why.

    Args:
        folders: datasets that `nanovlm data build` wrote.
        places: where the pictures lie, with all that is beneath: folders, or zips.

    Raises:
        FileNotFoundError, ValueError: a place is not there; none of a dataset's pictures was found.
    """
    from nanovlm_hf.data.build import RECORD, build_from_folder, reasons

    built = [out / folder.resolve().name for folder in folders]
    for folder, target in zip(folders, built, strict=True):
        build_from_folder(folder, target, images=places)
        if left_out := json.loads((target / RECORD).read_text(encoding="utf-8"))["left_out"]:
            print(f"{target.name}:\n{reasons(left_out)}")
    return built


def checkpoint_uploads(folders: list[Path], namespace: str) -> list[Upload]:
    """Checkpoint folders as model repositories. Results stay on a repository as long as its weights do."""
    return [_folder_upload(folder, namespace, "model") for folder in folders]


def dataset_uploads(folders: list[Path], namespace: str) -> list[Upload]:
    """Dataset folders (a card, Parquet files) as dataset repositories."""
    return [_folder_upload(folder, namespace, "dataset") for folder in folders]


def _folder_upload(folder: Path, namespace: str, kind: str) -> Upload:
    repo_id = f"{namespace}/{folder.resolve().name}"

    def files(state: State) -> Files:
        wanted = mirror(folder, state)
        card = _PLACEHOLDER.sub(f"{namespace}/", (folder / "README.md").read_text(encoding="utf-8"))
        wanted["README.md"] = card.encode()
        return _with_kept_results(wanted, card, repo_id, state) if kind == "model" else wanted

    return Upload(repo_id, kind, files, folder)


def _with_kept_results(wanted: Files, card: str, repo_id: str, state: State) -> Files:
    """Results on the Hub hold for the weights they were got with: they stay with these and go with them."""
    results = [path for path in state.files if path.startswith(".eval_results/") and path not in wanted]
    weights = [path for path in state.files if path.endswith(".safetensors")]
    if not weights or any(not _is_there(wanted.get(path), path, state) for path in weights):
        return wanted | dict.fromkeys(results)
    if "README.md" in state.files and not _metadata(card).eval_results:
        there = _metadata(read_text(repo_id, "README.md", state))
        if there.eval_results:
            wanted["README.md"] = with_results(card, there.model_name, there.eval_results).encode()
    return wanted


def _metadata(card: str) -> Any:
    from huggingface_hub import ModelCard

    return ModelCard(card, ignore_metadata_errors=True).data


def _is_there(content: Any, path: str, state: State) -> bool:
    return content is not None and compare({path: content}, state)[0].what == "same"


def read_text(repo_id: str, path: str, state: State) -> str:
    """A text file of a model repository, at the commit of `state`."""
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(repo_id, path, revision=state.commit)).read_bytes().decode("utf-8")


def results_upload(results: ModelResults, namespace: str) -> Upload:
    """Evaluation results into a model's repository: `.eval_results/*.yaml` and the card's `model-index`.

    Its `files` raises ValueError where the repository is not there or holds other weights than were evaluated.
    """
    repo_id = f"{namespace}/{results.model}"

    def files(state: State) -> Files:
        if "README.md" not in state.files:
            raise ValueError(f"{repo_id} holds no model with a card yet: push the checkpoint first.")
        weights = {
            entry.lfs.sha256 for path, entry in state.files.items() if path.endswith(".safetensors") and entry.lfs
        }
        if results.weights_sha256 not in weights:
            raise ValueError(
                f"The results of {results.model} are of weights {results.weights_sha256[:12]}, and {repo_id} holds "
                f"{', '.join(sorted(sha[:12] for sha in weights)) or 'none'}: push that checkpoint, or evaluate this one."
            )
        card = read_text(repo_id, "README.md", state)
        wanted: dict[str, str] = eval_files(results, namespace)
        if not same_results(card, results, namespace):
            wanted["README.md"] = with_results(card, results.model, results.for_model_index(namespace))
        problems = [f"{path}: {leak}" for path, text in wanted.items() for leak in leaks_in(text)]
        problems += card_problems(wanted.get("README.md", card), "model")
        if problems:
            raise ValueError(f"Nothing was sent to {repo_id}:\n  " + "\n  ".join(problems))
        return {path: text.encode() for path, text in wanted.items()}

    return Upload(repo_id, "model", files, message=f"Evaluation results of {results.model}")
