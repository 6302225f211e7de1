"""Manual pages of what reading, elaboration, expectations and suppressions say: by theme, one class for each code."""
