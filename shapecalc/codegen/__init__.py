"""Source text of the equivalent torch.nn.Module. Nothing here imports torch."""
