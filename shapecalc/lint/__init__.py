"""What is probably a mistake in a network, and what could be cheaper: rules over a report, and the mending of text."""
