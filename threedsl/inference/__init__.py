"""The network outside torch: its graph as ONNX, and onnxruntime running it with a checkpoint's weights."""
