"""A network -> the text of another one that computes the same, or what is said of it."""
