"""Spec -> Graph: one walk in order that evaluates expressions, unrolls loops, opens blocks and infers shapes.

Everything is done in one pass because an argument or a `when` may read the sizes that arrive. A user's mistake spoils
the layer that it is in: it is reported once, and whatever depends on that layer stays silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.graph import document
from shapecalc.graph.graph import Expectation, Graph, Group, Node, Wire, trail_text
from shapecalc.graph.limits import MAX_DEPTH, MAX_LAYERS, MAX_STEPS, static_mistakes
from shapecalc.graph.mistake import Mistake, Silent
from shapecalc.graph.naming import Here, label, own_name, spoilt_name
from shapecalc.graph.operate import operate
from shapecalc.graph.resume import fitting, walk_on
from shapecalc.graph.scope import Entry, Scope, finished, input_env, single
from shapecalc.graph.values import condition, template
from shapecalc.graph.wiring import Given, given_inputs, resolve
from shapecalc.ops.registry import MODULES, find
from shapecalc.source.diagnostic import Diagnostic
from shapecalc.source.located import Scalar
from shapecalc.source.names import STRUCTURAL
from shapecalc.source.nearest import nearest
from shapecalc.source.spec import Child, Loop, Nest, Spoilt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.graph.graph import Assumption, Trail
    from shapecalc.source.spec import Body, Spec


def elaborate(spec: Spec, settings: Mapping[str, Any], *, loose: bool = False) -> Graph:
    """The graph of a spec with `settings` (values by the name of a param or symbol) in place of the defaults.

    With `loose`, the sizes of the inputs are symbols even where they are known.
    """
    walk = Walk(spec)
    try:
        return walk.document(settings, loose=loose)
    except TooManyLayers:
        nothing = Walk(spec)
        nothing.diagnostics = walk.diagnostics
        return nothing.graph(Group("", "", None, None), (), (), {}, ())


class TooManyLayers(Exception):
    """The walk has met the limit and has reported it."""


class Walk:
    """The state of one elaboration: what has been found so far."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.nodes: list[Node] = []
        self.by_path: dict[str, Node | Group] = {}
        self.assumptions: list[Assumption] = []
        self.expectations: list[Expectation] = []
        self.diagnostics: list[Diagnostic] = []
        self.facts: dict[Any, list[Any]] = {}
        self.reported: set[tuple[str, int, int]] = set()
        self.sharing: list[tuple[str, str]] = []
        self.steps = self.depth = self.deepest = self.mistakes = 0

    # the document

    def document(self, settings: Mapping[str, Any], *, loose: bool) -> Graph:
        env, changed = document.environment(self.spec, settings, self.mistake)
        inputs = document.input_wires(self.spec, env, self.mistake, loose=loose)
        root = Group("", "", None, None, named=self.spec.body.named)
        past = None if self.mistakes else fitting(self.spec, inputs)
        fatal = static_mistakes(self.spec) if past is None else []
        for mistake in fatal:
            self.mistake(mistake)
        if fatal:
            return self.graph(root, inputs, (), env, changed)
        inputs = inputs if past is None else past.inputs
        flow = Entry(inputs[:1]) if len(inputs) == 1 else None
        scope = Scope("", flow, None, self.spec.body)
        scope.names.update({w.name: Entry((w,)) for w in inputs if not (len(inputs) == 1 and w.name == "input")})
        here = Here(scope, {**env, **input_env(inputs[0] if flow else None)}, None, root)
        walk_on(self, env, inputs, here, past)
        return self.graph(root, inputs, self.outputs(self.spec.output, here), env, changed)

    def graph(self, root: Group, inputs: Any, outputs: Any, env: Mapping[str, Any], changed: Any) -> Graph:
        return Graph(
            self.spec,
            inputs,
            outputs,
            self.nodes,
            root,
            env,
            changed,
            self.assumptions,
            self.expectations,
            self.diagnostics,
            self.facts,
        )

    def outputs(self, node: Any, here: Here) -> tuple[Wire, ...]:
        """What the network, or a block, returns: the values that `output` names, or the flow at its end."""
        if node is None:
            flow = here.scope.flow
            return () if flow is None else finished(flow, "the flow", (0, 0))
        wires = []
        for item in node.items if hasattr(node, "items") else [node]:
            try:
                entry = resolve(item, here.scope, here.env, here.scope.flow)
                if not entry.skipped:
                    wires.append(single(entry, item.text, item))
            except (Mistake, Silent) as problem:
                if isinstance(problem, Mistake):
                    self.mistake(problem, here.trail)
                wires.append(Wire(None, 0, None, "float32"))
        return tuple(wires)

    # mistakes

    def mistake(self, mistake: Mistake, trail: Trail = None, path: str = "") -> None:
        """Report a mistake, once for each place in the text however often a loop or block leads there."""
        self.mistakes += 1
        key = (mistake.code, mistake.start, mistake.end)
        if key in self.reported:
            return
        self.reported.add(key)
        self.diagnostics.append(
            Diagnostic(
                mistake.code,
                mistake.message,
                mistake.start,
                mistake.end,
                help=mistake.help,
                layer=path,
                trail=trail_text(trail),
                fix=mistake.fix,
            )
        )

    # sequences

    def body(self, body: Body, here: Here) -> None:
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        if self.depth > MAX_DEPTH:
            self.depth -= 1
            message = f"sequences and blocks stand inside of each other more than {MAX_DEPTH} deep"
            raise Mistake("SC121", message, (body.start, body.start + 1))
        for child in body.children:
            self.one(child, here)
        self.depth -= 1

    def one(self, child: Child | Nest | Loop | Spoilt, here: Here) -> None:
        """Elaborate one piece of a sequence."""
        if isinstance(child, Loop):
            self.guarded(self.loop, child, here)
        elif isinstance(child, Spoilt):
            self.spoil(child, here)
        else:
            if here.branching is not None:
                here.scope.flow = here.scope.given
            self.guarded(self.child if isinstance(child, Child) else self.nest, child, here)

    def guarded(self, step: Any, child: Any, here: Here) -> None:
        """Run one step; a mistake spoils this child only, which keeps the number that it has taken."""
        count = here.scope.count
        try:
            step(child, here)
        except (Mistake, Silent) as problem:
            if not isinstance(child, Loop):
                here.scope.count = max(count, here.scope.count - 1)
            path = self.spoil(child, here)
            if isinstance(problem, Mistake):
                self.mistake(problem, here.trail, path)

    def spoil(self, child: Child | Nest | Loop | Spoilt, here: Here) -> str:
        """Give the child's names a value of unknown shape, so that what depends on it stays silent."""
        entry = Entry((Wire(None, 0, None, "float32"),), owner=None)
        here.scope.flow = entry
        if isinstance(child, Loop) or (isinstance(child, Spoilt) and child.loop):
            here.scope.hazy = True
            return ""
        name = spoilt_name(child, here)
        path = here.scope.inner_path(name)
        if path not in self.by_path and not isinstance(child, Nest):
            head = child.head if isinstance(child, Spoilt) else child.head.text
            self.new_node(path, head, child, here, name)
        here.scope.names[name] = entry
        if not isinstance(child, Nest):
            label = child.wiring.get("as")
            if isinstance(label, Scalar):
                here.scope.names.setdefault(label.text, entry)
        if here.branching is not None:
            here.branching.append((name, entry))
        return path

    def loop(self, loop: Loop, here: Here) -> None:
        from shapecalc.graph.repetition import unroll

        unroll(self, loop, here)

    def nest(self, nest: Nest, here: Here) -> None:
        name = own_name(nest, here, self.by_path)
        entry = self.sequence(nest, nest.body, name, here, here.scope.flow)
        self.settle(nest, name, entry, here)

    def sequence(self, child: Child | Nest, body: Body, name: str, here: Here, given: Entry | None) -> Entry:
        """Elaborate a nested sequence; its names can be reached from outside through its own."""
        path = here.scope.inner_path(name)
        group = self.open_group(Group(name, path, child, here.trail, named=body.named), here)
        scope = Scope(path, given, here.scope, body)
        here.scope.names[name] = Entry(None, members=scope.names)
        wire = None if given is None or not given.wires else given.wires[0]
        group.inputs = () if wire is None else (wire,)
        env = here.env if wire is None else {**_without_input(here.env), **input_env(wire)}
        self.body(body, Here(scope, env, here.trail, group))
        if scope.flow is None:
            raise Mistake("SC116", "the sequence has no input", (child.start, child.end), "give it a `from`")
        return Entry(scope.flow.wires, equals=scope.flow.equals, members=scope.names, owner=group)

    def step(self, place: Any, here: Here) -> None:
        """Count one step of the walk. Raises TooManyLayers beyond the limits."""
        self.steps += 1
        if self.steps <= MAX_STEPS and len(self.nodes) < MAX_LAYERS:
            return
        message = f"the spec expands to more than {MAX_LAYERS:,} layers, or {MAX_STEPS:,} steps"
        self.mistake(Mistake("SC121", message, place), here.trail, here.scope.path)
        raise TooManyLayers

    def open_group(self, group: Group, here: Here) -> Group:
        self.step(group.child.head if isinstance(group.child, Child) else (0, 0), here)
        here.group.children.append((group.name, group))
        self.by_path[group.path] = group
        return group

    # children

    def child(self, child: Child, here: Here) -> None:
        wiring = child.wiring
        if "when" in wiring and not condition(wiring["when"], here.env):
            self.skip(child, here)
        elif "repeat" in wiring:
            from shapecalc.graph.repetition import repeat

            repeat(self, child, here)
        else:
            name = own_name(child, here, self.by_path)
            first = len(self.nodes)
            entry = self.layer(child, name, here, given_inputs(child, here.scope, here.env))
            self.settle(child, name, entry, here)
            if "expect" in wiring:
                self.expect(child, entry, first, here.scope.inner_path(name), here)

    def skip(self, child: Child, here: Here) -> None:
        """A layer whose `when` is false stands for its input, in the flow and by name; it takes no number."""
        entry = given_inputs(child, here.scope, here.env).stand_in(child)
        entry = Entry(entry.wires, equals=entry.equals, skipped=True)
        own = child.name or child.wiring.get("name")
        name = template(own, here.env) if isinstance(own, Scalar) else ""
        self.step(child.head, here)
        group = Group(name, here.scope.inner_path(name), child, here.trail, skipped=True)
        group.inputs = entry.wires or ()
        here.group.children.append((name, group))
        self.settle(child, name, entry, here)

    def settle(self, child: Child | Nest, name: str, entry: Entry, here: Here) -> None:
        """Make the result known: by name, by label, as the flow, and as a branch."""
        if name:
            here.scope.names[name] = entry
        label(child, entry, here)
        if not (isinstance(entry.owner, Node) and entry.owner.op and not entry.owner.op.inputs):
            here.scope.flow = entry
        if here.branching is not None:
            here.branching.append((name, entry))

    def expect(self, child: Child, entry: Entry, first: int, path: str, here: Here) -> None:
        if entry.wires:
            written, last = child.wiring["expect"], len(self.nodes)
            self.expectations.append(Expectation(path, written, entry.wires[0], first, last, here.env, here.trail))

    # one layer

    def layer(self, child: Child, name: str, here: Here, given: Given) -> Entry:
        head = self.head(child, here.env)
        if head == "Sequential":
            return self.shared(
                child,
                name,
                here,
                lambda: self.sequence(child, child.bodies["Sequential"], name, here, given.only(child)),
            )
        if head in self.spec.blocks:
            from shapecalc.graph.use import use_block  # what a spec without blocks has no need of

            block = self.spec.blocks[head]
            return self.shared(child, name, here, lambda: use_block(self, block, child, name, here, given))
        if "branches" in child.bodies:
            return self.merge(child, head, name, here, given)
        return operate(self, child, find(head), name, here, given)

    def head(self, child: Child, env: Mapping[str, Any]) -> str:
        """The operator or block that a child names, itself or through a param that holds its name."""
        text = child.head.text
        if text in self.spec.spoilt_blocks:
            raise Silent
        if text in MODULES or text in STRUCTURAL or text in self.spec.blocks:
            return text
        known = (*MODULES, *self.spec.blocks, *STRUCTURAL)
        if isinstance(env.get(text), str):
            text = env[text]
        elif text in env:
            raise Mistake("SC106", f"param {text!r} holds {env[text]!r}, not an operator's name", child.head)
        if text in known:
            return text
        from shapecalc.source.spelling import respelled

        near = nearest(text, known)
        help = f"did you mean {near}?" if near else "operators are named as in torch.nn"
        fix = respelled(child.head, text, near)
        raise Mistake("SC106", f"no operator or block is named {text!r}", child.head, help, fix)

    def merge(self, child: Child, head: str, name: str, here: Here, given: Given) -> Entry:
        """An operator applied to the results of its branches, each of which begins at what the merge was given."""
        residual = head == "Residual"
        operator = find("Add" if residual else head)
        if not operator.merging:
            raise Mistake("SC107", f"{head} takes no `branches`", child.head, "Add, Cat, Mul and the like do")
        source = given.only(child)
        path = here.scope.inner_path(name)
        group = self.open_group(Group(name, path, child, here.trail), here)
        body = child.bodies["branches"]
        scope = Scope(path, source, here.scope, body)
        here.scope.names[name] = Entry(None, members=scope.names)
        results = self.branches(
            body, Here(scope, {**_without_input(here.env), **input_env(_first(source))}, here.trail, group)
        )
        if residual and len(body.children) == 1 and source is not None:
            results.append(("the input", source))
        node_entry = operate(
            self,
            child,
            operator,
            name,
            Here(here.scope, here.env, here.trail, group),
            Given.of(results, child.head),
        )
        return Entry(node_entry.wires, members=scope.names, owner=group)

    def branches(self, body: Body, here: Here) -> list[tuple[str, Entry]]:
        results: list[tuple[str, Entry]] = []
        self.body(body, Here(here.scope, here.env, here.trail, here.group, results))
        return results

    def shared(self, child: Child, name: str, here: Here, make: Any) -> Entry:
        """Make a sequence or block; where it has `share`, every layer inside calls the modules of the other."""
        if "share" not in child.wiring:
            return make()  # type: ignore[no-any-return]
        node = child.wiring["share"]
        owner = resolve(node, here.scope, here.env, here.scope.flow).owner
        if not isinstance(owner, Group) or owner.block is not self.spec.blocks.get(child.head.text):
            raise Mistake("SC120", f"{node.text!r} is not the same block, so it cannot be shared", node)  # type: ignore[union-attr]
        path = here.scope.inner_path(name)
        self.sharing.append((path, owner.owner.path))
        try:
            entry: Entry = make()
        finally:
            self.sharing.pop()
        group = self.by_path[path]
        assert isinstance(group, Group)
        if group.arguments != owner.arguments:
            raise Mistake("SC120", f"{node.text!r} has other arguments, so it cannot be shared", node)  # type: ignore[union-attr]
        group.owner = owner.owner
        return entry

    def new_node(self, path: str, op_name: str, child: Child | Spoilt, here: Here, name: str) -> Node:
        self.step((child.start, child.end), here)
        node = Node(len(self.nodes), path, op_name, child if isinstance(child, Child) else None, here.trail)
        node.env = here.env
        self.nodes.append(node)
        self.by_path.setdefault(path, node)
        here.group.children.append((name, node))
        return node


def _first(entry: Entry | None) -> Wire | None:
    return entry.wires[0] if entry is not None and entry.wires else None


def _without_input(env: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in env.items() if not k.startswith("in_")}
