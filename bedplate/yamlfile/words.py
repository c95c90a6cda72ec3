"""yamlfile.words: what a YAML parser says, in words for whoever wrote the file."""

from __future__ import annotations

from typing import Any

from bedplate.yamlfile.strict import Spot


def in_words(error: Any, text: str) -> tuple[Spot | None, str, str]:
    """Place, message and hint for a yaml.YAMLError; the parsers' own words where we know no better."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    if mark is None:
        return None, f"not YAML: {problem}", ""
    spot = Spot(mark.line + 1, mark.column + 1)
    lines = text.splitlines()
    if spot.line > len(lines) and lines:
        spot = Spot(len(lines), len(lines[-1]) + 1)  # the end of the file is shown as the end of its last line
    line = lines[spot.line - 1] if lines else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in problem:
        column = line.find("\t") + 1 or spot.column
        return Spot(spot.line, column), "a tab stands where YAML wants spaces", "indent with spaces"
    for part, message, hint in _WORDS:
        if part in problem:
            return spot, message, hint
    return spot, f"not YAML: {problem}", ""


_KEY_OR_ITEM = "this is neither `key: value` nor `- item` at the indentation of what stands above"
_INDENT = "check the indentation of this line and the one above, and that each key ends with ': '"
_WORDS = [
    ("mapping values are not allowed", "a ':' stands where none can", "quote the value if the ':' is part of a text"),
    ("could not find expected ':'", "this line is no `key: value`", "write ': ' after the key, or check the quotes"),
    ("could not find expected", "this line is no `key: value`", "write ': ' after the key, or check the quotes"),
    ("did not find expected key", _KEY_OR_ITEM, _INDENT),
    ("expected <block end>", _KEY_OR_ITEM, _INDENT),
    ("did not find expected '-' indicator", _KEY_OR_ITEM, _INDENT),
    ("did not find expected ',' or ']'", "a list that began with '[' is not closed", "a ',' or a ']' is missing"),
    ("expected ',' or ']'", "a list that began with '[' is not closed", "a ',' or a ']' is missing"),
    ("did not find expected ',' or '}'", "a mapping that began with '{' is not closed", "a ',' or a '}' is missing"),
    ("expected ',' or '}'", "a mapping that began with '{' is not closed", "a ',' or a '}' is missing"),
    ("unexpected end of stream", "the file ends inside of a quoted text", "close the quotes"),
    ("unexpected document separator", "the file ends inside of a quoted text", "close the quotes"),
    ("document indicator", "a '---' or '...' line stands inside of a value", "take it out, or indent it"),
    ("expected '<document start>'", "something stands after the end of the document", "take out the '...' line"),
    ("did not find expected <document start>", "something stands after the end of the document", _INDENT),
    ("block sequence entries are not allowed", "a '- item' cannot stand here", "begin the list on a line of its own"),
    ("sequence entries are not allowed", "a '- item' cannot stand here", "begin the list on a line of its own"),
    ("unknown escape character", "this escape is not known", "use single quotes, or write \\\\ for a backslash"),
    ("cannot start any token", "a text cannot begin with this character", "quote it"),
    ("undefined alias", "this *alias has no &anchor before it", "quote it, if '*' is part of a text"),
    ("did not find expected node content", "a value is missing here", "write the value, or take the key out"),
    ("found undefined tag handle", "tags (!...) are not read", "quote it, if '!' is part of a text"),
    ("unknown directive", "lines that begin with '%' are not read", "take it out"),
]
