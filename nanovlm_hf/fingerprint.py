"""Tells two states of a model apart: kept results are of one state, and its name may come to hold another.

folder_fingerprint(Path("checkpoints/nanovlm-base"))        # "9b1d2e0c4f6a7788"
"""

import hashlib
from pathlib import Path

# What a model's answers depend on, of checkpoints and of exports. Results, curves and cards may change beside the weights.
FINGERPRINTED = (
    *("*.safetensors", "*.bin", "config.json", "*processor*_config.json", "chat_template*"),
    *("token*", "special_tokens_map.json", "vocab*", "merges*", "*.model"),
    *("*.onnx", "*.onnx.data", "nanovlm.json"),
)


def folder_fingerprint(folder: Path) -> str:
    """A short hash of the files that a model's answers depend on; how it decodes by default is not among them."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in FINGERPRINTED for path in folder.glob(pattern)}):
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            while part := file.read(2**20):
                digest.update(part)
    return digest.hexdigest()[:16]
