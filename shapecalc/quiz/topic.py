"""What a topic states: its title, the problems that it draws at each level, their words, and the mistakes to expect."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from shapecalc.quiz.question import CHOICE, NUMBER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.explain.words import Words
    from shapecalc.quiz.draw import Draw
    from shapecalc.quiz.mistake import Mistake
    from shapecalc.quiz.problem import Problem, Solved
    from shapecalc.quiz.question import Ask, Value

LEVELS = (1, 2, 3)
"""Small numbers by hand; the usual layers; every argument at once."""


LARGEST = 10**12


def numbers(answer: Value) -> tuple[int | float, ...]:
    """An answer's numbers: the sizes of a shape, or itself."""
    return answer if isinstance(answer, tuple) else (answer,)


class Topic:
    """A topic. Subclasses draw problems; what they draw may have no answer, and is then drawn again."""

    name: ClassVar[str]
    title: ClassVar[str]
    kinds: ClassVar[Sequence[str]] = (CHOICE, NUMBER)
    remarks: ClassVar[Sequence[str]] = ()
    """What to say with every working."""
    mistakes: ClassVar[Sequence[Mistake]] = ()

    def draw(self, draw: Draw, level: int) -> Problem:
        """A problem of that level."""
        raise NotImplementedError

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        """The question in words; see `question` for the Markdown that it may use."""
        raise NotImplementedError

    def offers(self, problem: Problem) -> Sequence[str]:
        """The kinds in which a problem can be asked."""
        return self.kinds

    def sensible(self, problem: Problem, solved: Mapping[str, Solved]) -> bool:
        """Whether the answers are worth asking for: no number beyond all reading."""
        return all(number <= LARGEST for one in solved.values() for number in numbers(one.answer))

    def remarked(self, solved: Solved) -> Sequence[str]:
        """What to say with this working."""
        return self.remarks

    def label(self, name: str, say: Words) -> tuple[str, str]:
        """What stands beside a value that is asked for, and its unit; nothing beside a single one."""
        return name, ""

    def table(self, problem: Problem, asks: Mapping[str, Ask], say: Words) -> tuple[list[str], list[list[str | Ask]]]:
        """Head and rows of a table to be filled in; questions of other kinds have none."""
        return [], []
