"""A wheel holds all that a checkout has: model, processor and recipes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = """
import nanovlm_hf, sys
from nanovlm_hf.modeling import NanoVLMConfig
from nanovlm_hf.processing import NanoVLMProcessor
from nanovlm_hf.training.settings import parse_settings
assert nanovlm_hf.__file__.startswith(sys.argv[1]) and NanoVLMConfig.__module__.startswith("nanovlm_hf.")
from nanovlm_hf.data.prices import find_price
from nanovlm_hf.data.offline_teacher import write_description
from nanovlm_hf.metrics import load_metric
load_metric("length")
assert write_description(["A brown dog runs on grass."], "short", "1")
assert find_price("gpt-4o")
print(parse_settings([]).output_dir)
"""


def test_an_installed_wheel_works_without_the_checkout(tmp_path):
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    source = tmp_path / "source"  # building writes beside the sources
    for name in ("nanovlm_hf", "modeling", "processing", "recipes", "metrics"):
        for path in (ROOT / name).rglob("*"):
            if path.suffix in (".py", ".yaml", ".md", ".txt", ".json", ".html"):
                target = source / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([*pip, "--target", str(tmp_path / "site"), str(source)], check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n{CODE}", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "runs/picture-book"
