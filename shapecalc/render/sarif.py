"""Verdicts -> SARIF 2.1.0, the form in which code scanning takes findings (OASIS standard, errata 01)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from shapecalc import __version__
from shapecalc.lint.registry import page
from shapecalc.render.listing import below, items, slashed, well_formed, whole_message, worst
from shapecalc.source.codes import CATALOGUE, OPTIONAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.analysis.verdict import Found, Verdict
    from shapecalc.render.listing import Item

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HOME = "https://pypi.org/project/shapecalc-nn/"
ROOT = "%SRCROOT%"
MOST = 25_000
"""Results that code scanning takes of one run; it refuses a file with more."""
LONGEST = 1024
"""Characters of a rule's description."""

LEVELS = {"error": "error", "warning": "warning", "info": "note"}
PRECISION = {"error": "very-high", "warning": "high", "info": "medium"}
PROBLEMS = {"error": "error", "warning": "warning", "info": "recommendation"}
TAGS = {
    "0": "yaml",
    "1": "structure",
    "2": "sizes",
    "3": "correctness",
    "4": "performance",
    "5": "expectations",
    "6": "training",
    "9": "suppressions",
}
"""By the first digit of the code."""
RULE_INDEX = {code: i for i, (code, *_) in enumerate(CATALOGUE)}


def render_sarif(verdicts: Sequence[Verdict], root: str) -> str:
    """One log with one run; URIs count from the folder `root`, and are absolute for files elsewhere.

    Beyond 25,000 findings the worst are kept, and a notification says how many are missing. All of the text is ASCII,
    so that the document is right in whatever encoding it is written.
    """
    import json

    listed = items(verdicts)
    kept = worst(listed, MOST)
    run = {
        "tool": {"driver": _driver()},
        "automationDetails": {"id": "shapecalc/"},
        "originalUriBaseIds": {ROOT: {"uri": _file_uri(root).rstrip("/") + "/"}},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(len(listed) - len(kept))],
        "results": [_result(item, root) for item in kept],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


# the rules


def _driver() -> dict[str, Any]:
    return {
        "name": "shapecalc",
        "version": __version__,
        "semanticVersion": __version__,
        "informationUri": HOME,
        "rules": [_rule(*entry) for entry in CATALOGUE],
    }


def _rule(code: str, name: str, severity: str, text: str) -> dict[str, Any]:
    sections = _sections(code) or {"": text}
    return {
        "id": code,
        "name": name,
        "shortDescription": {"text": _cut(text)},
        "fullDescription": {"text": _cut(" ".join(sections.get("Why", text).split()))},
        "help": {"text": _manual(sections, fenced=False), "markdown": _manual(sections, fenced=True)},
        "defaultConfiguration": {"level": LEVELS[severity], "enabled": code not in OPTIONAL},
        "properties": {
            "tags": [TAGS[code[2]]],
            "precision": PRECISION[severity],
            "problem.severity": PROBLEMS[severity],
        },
    }


def _sections(code: str) -> Mapping[str, str] | None:
    """The manual page of a code, or None where it has none."""
    try:
        return page(code).sections()
    except KeyError:
        return None


def _manual(sections: Mapping[str, str], *, fenced: bool) -> str:
    """A manual page as one text; the specs under Bad and Good in fences, or indented."""
    parts = [sections[""]]
    for heading, text in sections.items():
        if not heading:
            continue
        if heading in ("Bad", "Good"):
            text = f"```yaml\n{text}\n```" if fenced else "\n".join(f"    {line}" for line in text.splitlines())
        parts += [f"## {heading}" if fenced else f"{heading}:", text]
    return "\n\n".join(parts)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


# the results


def _invocation(left_out: int) -> dict[str, Any]:
    if not left_out:
        return {"executionSuccessful": True}
    text = f"{left_out} of the findings are left out, as code scanning takes {MOST} of one run; the worst are kept"
    return {
        "executionSuccessful": True,
        "toolExecutionNotifications": [{"level": "warning", "message": {"text": text}}],
    }


def _result(item: Item, root: str) -> dict[str, Any]:
    found = item.found
    artifact = _artifact(item.verdict.path, root)
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": artifact, "region": _region(found)}}
    if found.layer:
        location["logicalLocations"] = [{"fullyQualifiedName": well_formed(found.layer), "kind": "module"}]
    result = {
        "ruleId": found.code,
        "ruleIndex": RULE_INDEX[found.code],
        "level": LEVELS[found.severity],
        "message": _message(whole_message(found)),
        "locations": [location],
        "partialFingerprints": {"primaryLocationLineHash": item.identity()},
    }
    if found.related:
        result["relatedLocations"] = [_related(i, artifact, *other) for i, other in enumerate(found.related, 1)]
    if found.fix is not None and found.fix["edits"]:
        result["fixes"] = [_fix(found.fix, artifact)]
    return result


def _message(text: str) -> dict[str, str]:
    return {"text": well_formed(text)}


def _region(place: Found) -> dict[str, int]:
    """Line and column from 1, the end column exclusive, as a verdict has them."""
    return _span(place.line, place.column, place.end_line, place.end_column)


def _span(line: int, column: int, end_line: int, end_column: int) -> dict[str, int]:
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _related(number: int, artifact: dict[str, str], line: int, column: int, note: str) -> dict[str, Any]:
    region = {"startLine": line, "startColumn": column}
    return {
        "id": number,
        "physicalLocation": {"artifactLocation": artifact, "region": region},
        "message": _message(note),
    }


def _fix(fix: Mapping[str, Any], artifact: dict[str, str]) -> dict[str, Any]:
    replacements = [
        {
            "deletedRegion": _span(edit["line"], edit["column"], edit["end_line"], edit["end_column"]),
            "insertedContent": _message(edit["text"]),
        }
        for edit in fix["edits"]
    ]
    return {
        "description": _message(fix["title"]),
        "artifactChanges": [{"artifactLocation": artifact, "replacements": replacements}],
        "properties": {"safety": fix["safety"]},
    }


def _artifact(path: str, root: str) -> dict[str, str]:
    inner = below(path, root)
    return {"uri": _file_uri(path)} if inner is None else {"uri": _encoded(inner), "uriBaseId": ROOT}


def _file_uri(path: str) -> str:
    """The absolute URI of a file or folder."""
    whole = slashed(os.path.abspath(path))
    return f"file://{_encoded(whole, also=':')}" if whole.startswith("/") else f"file:///{_encoded(whole, also=':')}"


def _encoded(path: str, also: str = "") -> str:
    """Percent-encoded, by the bytes that the file system has; a colon would make a scheme of a relative URI."""
    from urllib.parse import quote

    return quote(os.fsencode(path), safe=f"/{also}")
