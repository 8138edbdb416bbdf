"""NanoVLMs for the Hugging Face Hub: 5M-25M parameter vision-language models, trained from scratch.

    nanovlm describe photo.jpg --model PATH_OR_REPO       # a picture in, a description out
    accelerate launch train.py                            # a model from scratch

Importing this package is light; torch and transformers are imported by the modules that use them.
"""

from pathlib import Path

__version__ = "0.1.0"

# In a checkout, `modeling/` and `processing/` lie beside this folder; installed, they lie inside it.
_checkout = Path(__file__).resolve().parent.parent
if (_checkout / "modeling" / "modeling_nanovlm.py").exists():
    __path__.append(str(_checkout))
