"""The topics, by theme; `shapecalc.quiz.registry` lists them."""
