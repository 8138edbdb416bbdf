"""NanoVLM on small boards: ONNX graphs, and a runtime that needs neither torch nor transformers nor this package."""
