"""Trains the emitted module: the loop is Lightning's; data, defaults and what is said of them are ours."""
