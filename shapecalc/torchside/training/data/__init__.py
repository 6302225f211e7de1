"""Data sets by name: each turns its source into samples, and knows of the network only its shapes."""
