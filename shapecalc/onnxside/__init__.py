"""ONNX files -> specs. The only package that imports onnx; it needs no torch."""
