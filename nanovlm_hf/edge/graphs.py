"""The two ONNX graphs of an exported model, written operation by operation.

    build_encoder(config, state, Path("encoder.onnx"))
    build_decoder(config, state, Path("decoder.onnx"), int8=True)

They are not traced: one projection for queries, keys and values, biases and residuals inside the operations around them,
so that a decoder layer is 15 small operations a token and nothing is left to optimise when they load. `state` holds the
weights of the torch model by their names, without "model." in front.
"""

from pathlib import Path
from typing import Any

import numpy as np

MICROSOFT = "com.microsoft"  # ONNX Runtime's own fused operations, in every build of it
OPSET, IR_VERSION = 24, 11  # the first with TensorScatter
LAST = np.iinfo(np.int64).max  # the end of a slice, wherever it is


class _Graph:
    """Nodes and weights of an ONNX graph under construction; a value is known by its name.

    `single_rows`: it runs on one row at a time, mostly; `int8`: its matrices are stored in 8 bits.
    """

    def __init__(self, state: dict[str, np.ndarray], single_rows: bool, int8: bool = False):
        self.state, self.single_rows, self.int8 = state, single_rows, int8
        self.nodes: list[Any] = []
        self.weights: dict[str, np.ndarray] = {}

    def node(self, op: str, *inputs: str, outputs: int | list[str] = 1, domain: str = "", **attributes: Any) -> Any:
        """Adds an operation; its output's name, or a list of them. Unwanted outputs and inputs are ""."""
        from onnx import helper

        prefix = f"{op}_{len(self.nodes)}"
        names = outputs if isinstance(outputs, list) else [f"{prefix}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=prefix, domain=domain, **attributes))
        return names[0] if len(names) == 1 else names

    def weight(self, name: str, value: np.ndarray | None = None) -> str:
        """A weight of the checkpoint, or one given; stored once however often it is used."""
        self.weights[name] = np.ascontiguousarray(self.state[name] if value is None else value)
        return name

    def rows(self, x: str, start: int, end: int) -> str:
        """Rows start to end of (batch, rows, width)."""
        bounds = [self.weight(f"row_{n}", np.array([n], np.int64)) for n in (start, end, 1)]
        return self.node("Slice", x, *bounds)

    def product(self, x: str, name: str, part: slice = slice(None), bias: bool = False, output: str = "") -> str:
        """(..., in) -> (..., out) by a linear layer, or by a part of its outputs; without its bias unless asked."""
        matrix, label = self.state[f"{name}.weight"][part], f"{name}.{part.start or 0}"
        shift = self.weight(f"{label}.bias", self.state[f"{name}.bias"][part]) if bias else ""
        outputs: Any = [output] if output else 1
        if not self.int8:
            weight = self.weight(f"{label}.transposed", matrix.T)
            product = self.node("MatMul", x, weight, outputs=1 if bias else outputs)
            return self.node("Add", product, shift, outputs=outputs) if bias else product
        height, width = matrix.shape
        block = next((size for size in (128, 64, 32, 16) if width % size == 0), 16)
        values, scales = _quantise(matrix, block)
        weights = self.weight(f"{label}.int8", values), self.weight(f"{label}.scales", scales)
        return self.node(
            "MatMulNBits",
            *(x, *weights, *(("", "", shift) if bias else ())),
            outputs=outputs,
            domain=MICROSOFT,
            **{"K": width, "N": height, "bits": 8, "block_size": block, "accuracy_level": 4},
        )

    def norm(self, x: str, name: str, epsilon: float) -> str:
        return self.node(
            "LayerNormalization", x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias"), epsilon=epsilon
        )

    def add_and_norm(self, branch: str, residual: str, bias: str, name: str, epsilon: float) -> tuple[str, str]:
        """(norm of the sum of branch, residual and bias, the sum); `bias` may be ""."""
        if not self.single_rows:
            total = self.node("Add", self.node("Add", branch, bias) if bias else branch, residual)
            return self.norm(total, name, epsilon), total
        # One operation, which is slower than three on many rows and quicker on one.
        normed, _, _, total = self.node(
            "SkipLayerNormalization",
            *(branch, residual, self.weight(f"{name}.weight"), self.weight(f"{name}.bias"), bias),
            outputs=[f"{name}.normed", "", "", f"{name}.sum"],
            domain=MICROSOFT,
            epsilon=epsilon,
        )
        return normed, total

    def expand(self, x: str, name: str) -> str:
        """A linear layer and GELU."""
        return self.node("BiasGelu", self.product(x, name), self.weight(f"{name}.bias"), domain=MICROSOFT)

    def mlp(self, attended: str, residual: str, prefix: str, epsilon: float) -> tuple[str, str, str]:
        """A block from the attention's output on: (branch, residual, bias), whose sum the next norm makes."""
        normed, total = self.add_and_norm(
            self.product(attended, f"{prefix}.self_attn.o_proj"),
            residual,
            self.weight(f"{prefix}.self_attn.o_proj.bias"),
            f"{prefix}.post_attention_layernorm",
            epsilon,
        )
        expanded = self.expand(normed, f"{prefix}.fc1")
        return self.product(expanded, f"{prefix}.fc2"), total, self.weight(f"{prefix}.fc2.bias")

    def projections(self, x: str, name: str) -> list[str]:
        """Queries, keys and values (batch, rows, width) each."""
        return self.node("Split", self.product(x, name, bias=True), outputs=3, axis=-1, num_outputs=3)

    def attention(self, heads: int, query: str, key: str, value: str, mask: str = "") -> str:
        return self.node("Attention", query, key, value, mask, q_num_heads=heads, kv_num_heads=heads)

    def save(self, path: Path, inputs: list[Any], outputs: list[Any]) -> None:
        """The graph, and its weights in one file beside it, which the runtime maps rather than reads."""
        import onnx
        from onnx import helper, numpy_helper

        initializers = [numpy_helper.from_array(value, name) for name, value in self.weights.items()]
        graph = helper.make_graph(self.nodes, path.stem, inputs, outputs, initializers)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="nanovlm")
        onnx.save(model, path, save_as_external_data=True, location=f"{path.name}.data", size_threshold=1024)


def _quantise(matrix: np.ndarray, block: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows in blocks of 8-bit numbers around 128 (out, blocks, block), and a scale a block (out, blocks)."""
    outputs, inputs = matrix.shape
    blocks = np.pad(matrix, ((0, 0), (0, -inputs % block))).reshape(outputs, -1, block)
    scales = np.maximum(np.abs(blocks).max(-1) / 127, np.finfo(np.float32).tiny)
    return (np.round(blocks / scales[..., None]) + 128).astype(np.uint8), scales.astype(np.float32)


def build_encoder(config: Any, state: dict[str, np.ndarray], path: Path) -> None:
    """Normalised pixels (batch, channels, height, width) -> image_tokens (batch, image_seq_length, text width)."""
    from onnx import TensorProto, helper

    vision, graph = config.vision_config, _Graph(state, single_rows=False)
    width, epsilon, prefix = vision.hidden_size, vision.layer_norm_eps, "vision_model.embeddings"
    patch, side = vision.patch_size, vision.image_size // vision.patch_size
    conv = {
        name: graph.weight(f"{prefix}.{name}")
        for name in ("patch_conv.weight", "patch_conv.bias", "neighbour_conv.weight", "neighbour_conv.bias")
    }
    grid = graph.node(
        "Conv", "pixel_values", conv["patch_conv.weight"], conv["patch_conv.bias"], strides=[patch, patch]
    )
    grid = graph.node("Conv", grid, conv["neighbour_conv.weight"], conv["neighbour_conv.bias"], pads=[1, 1, 1, 1])
    shape = graph.weight("patches", np.array([0, width, side * side], np.int64))
    patches = graph.node("Transpose", graph.node("Reshape", grid, shape), perm=[0, 2, 1])  # (batch, 196, width)
    patches = graph.node("Relu", graph.norm(patches, f"{prefix}.layernorm", epsilon))
    # A row of zeros in front becomes [CLS]: its vector is in the first position, the linear layer's bias in the others.
    patches = graph.node(
        "Pad", graph.product(patches, f"{prefix}.linear"), graph.weight("cls", np.array([0, 1, 0, 0, 0, 0], np.int64))
    )
    bias, cls = state[f"{prefix}.linear.bias"], state[f"{prefix}.cls_token"][0, 0]
    positions = state[f"{prefix}.position_embeddings"] + np.vstack([cls, np.tile(bias, (side * side, 1))])
    hidden, _ = graph.add_and_norm(
        patches, graph.weight("positions", positions), "", f"{prefix}.embedding_layernorm", epsilon
    )
    stream = (hidden, "", "")
    for index in range(vision.num_hidden_layers):
        only_cls = config.image_tokens == "cls" and index == vision.num_hidden_layers - 1
        stream = _encoder_block(graph, f"vision_model.layers.{index}", vision, stream, only_cls)
    states, _ = graph.add_and_norm(*stream, "vision_model.layernorm", epsilon)
    if config.image_tokens != "cls":
        states = graph.rows(states, 1, side * side + 1)
    if config.image_tokens == "pooled":
        states = _pool(graph, states, width, side)
    graph.product(graph.expand(states, "connector.fc1"), "connector.fc2", bias=True, output="image_tokens")
    pixels = ["batch", vision.num_channels, vision.image_size, vision.image_size]
    tokens_shape = ["batch", config.image_seq_length, config.text_config.hidden_size]
    graph.save(
        path,
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, pixels)],
        [helper.make_tensor_value_info("image_tokens", TensorProto.FLOAT, tokens_shape)],
    )


def _encoder_block(
    graph: _Graph, prefix: str, config: Any, stream: tuple[str, str, str], only_cls: bool
) -> tuple[str, str, str]:
    """A block that sees all rows; `only_cls`: just the first row asks, as nothing else is read after the last block."""
    width, epsilon, name = config.hidden_size, config.layer_norm_eps, f"{prefix}.input_layernorm"
    if stream[1]:
        normed, residual = graph.add_and_norm(*stream, name, epsilon)
    else:
        normed, residual = graph.norm(stream[0], name, epsilon), stream[0]
    if only_cls:
        projection = f"{prefix}.self_attn.qkv_proj"
        query = graph.product(graph.rows(normed, 0, 1), projection, slice(0, width), bias=True)
        joint = graph.product(normed, projection, slice(width, None), bias=True)
        key, value = graph.node("Split", joint, outputs=2, axis=-1, num_outputs=2)
        residual = graph.rows(residual, 0, 1)
    else:
        query, key, value = graph.projections(normed, f"{prefix}.self_attn.qkv_proj")
    attended = graph.attention(config.num_attention_heads, query, key, value)
    return graph.mlp(attended, residual, prefix, epsilon)


def _pool(graph: _Graph, states: str, width: int, side: int) -> str:
    """(batch, 196, width) -> (batch, 49, width): each channel for itself, two by two patches."""
    shapes = [graph.weight(f"pool_{n}", np.array([0, width, *n], np.int64)) for n in ((side, side), (-1,))]
    grid = graph.node("Reshape", graph.node("Transpose", states, perm=[0, 2, 1]), shapes[0])
    weight, bias = graph.weight("connector.pooler.weight"), graph.weight("connector.pooler.bias")
    grid = graph.node("Conv", grid, weight, bias, strides=[2, 2], group=width)
    return graph.node("Transpose", graph.node("Reshape", grid, shapes[1]), perm=[0, 2, 1])


def build_decoder(config: Any, state: dict[str, np.ndarray], path: Path, int8: bool = False) -> None:
    """Image tokens and token ids, behind what the cache holds, -> logits (batch, vocabulary) of the token after them.

    Inputs: image_tokens (batch, image rows, width), with no rows after the first call; token_ids (batch, new tokens);
    positions (batch, rows) of both; mask (batch, 1, rows, capacity), 0 where a row may look and very low elsewhere;
    start (batch,), the cache's first free place; for each layer key_N and value_N (batch, heads, capacity, head size).
    Outputs new_key_N and new_value_N are to be bound to the inputs' memory: nothing is copied then.
    """
    from onnx import TensorProto, helper

    text, graph = config.text_config, _Graph(state, single_rows=True, int8=int8)
    epsilon, heads, width = text.layer_norm_eps, text.num_attention_heads, text.hidden_size
    cache_shape = ["batch", heads, "capacity", width // heads]  # a head's rows lie together: read in one sweep
    parts = graph.weight("parts", np.array([width, 2 * width], np.int64))
    by_heads = graph.weight("by_heads", np.array([0, 0, 2 * heads, width // heads], np.int64))
    floats, ints = TensorProto.FLOAT, TensorProto.INT64
    value_info = helper.make_tensor_value_info
    inputs = [
        value_info("image_tokens", floats, ["batch", "image_rows", width]),
        value_info("token_ids", ints, ["batch", "new_tokens"]),
        value_info("positions", ints, ["batch", "rows"]),
        value_info("mask", floats, ["batch", 1, "rows", "capacity"]),
        value_info("start", ints, ["batch"]),
    ]
    outputs = [value_info("logits", floats, ["batch", 1, text.vocab_size])]
    words = graph.node("Gather", graph.weight("language_model.embed_tokens.weight"), "token_ids")
    rows = graph.node("Concat", "image_tokens", words, axis=1)
    places = graph.node("Gather", graph.weight("language_model.embed_positions.weight"), "positions")
    stream = (rows, places, "")
    for index in range(text.num_hidden_layers):
        prefix = f"language_model.layers.{index}"
        normed, residual = graph.add_and_norm(*stream, f"{prefix}.input_layernorm", epsilon)
        joint = graph.product(normed, f"{prefix}.self_attn.qkv_proj", bias=True)
        query, new = graph.node("Split", joint, parts, outputs=2, axis=-1)
        new = graph.node("Transpose", graph.node("Reshape", new, by_heads), perm=[0, 2, 1, 3])
        cached = []
        for name, update in zip(
            (f"key_{index}", f"value_{index}"), graph.node("Split", new, outputs=2, axis=1, num_outputs=2), strict=True
        ):
            inputs.append(value_info(name, floats, cache_shape))
            outputs.append(value_info(f"new_{name}", floats, cache_shape))
            cached.append(graph.node("TensorScatter", name, update, "start", outputs=[f"new_{name}"], axis=2))
        attended = graph.node("MultiHeadAttention", query, *cached, "", "", "mask", domain=MICROSOFT, num_heads=heads)
        stream = graph.mlp(attended, residual, prefix, epsilon)
    normed, _ = graph.add_and_norm(*stream, "language_model.norm", epsilon)
    last = graph.rows(normed, -1, LAST)
    if text.tie_word_embeddings:  # one matrix for both, stored once
        head = graph.weight("language_model.embed_tokens.weight")
        graph.node("FusedMatMul", last, head, outputs=["logits"], domain=MICROSOFT, transB=1)
    else:
        graph.product(last, "lm_head", output="logits")
    graph.save(path, inputs, outputs)
