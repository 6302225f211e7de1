"""The working behind a number: formula, substitution, arithmetic, rounding, answer, from the operators' own rules."""
