"""Fixtures to push to a Hub on 127.0.0.1 with, by the scripts in processes of their own: `pytest_plugins = ["hub_pushing"]`."""

import json
import os
import shutil
import signal
import subprocess
import sys
from queue import Queue

import pytest
import torch
from hub_folders import ROOT, ROWS, write_checkpoint, write_dataset
from loopback_hub import LoopbackHub


@pytest.fixture(scope="session")
def original(tmp_path_factory, model, processor, pictures):
    """A checkpoint and a dataset as they lie in a checkout; tests change copies."""
    folder = tmp_path_factory.mktemp("original")
    checkpoint = folder / "checkpoints" / "nanovlm-tiny"
    write_checkpoint(checkpoint, model, processor)
    write_dataset(folder / "datasets" / "tinydesc")
    pictures[0].save(folder / "picture.png")
    inputs = processor(images=pictures[0], text="A little", return_tensors="pt")
    torch.save(model(**inputs).logits, folder / "logits.pt")
    (folder / "rows.json").write_text(json.dumps(ROWS))
    return folder


@pytest.fixture
def work(original, tmp_path):
    for name in ("checkpoints", "datasets"):
        shutil.copytree(original / name, tmp_path / name)
    return tmp_path


@pytest.fixture(scope="session")
def server():
    with LoopbackHub() as hub:
        yield hub


@pytest.fixture
def hub(server):
    server.reset()
    return server


# Runs scripts in forks of one process that has imported what they need, as a start from nothing takes a second. The
# check that loads a folder in yet another process has its own tests, below; plots have theirs elsewhere.
FORKS = """
import json, os, runpy, sys, traceback
import pyarrow.parquet, rich.console, rich.progress, rich.table, safetensors, yaml
from huggingface_hub import CommitOperationAdd, HfApi, ModelCard, hf_hub_download, lfs
import nanovlm_hf.hub.options, nanovlm_hf.hub.push, nanovlm_hf.hub.uploads, nanovlm_hf.data.check_plots
nanovlm_hf.hub.push.loading_problems = lambda folders, kind: []
nanovlm_hf.data.check_plots.write_plots = lambda report, folder: None
nanovlm_hf.hub.push.PAUSE = 0.1
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if not child:
        output = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1), os.dup2(output, 2)
        os.environ.update(job["environment"])
        sys.argv, status = job["command"], 99
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(status)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Forks:
    """`push("checkpoints", folder, "--namespace", "org")` runs a push script and returns its status and output."""

    def __init__(self, hub, folder):
        environment = {**os.environ, **hub.environment(folder / "hf"), "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", FORKS], stdin=-1, stdout=-1, text=True, env=environment, cwd=folder
        )
        self.output = folder / "output.txt"
        self.child: Queue[int] = Queue()

    def __call__(self, script, *arguments, **environment):
        command = [str(ROOT / "push_scripts" / f"push_{script}.py"), *map(str, arguments)]
        job = {"command": command, "output": str(self.output), "environment": environment}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        self.child.put(int(self.process.stdout.readline()))
        status = int(self.process.stdout.readline())
        while not self.child.empty():
            self.child.get()
        output = self.output.read_text()
        assert "writing-token" not in output
        return status, output

    def kill(self):
        """For a fault: ends the running script as `kill -9` does."""
        os.kill(self.child.get(), signal.SIGKILL)


@pytest.fixture(scope="session")
def forks(server, tmp_path_factory):
    forks = Forks(server, tmp_path_factory.mktemp("forks"))
    yield forks
    forks.process.stdin.close()
    forks.process.wait()


@pytest.fixture
def push(hub, forks, work):
    """Pushes the working copy of a kind ("checkpoints", "datasets") to `org`, and expects it to go well."""

    def push(kind, *arguments, status=0, **environment):
        ended, output = forks(kind, work / kind, "--namespace", "org", *arguments, **environment)
        assert ended == status, output
        return output

    return push
