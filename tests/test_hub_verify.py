"""What must not be published is found before anything is sent."""

import pickle
import shutil

import pytest
from hub_folders import DATASET_CARD, MODEL_CARD, ROOT, change_json, write_checkpoint, write_dataset

from nanovlm_hf.hub.verify import loading_problems, problems_of


@pytest.fixture
def work(tmp_path, model, processor):
    write_checkpoint(tmp_path / "checkpoints" / "nanovlm-tiny", model, processor)
    write_dataset(tmp_path / "datasets" / "tinydesc")
    return tmp_path


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("training_run.json", b'{"key": "hf_%s"}' % (b"a" * 34), "a secret, hf_aaaaa..."),
        ("training_run.json", b'{"key": "sk-proj-%s"}' % (b"a" * 34), "a secret, sk-proj-..."),
        ("notes.txt", b"-----BEGIN RSA PRIVATE KEY-----", "a secret, -----BEG..."),
        ("notes.txt", b"run in /home/somebody/project", "a path of this machine, /home/somebody"),
        ("notes.txt", b"C:\\Users\\somebody\\x", "a path of this machine, C:\\Users\\somebody"),
        ("training_run.json", b'{"left_out": ["/data/photos/1.jpg: broken"]}', "/data/photos/1.jpg"),
        ("recipe.yaml", b"dataset: [/mnt/photos/coco]", "/mnt/photos/coco"),
        ("optimizer.bin", b"anything", "a pickle"),
        ("notes.txt", pickle.dumps({"a": 1}), "a pickle"),
        ("model.safetensors.1234.part", b"half", "interrupted run"),
        ("training_state.safetensors", b"state", "interrupted run"),
        ("model.safetensors", None, "not a whole safetensors file"),
        ("tokenizer.json", None, "not a whole json file"),
        ("metrics.jsonl", b'{"step": 1}\n{"st', "not a whole jsonl file"),
        ("model.safetensors.index.json", b'{"weight_map": {"a": "model-2.safetensors"}}', "model-2.safetensors"),
        ("curve.png", b"\x89PNG\r\n", "not a whole png file"),
        ("empty.txt", b"", "an empty file"),
        (".DS_Store", b"x", "hidden"),
        ("README.md", b"# No metadata", "lacks `license`"),
        ("README.md", MODEL_CARD.replace("transformers", "timm").encode(), "must be 'transformers'"),
        ("README.md", MODEL_CARD.replace("en\n", "en\nmodel-index: [1]\n").encode(), "metadata is not valid"),
        ("README.md", MODEL_CARD.replace("en\n", "en: [\n").encode(), "metadata is not valid"),
    ],
)
def test_a_folder_that_must_not_be_published_is_refused(work, name, content, said):
    path = work / "checkpoints" / "nanovlm-tiny" / name
    path.write_bytes(path.read_bytes()[:-20] if content is None else content)
    problems = problems_of(path.parent, "model")
    assert any(problem.startswith(f"{name}: ") and said in problem for problem in problems), problems
    assert "a" * 10 not in "".join(problems)


@pytest.mark.parametrize(
    "folder",
    [path.parent for path in (*ROOT.glob("dataset_cards/*/data"), *ROOT.glob("checkpoints/*/config.json"))],
    ids=lambda folder: folder.name,
)
def test_what_lies_in_the_checkout_may_be_published(folder):
    assert problems_of(folder, "dataset" if (folder / "data").is_dir() else "model") == []


def test_secrets_of_the_environment_and_strings_in_parquet_are_seen(work, monkeypatch):
    from datasets import Dataset

    monkeypatch.setenv("SOME_API_KEY", "open sesame, open sesame")
    folder = work / "datasets" / "tinydesc"
    rows = [{"image": {"path": "/data/photos/1.jpg"}, "captions": ["open sesame, open sesame!"]}]
    Dataset.from_list(rows).to_parquet(folder / "data" / "train-00000-of-00001.parquet")
    assert problems_of(folder, "dataset") == [
        "data/train-00000-of-00001.parquet: the value of the environment's SOME_API_KEY",
        "data/train-00000-of-00001.parquet: a path of this machine, /data/photos/1.jpg",
    ]


def test_checkpoints_that_do_not_work_elsewhere_are_found_out(work):
    from safetensors.torch import load_file, save_file

    good = work / "checkpoints" / "nanovlm-tiny"
    broken = [shutil.copytree(good, good.with_name(name)) for name in ("code", "slots", "words", "weights", "numbers")]
    code, slots, words, weights, numbers = broken
    (code / "modeling_nanovlm.py").write_text("import nanovlm_hf\n" + (code / "modeling_nanovlm.py").read_text())
    change_json(slots / "processor_config.json", image_seq_length=3)
    change_json(words / "tokenizer_config.json", eos_token="<short>")
    tensors = load_file(weights / "model.safetensors")
    name = next(name for name in tensors if "connector." in name)
    kept = {key: tensor for key, tensor in tensors.items() if key != name}
    save_file(kept, weights / "model.safetensors", {"format": "pt"})
    save_file({**tensors, name: tensors[name] * float("nan")}, numbers / "model.safetensors", {"format": "pt"})
    problems = loading_problems([good, *broken], "model")
    for folder, said in (
        ("code", "nanovlm_hf is not there when a user loads this"),
        ("slots", "disagree on image slots"),
        ("words", "disagree on the end token's id"),
        ("weights", f"missing keys: {name}"),
        ("numbers", "logits are not finite"),
    ):
        assert [problem for problem in problems if problem.startswith(f"{folder}: ") and said in problem], problems
    assert not [problem for problem in problems if problem.startswith("nanovlm-tiny: ")]


def test_datasets_that_do_not_load_are_found_out(work):
    good = work / "datasets" / "tinydesc"
    missing = shutil.copytree(good, good.with_name("missing"))
    (missing / "README.md").write_text(DATASET_CARD.replace("validation-*", "test-*"))
    assert [problem.split(":")[0] for problem in loading_problems([good, missing], "dataset")] == ["missing"]
