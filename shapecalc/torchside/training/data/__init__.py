"""Data sets by name: each turns its source into samples, and knows no network beyond the shapes that it is asked for."""
