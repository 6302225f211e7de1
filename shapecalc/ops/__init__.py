"""Operators: every fact of a layer in one class, families of classes in one module, the registry that lists them.

This room knows arithmetic on sizes and nothing of files, graphs or torch.
"""
