"""An nn.Module -> the text of a spec that a person would want to keep."""
