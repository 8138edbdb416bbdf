"""What a teacher costs: estimated before anything is sent, and counted from the tokens that the server names.

price = find_price("gpt-4o-2024-08-06")          # from prices.yaml
price.cost(tokens_in=620, tokens_out=42)         # 0.00197 US dollars
"""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

CHARACTERS_A_TOKEN = 4  # OpenAI's rule of thumb for English; vocabularies differ by about a fifth


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens; `thinking`: tokens that the model writes unseen before an answer, a guess."""

    input: float
    output: float
    thinking: int
    batch_share: float
    as_of: str

    def cost(self, tokens_in: int, tokens_out: int, batch: bool = False) -> float:
        full = (tokens_in * self.input + tokens_out * self.output) / 1e6
        return full * self.batch_share if batch else full


def find_price(model: str, file: Path | None = None) -> Price | None:
    """The price of a model or of a dated version of it; `None` where the table doesn't have it.

    Args:
        file: a table in the form of `nanovlm_hf/data/prices.yaml`, which is read where none is given.

    Raises:
        FileNotFoundError, ValueError: no such file, or not of that form.
    """
    import yaml

    if file is not None and not file.is_file():
        raise FileNotFoundError(f"{file}: no such price table. Its form is that of nanovlm_hf/data/prices.yaml.")
    path: Any = file or resources.files("nanovlm_hf.data") / "prices.yaml"
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, entry in table["models"].items():
            if model == name or model.startswith(f"{name}-20"):
                return Price(
                    input=float(entry["input"]),
                    output=float(entry["output"]),
                    thinking=int(entry.get("thinking", 0)),
                    batch_share=float(table.get("batch_share", 1)),
                    as_of=str(table.get("as_of", "an unknown date")),
                )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{path}: not a price table ({error!r}). Expected: models: {{gpt-4o: {{input: 2.50, output: 10.00}}}}."
        ) from None
    return None


def estimated_tokens(text: str) -> int:
    """Tokens of an English text, by its length: no tokenizer of a teacher works without a download."""
    return -(-len(text) // CHARACTERS_A_TOKEN)
