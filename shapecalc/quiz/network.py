"""The report of a spec -> questions about that very network: a table of its layers, and figures of single ones.

Whoever answers has the spec at hand; a question on a layer tells what arrives there, so that it stands by itself.
"""

from __future__ import annotations

from functools import cached_property
from itertools import count as numbers
from itertools import islice
from typing import TYPE_CHECKING, Any

from shapecalc.explain.layer import Explained
from shapecalc.quiz import costly as slip
from shapecalc.quiz import fieldslips, wording
from shapecalc.quiz.cells import FIGURES, TableProblem
from shapecalc.quiz.draw import Draw
from shapecalc.quiz.make import TRIES, Exhausted, made
from shapecalc.quiz.problem import LayerProblem, Solved, Unsolvable, report_of
from shapecalc.quiz.quantity import workings
from shapecalc.quiz.question import CHOICE, NUMBER, TABLE, Sheet
from shapecalc.quiz.topic import Topic
from shapecalc.quiz.topics.costs import PARAMS, WORK
from shapecalc.quiz.topics.networks import OF_LAYERS, filled_in, table_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.explain.layer import LayerWork
    from shapecalc.explain.words import Words
    from shapecalc.quiz.problem import Problem
    from shapecalc.quiz.question import Ask, Question

ROWS = 10
"""A longer table is no pleasure to fill in: of a larger network a piece is asked for."""

ASKED = ("height", "width", "depth", "length", "params", "macs", "flops", "field", "jump", "bytes", "buffers")


def questions_from(
    report: Report, count: int, seed: str, say: Words, kinds: Sequence[str] = (), *, fewer: bool = False
) -> Sheet:
    """That many questions on a network without errors: a table first, then single layers.

    Raises Unsolvable where the spec does not stand by itself, Exhausted where the network has not as many questions;
    with `fewer` only where it has none.
    """
    network = _Network(report)
    if not network.works:
        raise Exhausted(f"{network.name}: no layer has figures to ask about")
    title = say("{name}: sizes, costs and receptive fields", name=report.name or report.path)
    tables, layers = _questions(_Table(network), seed, say, kinds), _questions(_Layers(network), seed, say, kinds)
    found = list(islice(tables, min(count, 1) if _single(kinds) else count))
    found += islice(layers, count - len(found))
    if len(found) < (1 if fewer else count):
        raise Exhausted(f"{network.name}: the kinds wanted make no more than {len(found)} of the questions")
    return Sheet(title, say.language, seed, found)


def _single(kinds: Sequence[str]) -> bool:
    """Whether questions on single layers are wanted."""
    return not kinds or CHOICE in kinds or NUMBER in kinds


def _questions(topic: Topic, seed: str, say: Words, kinds: Sequence[str]) -> Iterator[Question]:
    """Different questions, until many draws in a row bring nothing new; what gave no question is not tried again."""
    seen: set[str] = set()
    misses = 0
    for number in numbers():
        key = str(topic.draw(Draw(seed, topic.name, 1, number), 1).given())
        misses = misses + 1 if key in seen else 0
        if misses > TRIES:
            return
        question = None if key in seen else made(topic, 1, number, seed, say, kinds)
        seen.add(key)
        if question is not None:
            yield question


class _Network:
    """A spec as text, with the layers whose shapes are known."""

    def __init__(self, report: Report) -> None:
        self.spec = report.source.text
        self.name = report.name or report.path
        again = report_of(self.spec)  # without its file, as `quiz answer` will have it
        explained = Explained(again)
        works = [explained.layer(layer.node) for layer in again.layers]
        self.works = {w.node.path: w for w in works if w.whole}

    @cached_property
    def rows(self) -> list[str]:
        """The layers whose line in a table tells something: parameters, work, or another shape."""
        return [path for path, w in self.works.items() if _numeric(w) and (_counts(w) or _reshaped(w))]


class _Figure(LayerProblem):
    """A figure of a layer that the network holds already."""

    def __init__(self, network: _Network, layer: str, what: str) -> None:
        super().__init__(network.spec, layer, what)
        self.network = network

    def solve(self) -> dict[str, Solved]:
        """Raises Unsolvable for a figure that comes from no formula whose working is worth while."""
        work = self.network.works[self.layer]
        try:
            (working,) = workings(work, self.what)
        except ValueError as error:
            raise Unsolvable(str(error)) from None
        same_jump = self.what == "jump" and any(n.text == "J" and n.value == working.answer for n in working.letters)
        if working.tree is None or working.constant or working.bare or same_jump or working.answer == 0:
            raise Unsolvable(f"{self.layer}: nothing to work out")
        return {"": Solved([working], work, whole=False)}


class _Rows(TableProblem):
    """A table of layers that the network holds already."""

    def __init__(self, network: _Network, layers: Sequence[str]) -> None:
        super().__init__(network.spec, layers, FIGURES)
        self.network = network

    def solve(self) -> dict[str, Solved]:
        return self.filled([self.network.works[path] for path in self.layers])


def _counts(work: LayerWork) -> bool:
    """Whether the layer has parameters or does work."""
    return any(isinstance(n, int) and n > 0 for n in (work.layer.params, work.layer.macs))


def _numeric(work: LayerWork) -> bool:
    """Whether the figures of the layer are numbers."""
    return isinstance(work.layer.params, int) and isinstance(work.layer.activation_bytes, int | None)


def _reshaped(work: LayerWork) -> bool:
    first = work.node.inputs[0] if work.node.inputs else None
    return first is not None and first.shape != work.node.outputs[0].shape


class _Table(Topic):
    """A piece of the network as a table."""

    name = "network-table"
    title = "A network's table"
    kinds = (TABLE,)
    mistakes = OF_LAYERS

    def __init__(self, network: _Network) -> None:
        self.network = network

    def draw(self, draw: Draw, level: int) -> Problem:
        rows = self.network.rows
        first = draw.between(0, max(len(rows) - ROWS, 0))
        return _Rows(self.network, rows[first : first + ROWS])

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        assert isinstance(problem, TableProblem)
        lines = [_line(self.network.works[path], say) for path in problem.layers]
        told = say("Fill in the table of these layers of {name}, for one sample.", name=self.network.name)
        return "\n".join([told, "", "```", *lines, "```"])

    def label(self, name: str, say: Words) -> tuple[str, str]:
        return table_label(name, say)

    def table(self, problem: Problem, asks: Mapping[str, Ask], say: Words) -> tuple[list[str], list[list[str | Ask]]]:
        assert isinstance(problem, TableProblem)
        return filled_in(problem, asks, say)


def _line(work: LayerWork, say: Words) -> str:
    """ "conv: Conv2d(3, 64, kernel_size=11) <- 3 × 224 × 224", and whose module it is where that is another layer's."""
    arriving = ", ".join(wording.sizes(w.shape or ()) for w in work.node.inputs if w is not None)
    code = wording.code(work.trace.plain_op).strip("`")
    owner = work.node.owner
    shared = "" if owner is work.node else f" ({say('shares the weights of {path}', path=owner.path)})"
    return f"{work.node.path}: {code}{shared}" + (f" <- {arriving}" if arriving else "")


class _Layers(Topic):
    """A figure of a layer that chance names."""

    name = "network"
    title = "Layers of a network"
    kinds = (CHOICE, NUMBER)
    mistakes = (*OF_LAYERS, *PARAMS, *WORK, fieldslips.OWN_STRIDE, fieldslips.STRIDES_IGNORED, fieldslips.WHOLE_KERNEL,
                fieldslips.DILATION_IGNORED, fieldslips.PRODUCT_FORGOTTEN, slip.BYTE_EACH, slip.OTHER_WIDTH, slip.BITS,
                slip.CHANNELS_FORGOTTEN, slip.HEADS_COUNTED, slip.OUTPUT_FORGOTTEN, slip.SHARED_PROJECTION,
                slip.COUNTER_FORGOTTEN, slip.PARAMS_COUNTED, slip.MEAN_ONLY, slip.ONE_PAIR)  # fmt: skip

    def __init__(self, network: _Network) -> None:
        self.network = network

    def draw(self, draw: Draw, level: int) -> Problem:
        what = draw.among(ASKED)
        # Every layer has an output with bytes: an activation's are no question, and there would be little else.
        layers = what == "bytes" and self.network.rows
        return _Figure(self.network, draw.among(layers or list(self.network.works)), what)

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        assert isinstance(problem, LayerProblem)
        work = solved[""].work
        assert work is not None
        place = say("In {name}:", name=self.network.name)
        told = _asked(problem.what, solved[""], say)
        return "\n".join([place, "", "```", _line(work, say), "```", "", told])


def _asked(what: str, solved: Solved, say: Words) -> str:
    """What is asked of the layer that is shown."""
    told = {
        "height": "What is the height of the output?",
        "width": "What is the width of the output?",
        "depth": "What is the depth of the output?",
        "length": "What is the length of the output?",
        "params": "How many parameters does this layer have?",
        "buffers": "How many values do its buffers hold, its counter of batches included?",
        "macs": "How many MACs does it do for one sample?",
        "flops": "How many FLOPs does it do for one sample, 2 to a MAC?",
        "bytes": "How many bytes does its output take for one sample in float32?",
        "field": "Before this layer the receptive field is {field} and the jump {jump}, along the first axis. "
        "What is the receptive field after it?",
        "jump": "Before this layer the jump is {jump} along the first axis: "
        "two neighbours lie so far apart on the input. What is the jump after it?",
    }[what]
    known: dict[str, Any] = {n.text: n.value for w in solved.workings for n in w.letters}
    return say(told, field=known.get("R", 1), jump=known.get("J", 1))
