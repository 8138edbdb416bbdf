"""A saved checkpoint loads in a process that has never heard of this package."""

import json
import subprocess
import sys

import pytest
import torch

PROLOGUE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("nanovlm_hf", "modeling", "processing"):
            raise ModuleNotFoundError(f"{name} is hidden")
sys.meta_path.insert(0, Hidden())
import json, torch
torch.set_num_threads(1)
folder, picture, expected = sys.argv[1:4]
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, model, processor, pictures):
    folder = tmp_path_factory.mktemp("checkpoint")
    model.generation_config.update(max_new_tokens=8, do_sample=False)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    pictures[0].save(folder / "picture.png")
    inputs = processor(images=pictures[0], text="A little", style="long", return_tensors="pt")
    torch.save(model(**inputs).logits, folder / "expected.pt")
    return folder


def run_hidden(code, folder, cwd):
    """Runs code in a fresh process, elsewhere, with an empty Hugging Face cache and this package out of reach."""
    arguments = [str(folder), str(folder / "picture.png"), str(folder / "expected.pt")]
    done = subprocess.run(
        [sys.executable, "-c", PROLOGUE + code, *arguments],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "HF_HOME": str(cwd / "hf"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.rstrip("\n").split("\n")[-1])


def test_auto_classes_load_and_give_equal_logits(checkpoint, tmp_path):
    code = """
import transformers
from transformers import AutoConfig, AutoImageProcessor, AutoProcessor, AutoTokenizer
kwargs = {"trust_remote_code": True}
processor = AutoProcessor.from_pretrained(folder, **kwargs)
names = [type(part).__name__ for part in (
    AutoConfig.from_pretrained(folder, **kwargs), processor, AutoImageProcessor.from_pretrained(folder, **kwargs))]
same_tokens = AutoTokenizer.from_pretrained(folder, **kwargs)("A dog")["input_ids"] == processor.tokenizer("A dog")["input_ids"]
inputs = processor(images=picture, text="A little", style="long", return_tensors="pt")
differences, texts = [], []
for name in ("AutoModel", "AutoModelForImageTextToText", "AutoModelForMultimodalLM"):
    model = getattr(transformers, name).from_pretrained(folder, **kwargs)
    assert "transformers_modules" in type(model).__module__
    differences.append((model(**inputs).logits - torch.load(expected)).abs().max().item())
    texts.append(processor.batch_decode(model.generate(**inputs), skip_special_tokens=True)[0])
print(json.dumps([names, same_tokens, differences, texts]))
"""
    names, same_tokens, differences, texts = run_hidden(code, checkpoint, tmp_path)
    assert names == ["NanoVLMConfig", "NanoVLMProcessor", "NanoVLMImageProcessor"]
    assert same_tokens
    assert differences == [0.0, 0.0, 0.0]
    assert len(set(texts)) == 1 and texts[0].startswith("A little")


def test_pipeline_takes_prompts_batches_and_chats(checkpoint, tmp_path):
    code = """
from transformers import pipeline
# transformers 5.0 has a limit of its own here, above this model's positions.
pipe = pipeline("image-text-to-text", folder, trust_remote_code=True, max_new_tokens=8)
one = pipe(picture, text="A little")[0]["generated_text"]
many = [result["generated_text"] for result in pipe([picture, picture], text=["A little", "The"], batch_size=2)]
import base64
data = base64.b64encode(open(picture, "rb").read()).decode()
chats = [
    [{"role": "user", "content": [{"type": "image", **given}, {"type": "text", "text": "A little"}]}]
    for given in ({"url": picture}, {"url": f"data:image/png;base64,{data}"}, {"base64": data})
]
said = [pipe(text=chat, return_full_text=False)[0]["generated_text"] for chat in chats]
pipe.processor.style = "long"
long = pipe(picture, text="A little")[0]["generated_text"]
inputs = pipe.processor(images=picture, text="A little", style="long", return_tensors="pt")
written = pipe.processor.batch_decode(pipe.model.generate(**inputs, max_new_tokens=8), skip_special_tokens=True)
print(json.dumps([one, many, said, long, written[0]]))
"""
    one, many, said, long, written = run_hidden(code, checkpoint, tmp_path)
    assert long == written != one
    assert one.startswith("A little") and many[0] == one and many[1].startswith("The")
    assert said == [one.removeprefix("A little")] * 3


def test_saved_again_by_remote_code_it_loads_again(checkpoint, tmp_path):
    code = """
from transformers import AutoModel, AutoProcessor
for target in ("first", "second"):
    model = AutoModel.from_pretrained(folder, trust_remote_code=True)
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    inputs = processor(images=picture, text="A little", style="long", return_tensors="pt")
    difference = (model(**inputs).logits - torch.load(expected)).abs().max().item()
    model.save_pretrained(target)
    processor.save_pretrained(target)
    folder = target
print(json.dumps(difference))
"""
    assert run_hidden(code, checkpoint, tmp_path) == 0.0


def test_no_pickle_in_a_checkpoint(checkpoint):
    written = {path.name for path in checkpoint.iterdir()} - {"picture.png", "expected.pt"}
    assert {
        "model.safetensors",
        "config.json",
        "processor_config.json",
        "tokenizer.json",
        "modeling_nanovlm.py",
    } <= written
    assert not [name for name in written if name.endswith((".bin", ".pt", ".pkl", ".pth"))]
