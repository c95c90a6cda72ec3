"""yamlfile.text: YAML text becomes nodes that know their line and column, or is refused."""

from __future__ import annotations

import gc
from collections.abc import Callable
from sys import intern
from typing import TYPE_CHECKING, Any

from bedplate.errors import SpecError
from bedplate.mistakes import Mistakes
from bedplate.yamlfile.bytes import decoded
from bedplate.yamlfile.nodes import Mapping, Node, Scalar, Sequence
from bedplate.yamlfile.strict import Long, Spot

if TYPE_CHECKING:
    import yaml

MOST_LEVELS = 100
MOST_NODES = 500_000
MOST_NODES_BY_ALIAS = 100_000


def read(content: bytes, file: str, *, pure: bool = False) -> tuple[Node, Mistakes]:
    """The one document in `content`, and the mistakes that do not keep one from reading on: duplicate keys, tags,
    merge keys. Raises SpecError for anything that is not YAML 1.1 as PyYAML reads it, in UTF-8, and for what is
    nested or repeated beyond reason. `pure`: with PyYAML's own parser where libyaml's is there, for tests."""
    text = decoded(content, file)
    mistakes = Mistakes(file, text)
    collecting = gc.isenabled()
    gc.disable()  # nodes make a tree: looking for cycles among them would take longer than reading
    try:
        return _read(text, mistakes, pure), mistakes
    finally:
        if collecting:
            gc.enable()


# ---- reading


def _read(text: str, mistakes: Mistakes, pure: bool) -> Node:
    import yaml

    from bedplate.yamlfile import strict as yaml_strict

    # YAML ends a line at U+0085, U+2028 and U+2029 too; so does str.splitlines
    loader: Any = yaml.SafeLoader if pure else getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        reading = _Reading(loader(text).get_event, mistakes)
        root = reading.document()
        yaml_strict.check_long(reading.long, text, mistakes)
        if yaml_strict.suspicious(text):
            yaml_strict.check_spans(_scalar_spans(loader(text)), text, mistakes)
    except yaml.YAMLError as error:
        from bedplate.yamlfile.words import in_words

        spot, message, hint = in_words(error, text)
        mistakes.add(spot, message, hint)
        raise SpecError(mistakes.all()) from None
    except _RefusalError:
        raise SpecError(mistakes.all()) from None
    return root


class _RefusalError(Exception):
    """Reading on is not possible; the mistake is noted."""


class _Reading:
    """Builds nodes from the parser's events, without recursion."""

    def __init__(self, get_event: Callable[[], yaml.Event], mistakes: Mistakes) -> None:
        self._next = get_event
        self._mistakes = mistakes
        self._anchors: dict[str, Node | None] = {}  # None: begun and not ended
        self._sizes: dict[int, int] = {}
        self._by_alias = 0
        self.long: list[Long] = []
        self._misleading = False  # what was refused would make other mistakes appear

    def document(self) -> Node:
        import yaml

        self._next()  # the stream's start
        begun: Any = self._next()
        if isinstance(begun, yaml.StreamEndEvent):
            self._refuse(None, "the file is empty", "begin with `version: 1` and `project: NAME`")
        if begun.version or begun.tags:
            self._refuse(_spot(begun), "lines that begin with '%' are not read", "take them out")
        root = self._node()
        self._next()  # the document's end
        ended = self._next()
        if not isinstance(ended, yaml.StreamEndEvent):
            self._refuse(_spot(ended), "a second document begins here", "keep one document; take out the '---' line")
        if self._misleading:
            raise _RefusalError
        return root

    def _node(self) -> Node:
        import yaml

        scalar, alias, opens_map, opens_list = (
            yaml.ScalarEvent,
            yaml.AliasEvent,
            yaml.MappingStartEvent,
            yaml.SequenceStartEvent,
        )
        following = self._next
        items: list[Node] = []  # of the innermost collection; keys and values in turn for a mapping
        outer: list[tuple[list[Node], Any]] = []
        nodes = 0
        flowing = False  # inside of [] or {}
        floors = [0]  # the columns that lines inside of each collection must reach
        node: Node
        while True:
            event: Any = following()  # events of the C parser have no types
            kind = type(event)
            if kind is scalar:
                mark = event.start_mark
                plain, column = event.implicit[0], mark.column
                node = Scalar(intern(event.value), plain, mark.line + 1, column + 1)
                if flowing and column < floors[-1]:
                    self._mistakes.add(node, "this line is not indented", f"it needs {floors[-1]} spaces or more")
                elif plain:
                    if node.text == "-":
                        self._mistakes.add(node, "a '-' stands here alone", 'quote it, if it is a text: "-"')
                elif event.end_mark.line != mark.line and event.style:
                    self.long.append(Long(event, floors[-1]))
                if event.anchor is not None or event.tag is not None:
                    self._marked(event, node)
            elif kind is opens_map or kind is opens_list:
                if event.anchor is not None or event.tag is not None:
                    self._marked(event, None)
                outer.append((items, event))
                items, flowing = [], event.flow_style
                # a flow collection lies in the block around it, whose column its lines must pass
                floors.append(floors[-1] if event.flow_style else event.start_mark.column + 1)
                if len(outer) > MOST_LEVELS:
                    self._refuse(_spot(event), f"nested more than {MOST_LEVELS} levels deep", "use fewer levels")
                continue
            elif kind is alias:
                node = self._target(event)
            else:  # the end of the innermost collection
                children = items
                items, begin = outer.pop()
                nodes += len(children)
                if nodes > MOST_NODES:
                    self._refuse(_spot(begin), f"the file has more than {MOST_NODES} values", "split the project")
                floors.pop()
                flowing = bool(outer) and outer[-1][1].flow_style
                mark = begin.start_mark
                if type(begin) is opens_map:
                    node = Mapping(self._entries(children), mark.line + 1, mark.column + 1)
                else:
                    node = Sequence(children, mark.line + 1, mark.column + 1)
                if begin.anchor is not None:
                    self._anchors[begin.anchor] = node
            if not outer:
                return node
            items.append(node)

    def _entries(self, children: list[Node]) -> dict[str, tuple[Scalar, Node]]:
        entries: dict[str, tuple[Scalar, Node]] = {}
        for key, value in zip(children[::2], children[1::2]):  # noqa: B905  a pair each; the parser sees to it
            if type(key) is not Scalar:
                self._misleading = True
                self._mistakes.add(key, "a key must be a text", "quote it, if it is one: YAML reads { and [ as more")
            elif key.text == "<<" and key.plain:
                self._misleading = True
                self._mistakes.add(key, "merge keys (<<) are not read", "write the keys out")
            elif key.text in entries:
                first = entries[key.text][0]
                self._mistakes.add(
                    key, f"'{key.text}' stands here twice; the first is in line {first.line}", "keep one of them"
                )
            else:
                entries[key.text] = (key, value)
        return entries

    def _marked(self, event: Any, node: Node | None) -> None:
        if event.tag is not None:
            self._misleading = True
            shown = event.tag.replace("tag:yaml.org,2002:", "!!")
            hint = "quote the value" if shown == "!!str" else "take it out; a text is quoted, all else stands as it is"
            self._mistakes.add(_spot(event), f"the tag {shown} is not read", hint)
        if event.anchor is not None:
            if event.anchor in self._anchors:
                self._mistakes.add(_spot(event), f"&{event.anchor} stands here twice", "give one another name")
            self._anchors[event.anchor] = node

    def _target(self, event: Any) -> Node:
        name = event.anchor
        if name not in self._anchors:
            self._refuse(_spot(event), f"*{name} has no &{name} before it", "quote it, if '*' is part of a text")
        node = self._anchors[name]
        if node is None:
            self._refuse(_spot(event), f"*{name} stands inside of &{name}: it contains itself", "write it out")
        assert node is not None
        self._by_alias += self._size(node)
        if self._by_alias > MOST_NODES_BY_ALIAS:
            self._refuse(_spot(event), "aliases repeat too much", f"at most {MOST_NODES_BY_ALIAS} values by alias")
        return node

    def _size(self, node: Node) -> int:
        if isinstance(node, Scalar):
            return 1
        if id(node) not in self._sizes:
            inner = node.items if isinstance(node, Sequence) else [value for _, value in node.entries.values()]
            self._sizes[id(node)] = 1 + sum(map(self._size, inner))
        return self._sizes[id(node)]

    def _refuse(self, spot: Spot | None, message: str, hint: str) -> None:
        self._mistakes.add(spot, message, hint)
        raise _RefusalError


def _scalar_spans(parser: Any) -> list[tuple[int, int, str]]:
    import yaml

    spans = []
    while parser.check_event():
        event = parser.get_event()
        if isinstance(event, yaml.ScalarEvent):
            assert event.start_mark and event.end_mark, "a parsed event knows where it stands"
            spans.append((event.start_mark.index, event.end_mark.index, event.style or ""))
    return spans


def _spot(event: Any) -> Spot:
    return Spot(event.start_mark.line + 1, event.start_mark.column + 1)
