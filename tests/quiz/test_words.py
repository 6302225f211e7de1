"""Everything that the quiz says stands in the Chinese catalogue."""

from __future__ import annotations

import ast
from pathlib import Path

import shapecalc
from shapecalc.explain.words import Words
from shapecalc.quiz.registry import TOPICS

PACKAGE = Path(shapecalc.__file__).parent
SAYING = [*sorted((PACKAGE / "quiz").rglob("*.py")), PACKAGE / "cli/quiz.py", PACKAGE / "cli/sheet.py"]


def literal() -> set[str]:
    """First arguments of `say(...)`."""
    return {
        node.args[0].value
        for path in SAYING
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and "say" in (getattr(node.func, "id", ""), getattr(node.func, "attr", ""))
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def test_every_message_is_in_the_chinese_catalogue() -> None:
    titles = {topic.title for topic in TOPICS.values()}
    feedbacks = {mistake.feedback for topic in TOPICS.values() for mistake in topic.mistakes}
    assert "Questions" in literal()
    remarks = {remark for topic in TOPICS.values() for remark in topic.remarks}
    assert literal() | titles | feedbacks | remarks <= set(Words("zh").catalogue)
