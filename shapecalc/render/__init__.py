"""Rendering: a report or diagnostics into text. Pure functions from values to strings; nothing here prints."""
