"""The reader against BuildKit's own parser (the `dockerfile` package), and what it says about mistakes."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bedplate.dockerfile.normal import normal
from bedplate.dockerfile.reader import KEYWORDS, Dockerfile, Instruction, parse
from bedplate.errors import SpecError

HAND_MADE = [
    "FROM a AS b\nRUN x\n",
    "# syntax=docker/dockerfile:1\n# escape=`\nFROM a\nRUN x `\n y\nRUN c:\\\\x\\\n",
    "# a comment\n# escape=`\nFROM a\nRUN a \\\n  b\n",
    "\ufeffFROM a\r\nRUN x \\\r\n  y\r\n",
    "FROM a\nRUN a \\\n\n  # c\n   b \\  \n\tc\n",
    "FROM a\nRUN a \\\\\nRUN b",
    "FROM a\nRUN a \\\n",
    "FROM a\n  \\\nRUN b",
    'FROM a\nENV a=b c=\'d e\' f="g h" i=j\\ k\nENV x y  z\nLABEL a.b="c\\"d" e=\nARG A=1 B C=\'x y\'\n',
    'FROM a\nCMD ["a", "b\\u00e9"]\nCMD ["a"\nCMD []\nENTRYPOINT   [ "x" ]  \nSHELL ["/bin/sh","-c"]\n',
    'FROM a\nCOPY --from=b --chown=1:2 x y /z/\nADD --checksum="sha256:x y" a b\nCOPY -- a b\nCOPY --link a b\n',
    'FROM a\nHEALTHCHECK NONE\nHEALTHCHECK --interval=3s --retries=2 CMD curl  x\nHEALTHCHECK CMD ["a"]\n',
    'FROM a\nHEALTHCHECK CMD \xa0[]\nHEALTHCHECK CMD \xa0["a"]\nHEALTHCHECK CMD \xa0a\n',
    "FROM a\nONBUILD RUN x  y\nONBUILD COPY --from=x a b\nonbuild env a=b\n",
    "FROM a\nCOPY <<EOF /x\nhello $X\nEOF\nCOPY <<'EOF' <<-E2 /y/\n a\nEOF\n\tb\n\tE2\nRUN x\n",
    "FROM a\nRUN <<EOF cat > /x\n# not a comment\n\nRUN y \\\nEOF\nRUN 3<<X bash\nX\n",
    "FROM a\nRUN cat <<EOF && \\\n echo\nbody\nEOF\nRUN echo \"<<EOF\" '<<X' a<<b <<<c\n",
    'FROM a\nEXPOSE 80/tcp   443\nVOLUME /a /b\nVOLUME ["/a b"]\nUSER x:y\nWORKDIR /a b \nSTOPSIGNAL 9\n',
    "FROM --platform=$BUILDPLATFORM a as b\nMAINTAINER A B <a@b>\n",
    "from a\n run x\n\tcmd y\n",
    "FROM a\nRUN --mount=type=bind,source='a b',target=/x --network=none cmd --flag\n",
    'FROM a\nRUN [ "$X" = y ] && z\nRUN [1, 2\n',
    "FROM a\nRUN a\x0bb \x0c c\n",
    "FROM a\nENV\nLABEL\nVOLUME\nCMD\nEXPOSE\n",
]

INNER = {*KEYWORDS} - {"ONBUILD"}  # an ONBUILD in an ONBUILD is refused by both, later

words = st.text(alphabet=st.sampled_from("ab=$'\"\\`{}[],<>-#: \t/.é\u00a0"), max_size=12)
keywords = st.sampled_from([*KEYWORDS, "run", "Copy", "ENV", "RUN", "RUN", "COPY"])
line = st.builds(
    lambda lead, keyword, rest, end: f"{lead}{keyword} {rest}{end}",
    st.sampled_from(["", "", " ", "\t"]),
    keywords,
    st.lists(st.one_of(words, st.sampled_from(["--a=b", "a=b", '["a", "b"]', "<<EOF", "<<-'E'", "x"])), max_size=4).map(
        " ".join
    ),
    st.sampled_from(["", "", "", " \\", "\\", "\\\\", " \\ ", "`", "\r"]),
)
other = st.sampled_from(["", "  ", "# comment", "  # comment", "\t", "EOF", "\tE", "E", "x", "# escape=`", "\\"])
files = st.lists(st.one_of(line, line, other), max_size=7).map("\n".join)


def theirs(text: str) -> list[tuple[object, ...]] | None:
    library = pytest.importorskip("dockerfile", reason="BuildKit's parser has no wheel for this machine")
    try:
        commands = library.parse_string(text)
    except (library.GoParseError, library.GoIOError):
        return None
    except UnicodeDecodeError:  # it cuts a HEALTHCHECK in the middle of a character
        assume(False)
    found = []
    for c in commands:
        heredocs = tuple((h.name, h.content, str(h.file_descriptor)) for h in c.heredocs)
        if c.cmd is None:  # a lone backslash at the end: it says nothing
            continue
        onbuild = c.cmd.upper() == "ONBUILD"
        heredocs = () if onbuild else heredocs
        known = c.cmd.upper() in KEYWORDS and not (onbuild and (c.sub_cmd or "").upper() not in INNER)
        value = c.value if known else ()
        inner = (c.sub_cmd or "").upper() if onbuild else ""
        # it takes each byte of a flag for a character: `--é` comes out as `--Ã©`
        flags = tuple(flag.encode("latin-1").decode(errors="replace") for flag in c.flags)
        found.append((c.cmd.upper(), inner, c.json, flags, value, c.start_line, c.end_line, heredocs))
    return found


def ours(text: str) -> list[tuple[object, ...]] | None:
    read = lenient(text)
    return None if read is None else [row(at) for at in read.instructions]


def row(at: Instruction) -> tuple[object, ...]:
    inner = at.inner or at
    # the library counts the lines of an ONBUILD's heredoc but does not hand it over
    heredocs = () if at.inner else tuple((h.name, h.content, h.descriptor or "0") for h in at.heredocs)
    keyword = at.inner.keyword if at.inner else ""
    # the library shows the flags of the outer instruction, and the form and the words of the inner
    words = inner.words if inner.keyword in (INNER if at.inner else KEYWORDS) else ()
    return (at.keyword, keyword, inner.json, at.flags, words, at.line, at.end_line, heredocs)


def lenient(text: str) -> Dockerfile | None:
    """Read, with the mistakes that BuildKit finds only after parsing left aside."""
    from bedplate.dockerfile import mistakes as dockerfile_mistakes

    kept = dockerfile_mistakes.find
    dockerfile_mistakes.find = lambda dockerfile, complete: []  # type: ignore[assignment]
    try:
        return parse(text, "Dockerfile")
    except SpecError:
        return None
    finally:
        dockerfile_mistakes.find = kept


@pytest.mark.parametrize("text", HAND_MADE)
def test_hand_made_files_are_read_as_buildkit_reads_them(text: str) -> None:
    assert ours(text) == theirs(text)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(files)
@example("RUN <<a")
def test_any_file_is_read_as_buildkit_reads_it(text: str) -> None:
    compare(text)


@pytest.mark.long
@settings(max_examples=30_000, deadline=None)
@given(files)
def test_very_many_files_are_read_as_buildkit_reads_them(text: str) -> None:
    compare(text)


def compare(text: str) -> None:
    expected = theirs("FROM a\n" + text)
    read = ours("FROM a\n" + text)
    if expected is None:
        assert read is None
    elif read is None:
        pytest.fail("BuildKit reads it")
    else:
        assert read == expected


def mistakes(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse(text, "Dockerfile")
    return str(caught.value)


def test_an_unknown_instruction_is_placed_and_the_nearest_is_named() -> None:
    said = mistakes("FROM a\nCPY a b\n")
    assert said.splitlines() == [
        "Dockerfile:2:1: unknown instruction 'CPY'",
        "    CPY a b",
        "    ^",
        "  hint: did you mean 'COPY'?",
    ]


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        (
            "FROM a\nRUN x \\\n  y\n  z\n  w\n",
            "Dockerfile:4:3: unknown instruction 'z': line 3 does not end",
            "end line 3",
        ),
        (
            "FROM a\nRUN x\nadd-apt-repository y\n",
            "Dockerfile:3:1: unknown instruction 'add-apt-repository'",
            "end line 2",
        ),
        ("FROM a\nRUN x \\ # why\n  y\n", "Dockerfile:3:3: unknown instruction 'y'", "a comment can not follow"),
        ("FROM a\nRUN x \\\\\ny\n", "Dockerfile:3:1: unknown instruction 'y': line 2 ends in two", "a single \\"),
    ],
)
def test_a_lost_backslash_is_told_once_for_what_it_is(text: str, place: str, hint: str) -> None:
    said = mistakes(text)
    assert said.startswith(place)
    assert hint in said
    assert said.count("unknown instruction") == 1


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("FROM a\nRUN\u00a0x\n", "Dockerfile:2:4: a no-break space (U+00A0) stands after 'RUN'"),
        ("FROM a\nRUN apt \\\n  install\u00a0x\n", "Dockerfile:3:10: a no-break space (U+00A0)"),
        ("FROM a\nCOPY a\u200bb /c\n", "Dockerfile:2:7: a no-break space (U+200B)"),
    ],
)
def test_a_no_break_space_is_shown(text: str, place: str) -> None:
    assert mistakes(text).startswith(place)


def test_a_no_break_space_in_quotes_is_text() -> None:
    parse("FROM a\nRUN echo 'bonjour\u00a0!'\nLABEL a=\"b\u00a0c\"\n", "Dockerfile")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Dockerfile: there is no instruction in it"),
        ("# only a comment\n", "Dockerfile: there is no instruction in it"),
        ("ARG A=1\n", "Dockerfile: there is no FROM in it"),
        ("ARG A=1\nRUN x\nFROM a\n", "Dockerfile:2:1: RUN before the first FROM"),
        ("FROM a b\n", "Dockerfile:1:1: FROM takes an image"),
        ("FROM a\nCOPY a\n", "Dockerfile:2:1: COPY needs at least a source and a destination"),
        ("FROM a\nRUN cat <<EOF\nx\n", "Dockerfile:2:9: the heredoc <<EOF never ends"),
        ("FROM a\nCOPY --form=b c d\n", "Dockerfile:2:6: COPY has no flag --form"),
        ("FROM a\nENV A\n", "Dockerfile:2:1: ENV A: a value is missing"),
        ("FROM a\nENV a=b c\n", "Dockerfile:2:1: ENV: there is no '=' in c"),
        ("FROM a\nRUN [1]\n", "Dockerfile:2:1: a JSON array here holds strings only"),
        ("# escape=x\nFROM a\n", "Dockerfile:1:10: escape can be"),
        ("# syntax=a\n# syntax=b\nFROM a\n", "Dockerfile:2:1: the directive 'syntax' stands here a second time"),
        ("FROM a\nONBUILD FROM b\n", "Dockerfile:2:1: ONBUILD takes an instruction"),
        ("FROM a\n" + "ONBUILD " * 5000 + "x", "Dockerfile:2:1: "),
        ("FROM a\nRUN " + "x" * 70_000, "Dockerfile:2:1: a line of more than 65535 bytes"),
    ],
)
def test_a_mistake_is_placed(text: str, said: str) -> None:
    assert mistakes(text).startswith(said)


def test_all_mistakes_are_told_in_file_order() -> None:
    said = mistakes("FROM a\nCPY a b\nRUN x\nENV A\nCOPY --form=b c d\n")
    assert [line.split(":")[1] for line in said.splitlines() if line.startswith("Dockerfile:")] == ["2", "4", "5"]


def normals(text: str) -> list[str]:
    return [normal(at) for at in parse(text, "Dockerfile").instructions]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("FROM a as b\nRUN x y\n", "# comment\nfrom a AS b\n\n  run x \\\n  # why\n\n     y\n"),
        ("FROM a\nRUN a 'b  c' && d\n", "FROM a\nRUN a 'b  c' \\\n  && d\n"),
        ("FROM a\nENV a=b c=d\n", "FROM a\nENV a=b \\\n    c=d\n"),
        ("FROM a\nCOPY a b /c\n", "FROM a\ncopy a   b \\\n /c\n"),
        ('FROM a\nCMD ["a", "b"]\n', 'FROM a\nCMD [ "a","b" ]\n'),
        ("FROM a\nRUN <<E\nx\nE\n", "FROM a\n# c\nrun  <<E\nx\nE\n"),
    ],
)
def test_comments_line_breaks_and_letter_case_change_no_normal_form(one: str, other: str) -> None:
    assert normals(one) == normals(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("RUN a 'b  c'", "RUN a 'b c'"),
        ('RUN a "b  c"', 'RUN a "b c"'),
        ("RUN a b\\  c", "RUN a b\\ c"),
        ('RUN a "$(echo "b  c")"', 'RUN a "$(echo "b c")"'),
        ("RUN a `b  c`", "RUN a `b c`"),
        ("RUN a # it's  b  'c  d'", "RUN a # it's  b  'c d'"),
        ('RUN a ${x:-"b  c"}', 'RUN a ${x:-"b c"}'),
        ("RUN python <<E\na  b\nE", "RUN python <<E\na b\nE"),
        ("RUN <<E\n$x\nE", "RUN <<'E'\n$x\nE"),
        ("RUN <<E\n\tx\nE", "RUN <<-E\n\tx\nE"),
        ('RUN ["a b"]', 'RUN ["a", "b"]'),
        ('RUN ["a"]', "RUN a"),
        ("ENV a=b c=d", "ENV a b c=d"),
        ("RUN --network=none a", "RUN a"),
        ("COPY a b /c", 'COPY ["a b", "/c"]'),
        ("LABEL a=b", "ENV a=b"),
    ],
)
def test_two_meanings_have_two_normal_forms(one: str, other: str) -> None:
    assert normals(f"FROM a\n{one}\n") != normals(f"FROM a\n{other}\n")
