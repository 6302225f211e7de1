"""Passes over a Graph: what layers see, cost and keep in memory; legal input sizes; expectations; and the report."""
