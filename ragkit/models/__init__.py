"""Local models on ONNX Runtime: text embedding without torch, network or downloads."""
