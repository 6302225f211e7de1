"""Located sequences of layers -> Body: children, nested sequences, loops and wiring keys, with every mistake placed.

The reader is told which names are heads (operators, blocks, structural words); what they mean it does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.source import names
from shapecalc.source.diagnostic import Diagnostic
from shapecalc.source.located import UNREADABLE, Items, Pairs, Scalar, kind_of
from shapecalc.source.nearest import nearest
from shapecalc.source.spec import Body, Child, Loop, Nest, Spoilt

if TYPE_CHECKING:
    from collections.abc import Collection

    from shapecalc.source.diagnostic import Fix
    from shapecalc.source.located import Node
    from shapecalc.source.template import Targets


def loop_header(text: str) -> tuple[Targets, str] | None:
    """Names and expression of `for NAMES in EXPRESSION`, or None; most keys are no loop and cost nothing."""
    if not text.startswith("for "):
        return None
    from shapecalc.source import template

    return template.loop_header(text)


def spoilt(name: Scalar | None, node: Node) -> Spoilt:
    """What stands for a child that could not be read."""
    pairs = node.pairs if isinstance(node, Pairs) else []
    wiring = {key.text: value for key, value in pairs if key.text in ("as", "name")}
    loop = any(key.text.startswith("for ") for key in (*[k for k, _ in pairs], *([name] if name else [])))
    head = next((key.text for key, _ in pairs if key.text not in names.WIRING_KEYS), "?")
    return Spoilt(name, head, wiring, loop, node)


SHORT = 5
"""Below so many letters a name near an operator's is no misspelling of it."""


class LayerReader:
    """Reads bodies; what is wrong goes to `diagnostics`."""

    def __init__(self, heads: Collection[str], diagnostics: list[Diagnostic]) -> None:
        self.heads = heads
        self.diagnostics = diagnostics

    def report(self, code: str, message: str, node: Node, help: str = "", fix: Fix | None = None) -> None:
        self.diagnostics.append(Diagnostic(code, message, node.start, node.end, help=help, fix=fix))

    def body(self, node: Node, where: str) -> Body | None:
        """A list numbers its children, a mapping names them; every key of the mapping is a name."""
        if isinstance(node, Items):
            children = [self.item(item) or spoilt(None, item) for item in node.items]
            return Body(children, False, node.start, node.end)
        if isinstance(node, Pairs):
            children = [self.entry(key, value) or spoilt(key, value) for key, value in node.pairs]
            return Body(children, True, node.start, node.end)
        self.report("SC105", f"`{where}` is a list or a mapping of layers, not {kind_of(node)}", node)
        return None

    def residual(self, argument: Pairs) -> Body:
        """Body and shortcut as two branches; without a shortcut elaboration adds the flow itself."""
        given = [(k, v) for k, v in argument.pairs if k.text in ("body", "shortcut")]
        given = [(k, v) for k, v in given if not (k.text == "shortcut" and isinstance(v, Scalar) and v.value is None)]
        children: list[Child | Nest | Loop | Spoilt] = [self.child(k, v) or spoilt(k, v) for k, v in given]
        return Body(children, True, argument.start, argument.end)

    def item(self, node: Node) -> Child | Nest | Loop | None:
        if isinstance(node, Pairs):
            bad = next((k for k, _ in node.pairs if k.text.startswith("for ")), None)
            if bad is not None:
                return self.loop(node) if loop_header(bad.text) else self.entry(bad, node)
        return self.child(None, node)

    def entry(self, key: Scalar, value: Node) -> Child | Nest | Loop | None:
        if (header := loop_header(key.text)) is not None:
            return self.loop_body(key, header, value, None, named=True)
        if key.text in self.heads and not names.bad_block_name(key.text):
            message = f"{key.text!r} is an operator; here a name for the layer is due"
            self.report("SC110", message, key, f"write `{key.text.lower()}: {key.text}`, or a list of layers")
            return None
        if key.text.startswith("for "):
            self.report("SC112", f"{key.text!r} is no loop", key, "a loop is written `for NAME in EXPRESSION`")
            return None
        if "{" not in key.text and (reason := names.bad_child_name(key.text)):
            self.report("SC110", f"{key.text!r} cannot be the name of a layer: {reason}", key)
            return None
        return self.child(key, value)

    def loop(self, node: Pairs) -> Loop | None:
        """An item of a list whose only key is a `for`, with `when` beside it at most."""
        header_key, value = next((k, v) for k, v in node.pairs if loop_header(k.text))
        for key, _value in node.pairs:
            if key is not header_key and key.text != "when":
                self.report("SC103", f"beside a `for` only `when` may stand, not {key.text!r}", key)
                return None
        header = loop_header(header_key.text)
        assert header is not None
        return self.loop_body(header_key, header, value, node.get("when"), named=False)

    def loop_body(
        self,
        key: Scalar,
        header: tuple[Targets, str],
        value: Node,
        when: Node | None,
        *,
        named: bool,
    ) -> Loop | None:
        if (
            named
            and isinstance(value, Pairs)
            and (own := value.get("when")) is not None
            and self.head_of(value) is None
        ):
            when = own
            value = Pairs([(k, v) for k, v in value.pairs if k.text != "when"], value.start, value.end)
        if not isinstance(value, Pairs if named else Items):
            due = "a mapping, as the sequence around it" if named else "a list, as the sequence around it"
            self.report(
                "SC105",
                f"this `for` must hold {due}, not {kind_of(value)}",
                value if value.end > value.start else key,
            )
            return None
        from shapecalc.source.template import flat

        for name in flat(header[0]):
            if reason := names.bad_param_name(name):
                self.report("SC110", f"{name!r} cannot be a loop variable: {reason}", key)
                return None
        body = self.body(value, "for")
        return None if body is None else Loop(key, header[0], header[1], body, when)

    def child(self, name: Scalar | None, node: Node) -> Child | Nest | None:
        start = node.start if name is None else name.start
        if isinstance(node, Items):
            body = self.body(node, "layers")
            return None if body is None else Nest(name, body, start, node.end)
        if isinstance(node, Pairs):
            return self.mapping_child(name, node, start)
        if node.value is UNREADABLE:
            return None
        if not isinstance(node.value, str):
            owner = f"{name.text!r} is" if name is not None else "a layer is"
            place = node if node.end > node.start or name is None else name
            self.report("SC105", f"{owner} the name of an operator or a mapping, not {kind_of(node)}", place)
            return None
        return Child(name, node, None, {}, {}, start, node.end)

    def head_of(self, node: Pairs) -> Scalar | None:
        """The key that names an operator or block, or a param in its place (`{act: }`)."""
        for key, _ in node.pairs:
            if key.text in self.heads:
                return key
        others = [(k, v) for k, v in node.pairs if k.text not in names.WIRING_KEYS]
        if len(others) == 1 and isinstance(others[0][1], Scalar) and others[0][1].value is None:
            return others[0][0]
        return None

    def mapping_child(self, name: Scalar | None, node: Pairs, start: int) -> Child | Nest | None:
        head = self.head_of(node)
        if head is None:
            return self.nest(name, node, start)
        wiring: dict[str, Node] = {}
        argument: Node | None = None
        for key, value in node.pairs:
            if key is head:
                argument = value
            elif key.text in names.WIRING_KEYS:
                wiring[key.text] = value
            else:
                self.stray_key(node, key, head)
                return None
        if isinstance(argument, Scalar) and argument.value is None:
            argument = None
        bodies = self.bodies(head, argument)
        return None if bodies is None else Child(name, head, argument, wiring, bodies, start, node.end)

    def stray_key(self, node: Pairs, key: Scalar, head: Scalar) -> None:
        from shapecalc.source.cut import cut_expression

        if (cut := cut_expression(node, key)) is not None:
            self.report("SC112", cut[0], key, cut[1], cut[2])
            return
        if key.text in self.heads:
            message = f"a layer is one operator, and {head.text!r} and {key.text!r} are two"
            self.report("SC103", message, key, "write two items, or give each a name of its own")
            return
        from shapecalc.source.spelling import respelled

        near = nearest(key.text, names.WIRING_KEYS)
        help = f"did you mean `{near}`?" if near else f"arguments of {head.text} stand inside its mapping"
        fix = respelled(key, key.text, near, taken=[k.text for k, _ in node.pairs])
        self.report("SC103", f"a layer has no key {key.text!r} beside {head.text!r}", key, help, fix)

    def bodies(self, head: Scalar, argument: Node | None) -> dict[str, Body] | None:
        """The sequences that a structural layer holds, or None where they cannot be read."""
        found: dict[str, Body | None] = {}
        if head.text == "Sequential":
            if argument is None:
                self.report("SC108", "Sequential holds a list or a mapping of layers", head)
                return None
            found["Sequential"] = self.body(argument, "Sequential")
        elif head.text == "Residual":
            if not isinstance(argument, Pairs) or argument.get("body") is None:
                self.report("SC108", "Residual needs a `body`", head, "write `Residual: {body: [...]}`")
                return None
            found["branches"] = self.residual(argument)
        elif isinstance(argument, Pairs) and (branches := argument.get("branches")) is not None:
            found["branches"] = self.body(branches, "branches")
        if any(body is None for body in found.values()):
            return None
        return {key: body for key, body in found.items() if body is not None}

    def nest(self, name: Scalar | None, node: Pairs, start: int) -> Nest | None:
        """A mapping without an operator among its keys is a nested sequence, unless a key seems meant as one."""
        if not node.pairs:
            self.report("SC105", "an empty mapping is no layer", name or node)
            return None
        for key, value in node.pairs:
            if loop_header(key.text) is not None:
                continue
            near = nearest(key.text, self.heads) if key.text[:1].isupper() else None
            if near and len(key.text) < SHORT and near.lower() != key.text.lower():
                near = None  # `Net` is a name, and only by chance near `Neg`
            if near or not self.may_be_child(value):
                self.unknown_operator(key, near)
                return None
        body = self.body(node, "layers")
        return None if body is None else Nest(name, body, start, node.end)

    def unknown_operator(self, key: Scalar, near: str | None) -> None:
        from shapecalc.source.spelling import respelled

        near = near or nearest(key.text, self.heads)
        if key.text in names.WIRING_KEYS:
            message, help = (
                f"{key.text!r} stands beside no operator",
                "a sequence is wired as `{Sequential: ..., from: x}`",
            )
            self.report("SC103", message, key, help)
            return
        help = f"did you mean {near}?" if near else "operators are named as in torch.nn; `shapecalc op` lists them"
        self.report("SC106", f"no operator or block is named {key.text!r}", key, help, respelled(key, key.text, near))

    def may_be_child(self, node: Node, depth: int = 0) -> bool:
        if isinstance(node, Scalar):
            return isinstance(node.value, str)
        if isinstance(node, Items) or self.head_of(node) or depth > 20:
            return True
        return all(loop_header(k.text) or self.may_be_child(v, depth + 1) for k, v in node.pairs)
