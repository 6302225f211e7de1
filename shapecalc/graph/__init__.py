"""The graph: nodes with settled operators and shapes, and the tree of modules; elaboration makes it of a Spec."""
