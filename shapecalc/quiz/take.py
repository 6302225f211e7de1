"""A sheet -> a talk: one question at a time, what was wrong and the working, the score at the end.

Knows no terminal: lines are asked for and told through two functions.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from shapecalc.quiz.grade import BLANK, RIGHT, UNREADABLE, mark, mark_value
from shapecalc.quiz.report import feedback, percent, points
from shapecalc.quiz.worked import ask_lines, choices, numbered, question_lines, table_lines
from shapecalc.render.paint import PLAIN, aligned, printable, width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shapecalc.explain.words import Words
    from shapecalc.quiz.grade import Mark, Marked
    from shapecalc.quiz.question import Ask, Question, Sheet
    from shapecalc.render.paint import Paint

WORKING = "?"
"""The answer that asks for the working."""


class Talk:
    """The questions of a sheet, put one by one; `marked` are those that are through.

    `hear` gives the next line for a prompt, and raises what ends the talk: EOFError, KeyboardInterrupt.
    """

    def __init__(
        self, sheet: Sheet, say: Words, hear: Callable[[str], str], tell: Callable[[str], None], paint: Paint = PLAIN
    ) -> None:
        self.sheet = sheet
        self.say = say
        self.hear = hear
        self.tell = tell
        self.paint = paint
        self.marked: list[Marked] = []

    def run(self) -> None:
        """Put all questions."""
        self.tell(self.paint(printable(self.sheet.title), "bold"))
        self.tell("=" * width(self.sheet.title))
        self.tell(self.say("Empty skips a question, ? shows its working, Ctrl-D ends."))
        for number, question in enumerate(self.sheet.questions, start=1):
            self.put(number, question)

    def put(self, number: int, question: Question) -> None:
        """One question: its words, the answers, what is to be said of them."""
        self.tell("")
        for line in numbered(number, question_lines(question)):
            self.tell(line)
        texts: dict[str, str] = {}
        shown_already: set[str] = set()
        if len(question.asks) == 1:
            for line in choices(question.asks[0]):
                self.tell(f"   {line}")
        for ask in question.asks:
            self.table(question, texts)
            text = self.answer(question, ask)
            if text == WORKING:
                self.work(question, ask)
                shown_already.add(ask.name)
            texts[ask.name] = "" if text == WORKING else text
        marked = mark(question, texts)
        self.marked.append(marked)
        for one in marked.marks:
            self.judge(question, one, working=one.ask.name not in shown_already)

    def table(self, question: Question, texts: dict[str, str]) -> None:
        """The table as far as it is filled in."""
        for line in table_lines(question, {name: printable(text) or "-" for name, text in texts.items()}):
            self.tell(f"   {line}")

    def answer(self, question: Question, ask: Ask) -> str:
        """What is answered, asked again until it can be read."""
        prompt = f"   {printable(ask.label)}> " if ask.label else "   > "
        while True:
            text = self.hear(prompt).strip()
            wanted = text.replace("？", WORKING)
            if wanted in ("", WORKING):
                return wanted
            if mark_value(question, ask, text).state != UNREADABLE:
                return text
            self.tell("   " + self.say("{text}: neither a number nor sizes; once more", text=printable(text)))

    def work(self, question: Question, ask: Ask) -> None:
        for line in ask_lines(question, ask, None, self.say, self.paint):
            self.tell(f"   {line}")

    def judge(self, question: Question, one: Mark, *, working: bool) -> None:
        """Right, or what was wrong with the working below."""
        label = f"{printable(one.ask.label or one.ask.name)}: " if len(question.asks) > 1 else ""
        if one.state == RIGHT:
            self.tell("   " + label + self.paint(self.say("right"), "green"))
        elif one.state == BLANK:
            if working:
                self.tell("   " + label + self.say("skipped"))
        else:
            why = feedback(one, self.say)
            self.tell("   " + label + self.paint(self.say("not right"), "red") + (f": {printable(why)}" if why else ""))
            if working:
                self.work(question, one.ask)

    def score(self) -> Iterator[str]:
        """The points so far, and the mistakes that were made."""
        total = sum((m.points for m in self.marked), Fraction(0))
        asked = len(self.marked)
        if not asked:
            yield self.say("No question was answered.")
            return
        yield self.say("{points} of {asked} ({share})", points=points(total), asked=asked, share=percent(total / asked))
        if asked < len(self.sheet.questions):
            yield self.say("questions left: {left}", left=len(self.sheet.questions) - asked)
        found: dict[str, int] = {}
        for one in (one for m in self.marked for one in m.marks if one.mistake):
            found[one.mistake] = found.get(one.mistake, 0) + 1
        names = aligned(list(found), False) if found else []
        yield from (f"  {name}  {times}" for name, times in zip(names, found.values(), strict=True))
