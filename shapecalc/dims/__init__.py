"""Sizes, their conditions and their receptive fields as mathematics; knows no operator and no file."""
