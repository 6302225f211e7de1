"""Markdown, HTML, LaTeX, CSV and Jupyter files, opened by other libraries than those that wrote them."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shapecalc.quiz.export import export
from shapecalc.quiz.export.mathml import mathml
from shapecalc.quiz.question import Sheet, Wrong, shown
from shapecalc.quiz.text import line, plain
from tests.quiz.sheets import all_kinds, generated, hostile

if TYPE_CHECKING:
    from collections.abc import Callable


def words(text: str) -> str:
    return " ".join(text.split())


# Markdown


def markdown_tokens(made: Sheet, key: bool) -> list[Any]:
    markdown_it = pytest.importorskip("markdown_it")
    parser = markdown_it.MarkdownIt("commonmark").enable("table")
    return list(parser.parse(export(made, "markdown", key=key).decode()))


def seen(tokens: list[Any]) -> str:
    """All text that a reader sees."""
    found = []
    for token in tokens:
        if token.type == "inline":
            found.append("".join(" " if t.type == "softbreak" else t.content for t in token.children))
        elif token.type == "fence":
            found.append(token.content)
    return words(" ".join(found))


@pytest.mark.parametrize("made", [all_kinds(), all_kinds("zh"), hostile()], ids=["en", "zh", "hostile"])
def test_markdown_reads_as_the_text_and_nothing_else(made: Sheet) -> None:
    tokens = markdown_tokens(made, True)
    inner = [child.type for token in tokens for child in token.children or []]
    assert set(inner) <= {"text", "text_special", "code_inline", "strong_open", "strong_close", "softbreak"}
    assert "html_block" not in {token.type for token in tokens}
    assert sum(token.type == "heading_open" for token in tokens) == 2 + 2 * len(made.questions)
    assert sum(token.type == "table_open" for token in tokens) == sum(bool(q.rows) for q in made.questions)
    told = seen(tokens)
    for question in made.questions:
        assert words(plain(question.text)) in told


def test_mistakes_are_a_list_below_their_heading_and_keep_their_code() -> None:
    made = all_kinds()
    made.questions[0].asks[0].wrongs = [Wrong(5, "m", "With `ceil_mode=True` it is *rounded* up.")]
    tokens = markdown_tokens(made, True)
    inner = [token for token in tokens if token.type == "inline" and "rounded" in token.content]
    assert tokens[tokens.index(inner[0]) - 2].type == "list_item_open"
    assert [child.content for child in inner[0].children] == ["5: With ", "ceil_mode=True", " it is *rounded* up."]
    assert all(";" not in token.content for token in tokens if token.content.startswith("Mistakes"))


def test_a_fence_in_a_fence_does_not_end_it() -> None:
    made = all_kinds()
    made.questions[0].text = "```\n  ````\n```"
    fences = [token.content for token in markdown_tokens(made, False) if token.type == "fence"]
    assert fences[0] == "  ````\n"


# HTML


def page(made: Sheet, key: bool) -> Any:
    html5lib = pytest.importorskip("html5lib")
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parse(export(made, "html", key=key).decode())


@pytest.mark.parametrize("key", [True, False])
@pytest.mark.parametrize("made", [all_kinds(), all_kinds("zh"), hostile()], ids=["en", "zh", "hostile"])
def test_html_is_a_strict_page_that_loads_and_runs_nothing(made: Sheet, key: bool) -> None:
    root = page(made, key)
    tags = {element.tag for element in root.iter() if isinstance(element.tag, str)}
    assert not tags & {"script", "img", "link", "iframe", "object", "form", "a", "b onerror"}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert attributes <= {
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "displaystyle",
        "fence",
        "mathvariant",
    }
    assert len(root.findall(".//section")) == len(made.questions)
    assert words("".join(root.find(".//h1").itertext())) == line(made.title)
    for section, question in zip(root.findall(".//section"), made.questions, strict=True):
        told = words(" ".join(section.itertext()))
        squeezed = told.replace(" ", "")
        assert words(plain(question.text)).replace(" ", "") in squeezed
        assert all(shown(c) in told for ask in question.asks for c in ask.choices)


def test_html_marks_the_right_choice_with_the_key_alone() -> None:
    assert [e.text for e in page(all_kinds(), True).iterfind(".//li[@class='right']/b")] == ["B"]
    assert page(all_kinds(), False).find(".//li[@class='right']") is None


def test_every_working_of_the_topics_is_shown_as_mathematics() -> None:
    lines = {one.latex: one.text for q in generated("en").questions for ask in q.asks for one in ask.lines}
    assert not [latex for latex in lines if mathml(latex) is None]


def test_mathml_has_the_numbers_and_letters_of_its_line() -> None:
    """The tree of elements, read as a formula again, computes what the text computes."""
    from xml.etree import ElementTree

    for one in (one for q in generated("en").questions for ask in q.asks for one in ask.lines):
        found = mathml(one.latex)
        assert found is not None
        leaves = [e.text or "" for e in ElementTree.fromstring(found).iter() if e.tag in ("mn", "mi", "mtext")]
        assert sorted(re.findall(r"\d+|[A-Za-z]", " ".join(leaves).replace("mod", ""))) == sorted(
            re.findall(r"\d+|[A-Za-z]", one.text.replace("%", ""))
        )


@pytest.mark.parametrize("latex", [r"\input{x}", "{", r"\left( 1", r"\frac{1}", "}", "<b>", r"\mathrm{\x}"])
def test_latex_that_is_not_known_is_no_mathml(latex: str) -> None:
    found = mathml(latex)
    assert found is None or "<b>" not in found


# LaTeX

KNOWN = {
    "documentclass", "usepackage", "iftutex", "else", "fi", "renewcommand", "solutiontitle", "noindent", "textbf",
    "enspace", "setlength", "fillinlinelength", "parindent", "emergencystretch", "printanswers", "Large", "bfseries",
    "par", "medskip", "ifprintanswers", "hrulefill", "quad", "bigskip", "question", "texttt", "choice",
    "CorrectChoice", "fillin", "makeemptybox", "allowdisplaybreaks", "left", "right", "lfloor", "rfloor", "frac",
    "cdot", "times", "hline", "raggedright", "arraybackslash", "dimexpr", "linewidth", "tabcolsep", "relax",
    "ttfamily", "strut", "textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater", "textbar",
    "textquotedbl", "textquotesingle", "textasciigrave", "fbox", "min", "max", "bmod", "mathrm", "mathtt",
    "{", "}", "$", "&", "%", "#", "_", " ", "\\",
}  # fmt: skip


def nodes_of(tex: str) -> list[Any]:
    walker = pytest.importorskip("pylatexenc.latexwalker")
    found, _, _ = walker.LatexWalker(tex, tolerant_parsing=False).get_latex_nodes()
    return list(found)


def macros(nodes: list[Any]) -> set[str]:
    found = set()
    for node in nodes:
        if getattr(node, "macroname", ""):
            found.add(node.macroname)
        for inner in (getattr(node, "nodelist", None), getattr(getattr(node, "nodeargd", None), "argnlist", None)):
            found |= macros([n for n in inner or [] if n is not None])
    return found


@pytest.mark.parametrize("key", [True, False])
@pytest.mark.parametrize("made", [all_kinds(), all_kinds("zh"), hostile()], ids=["en", "zh", "hostile"])
def test_latex_is_balanced_and_has_our_commands_alone(made: Sheet, key: bool) -> None:
    tex = export(made, "latex", key=key).decode()
    assert macros(nodes_of(tex)) <= KNOWN
    assert tex.count("\\question\n") == len(made.questions)
    assert ("\\printanswers" in tex) == key
    assert not re.search(r"\\\\\s*\[", tex)  # a bracket behind a line's end would be its height
    assert ("\\usepackage{ctex}" in tex) == (made.lang == "zh")


def test_latex_text_reads_as_the_question() -> None:
    decoder = pytest.importorskip("pylatexenc.latex2text").LatexNodes2Text(math_mode="text")
    from shapecalc.quiz.export.latex import escaped

    text = "50% of a_b & {c} $d$ #1 \\input{x} ~ [f] 'g' - 8 × 9"
    assert words(decoder.latex_to_text(escaped(text))) == text


def build(tex: bytes, program: str, room: Path) -> bytes:
    (room / "sheet.tex").write_bytes(tex)
    command = [program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "sheet.tex"]
    done = subprocess.run(command, cwd=room, capture_output=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout[-2000:].decode(errors="replace")
    return (room / "sheet.pdf").read_bytes()


def has_class(name: str) -> bool:
    found = shutil.which("kpsewhich")
    return bool(found) and not subprocess.run([found, name], capture_output=True, check=False).returncode


@pytest.mark.parametrize("key", [True, False])
@pytest.mark.parametrize("make", [all_kinds, hostile, lambda: generated("en")], ids=["kinds", "hostile", "topics"])
def test_the_pdf_builds(make: Callable[[], Sheet], key: bool, tmp_path: Path) -> None:
    if not shutil.which("pdflatex") or not has_class("exam.cls"):
        pytest.skip("no pdflatex with exam.cls")
    assert build(export(make(), "latex", key=key), "pdflatex", tmp_path).startswith(b"%PDF")


@pytest.mark.parametrize("make", [lambda: all_kinds("zh"), lambda: generated("zh")], ids=["kinds", "topics"])
def test_the_pdf_builds_in_chinese(make: Callable[[], Sheet], tmp_path: Path) -> None:
    if not shutil.which("xelatex") or not has_class("exam.cls") or not has_class("ctex.sty"):
        pytest.skip("no xelatex with exam.cls and ctex.sty")
    assert build(export(make(), "latex", key=True), "xelatex", tmp_path).startswith(b"%PDF")


# CSV


def rows_of(made: Sheet, key: bool) -> list[dict[str, str]]:
    text = export(made, "csv", key=key).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_a_row_for_each_value() -> None:
    made = all_kinds()
    rows = rows_of(made, True)
    asks = [(q, ask) for q in made.questions for ask in q.asks]
    assert [(r["id"], r["value"], r["answer"]) for r in rows] == [(q.id, a.name, shown(a.answer)) for q, a in asks]
    assert rows[0]["choices"] == "7 | 6 | 5 | 16"
    assert rows[0]["working"].splitlines()[-1] == "= 6"
    assert "no-plus-one" in rows[0]["mistakes"]
    assert rows[1]["text"].splitlines()[1:4] == ["0 1 2", "3 4 5", "6 7 8"]
    assert set(rows_of(made, False)[0]) == set(rows[0]) - {"answer", "working", "notes", "mistakes"}


def test_no_cell_is_a_formula() -> None:
    made = all_kinds()
    made.questions[0].text = '=HYPERLINK("x")'
    made.questions[1].asks[0].label = "@SUM(1)"
    cells = [cell for row in rows_of(made, True) for cell in row.values()]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]


# Jupyter


@pytest.mark.parametrize("key", [True, False])
@pytest.mark.parametrize("made", [all_kinds(), all_kinds("zh"), hostile()], ids=["en", "zh", "hostile"])
def test_a_notebook_is_valid_and_has_a_cell_a_question(made: Sheet, key: bool) -> None:
    nbformat = pytest.importorskip("nbformat")
    book = nbformat.reads(export(made, "jupyter", key=key).decode(), as_version=4)
    nbformat.validate(book)
    kinds = [cell.cell_type for cell in book.cells]
    assert kinds == ["markdown", "code"] + ["markdown", "code", *(["markdown"] if key else [])] * len(made.questions)
    assert len({cell.id for cell in book.cells}) == len(book.cells)


def test_the_answer_cells_with_the_key_run_to_the_key() -> None:
    nbformat = pytest.importorskip("nbformat")
    made = all_kinds()
    book = nbformat.reads(export(made, "jupyter", key=True).decode(), as_version=4)
    program = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code") + "\nprint(answers)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    wanted = {
        (n if len(q.asks) == 1 else (n, a.name)): a.answer
        for n, q in enumerate(made.questions, start=1)
        for a in q.asks
    }
    assert done.stdout.strip() == str(wanted)


def test_hostile_labels_stay_in_their_comment() -> None:
    nbformat = pytest.importorskip("nbformat")
    for key in (True, False):
        book = nbformat.reads(export(hostile(), "jupyter", key=key).decode(), as_version=4)
        for cell in book.cells:
            if cell.cell_type == "code":
                compile(cell.source, "cell", "exec")
                assert len(cell.source.splitlines()) == 1
