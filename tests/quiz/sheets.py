"""Sheets made by hand, with every kind of question, and one whose texts try to leave their places."""

from __future__ import annotations

from functools import cache

from shapecalc.quiz.make import sheet
from shapecalc.quiz.question import CHOICE, NUMBER, OPEN, TABLE, Ask, Line, Question, Sheet, Wrong
from shapecalc.quiz.registry import TOPICS

WORKING = [
    Line("(i + 2*p - k)//s + 1", r"\left\lfloor \frac{i + 2 \cdot p - k}{s} \right\rfloor + 1"),
    Line("= (14 + 2*3 - 5)//3 + 1", r"= \left\lfloor \frac{14 + 2 \cdot 3 - 5}{3} \right\rfloor + 1"),
    Line("= 6", "= 6"),
]
NOTES = ["i = 14 (input, axis 2), k = 5 (kernel_size)", "15/3 = 5"]
NO_PLUS_ONE = Wrong(5, "no-plus-one", "The first window counts too: add 1 after the division.")
ROUNDED_UP = Wrong(7, "rounded-up", "The division was rounded up; torch rounds it down.")
MATRIX = "Correlate\n\n```\n0 1 2\n3 4 5\n6 7 8\n```\n\nwith `[[0, 1], [2, 3]]`. What is the sum?"


def ask_six(**other: object) -> Ask:
    return Ask(6, wrongs=[NO_PLUS_ONE, ROUNDED_UP], lines=WORKING, notes=NOTES, **other)  # type: ignore[arg-type]


def choice() -> Question:
    ask = ask_six(choices=[7, 6, 5, 16], label="height")
    return Question("size.1.0", "size", 1, CHOICE, "What does `Conv2d(1, 16, 5)` make of 14?", [ask], {"spec": "s"})


def integer() -> Question:
    return Question("size.2.1", "size", 2, NUMBER, MATRIX, [ask_six(unit="px")], {})


def decimal() -> Question:
    ask = Ask(27.8, wrongs=[Wrong(26.8, "bias-forgotten", "The bias was left out.")])
    return Question("hand.1.0", "hand", 1, NUMBER, "What is the first value?", [ask], {})


def sizes() -> Question:
    wrong = Wrong((64, 54, 54), "no-plus-one", "Add 1 after the division.")
    ask = Ask((64, 55, 55), wrongs=[wrong], lines=WORKING)
    return Question("size.3.0", "size", 3, NUMBER, "What are the sizes of the output?", [ask], {})


def table() -> Question:
    first = Ask((8, 28, 28), name="conv.out", label="conv, output", lines=WORKING)
    wrong = Wrong(200, "bias-forgotten", "Each of the 8 filters has a bias.")
    second = Ask(208, name="conv.params", label="conv, parameters", wrongs=[wrong])
    rows = [["`conv`", first, second], ["`relu`", "8 × 28 × 28", "0"]]
    return Question(
        "net.1.0", "net", 2, TABLE, "Fill in the table.", [first, second], {}, ["layer", "output", "params"], rows
    )


def open_question() -> Question:
    asks = [Ask(3, name="padding", label="padding", lines=WORKING), Ask(7, name="kernel_size", label="kernel_size")]
    return Question("reverse.2.0", "reverse", 2, OPEN, "Name `padding` and `kernel_size` that keep 14.", asks, {})


def all_kinds(lang: str = "en") -> Sheet:
    questions = [choice(), integer(), decimal(), sizes(), table(), open_question()]
    return Sheet("Sizes and costs" if lang == "en" else "尺寸与计算量", lang, "7", questions)


@cache
def generated(lang: str) -> Sheet:
    """A question of each topic and level."""
    return sheet(list(TOPICS), [1, 2, 3], 3 * len(TOPICS), "exports", lang=lang)


HOSTILE = (
    '<script>alert("1")</script> ]]> \\input{/etc/passwd} $x$ $$y$$ 100% #1 a_b ^ ~ & {1:NUMERICAL:=1} =x ~y :: // '
    "'quoted' \"double\" \\(z\\) [value1] | **bold** <img src=x onerror=alert(1)> {{Back}} --- \x00\x1b[31m"
)
HOSTILE_LINES = (
    f"{HOSTILE}\n\n    1. {HOSTILE}\n# {HOSTILE}\n\n```x\n{HOSTILE}\n[1ex]\n\\end{{verbatim}}\n```\n`{HOSTILE}`"
)


def hostile() -> Sheet:
    """Every text that there is holds marks of every format."""
    wrongs = [Wrong(5, HOSTILE, HOSTILE), Wrong(4, "m", "line\nfeed")]
    single = Ask(6, label=HOSTILE, unit=HOSTILE, choices=[6, 5, 4], wrongs=wrongs, lines=WORKING, notes=[HOSTILE])
    number = Ask(6, wrongs=wrongs, lines=WORKING)
    cell = Ask((6, 5), name=HOSTILE, label=HOSTILE, unit="]", wrongs=[Wrong((6, 4), "m", HOSTILE), *wrongs])
    rows = [[HOSTILE, cell], ["`" + HOSTILE + "`", "x"]]
    questions = [
        Question("a.1.0", "a", 1, CHOICE, HOSTILE_LINES, [single], {}),
        Question("a.1.1", "a", 1, NUMBER, HOSTILE_LINES, [number], {}),
        Question("a.1.2", "a", 1, TABLE, HOSTILE_LINES, [cell], {}, [HOSTILE, "b"], rows),
        Question("a.1.3", "a", 1, OPEN, HOSTILE_LINES, [number], {}),
    ]
    return Sheet(f"{HOSTILE}\nsecond line", "en", 'seed "7"/<b>', questions)
