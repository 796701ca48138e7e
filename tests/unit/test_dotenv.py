"""Config vars as text: what is read, and that what is written is read back byte for byte, also by sh."""

import json
import subprocess

import pytest

from minpaas.cli import dotenv
from minpaas.cli.errors import WrongUsage

TORTURE = [
    "plain", "", " ", " leading", "trailing ", "a b", "$HOME", "$", "a$", "${X}", "$(id)", "`id`", "'single'", '"double"', "\\", "\\n", "a\nb",
    "\n", "tab\there", "é", "日本語", "🎉", "#hash", "a=b", '{"json": ["x", 1]}', "%s%d", "!bang", "*", "-----BEGIN KEY-----\nabc=\n-----END KEY-----\n",
    "x" * 32768, "it's", "'\"", "a\\'b", "\r\n", "a\\\nb", "'\n\"$`\\", "export A=1", "a #b", "~", "\u2028", "''", "\\\\",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=1\n", {"A": "1"}),
        ("A=1", {"A": "1"}),
        ("", {}),
        ("\n# only a comment\n\n", {}),
        ("export A=1\n  export  B=2\n", {"A": "1", "B": "2"}),
        ("A = 1\n", {"A": "1"}),
        ("A=\nB=2\n", {"A": "", "B": "2"}),
        ("A=one two  # three\n", {"A": "one two"}),
        ("A=one#two\n", {"A": "one#two"}),
        ("A=# all comment\n", {"A": ""}),
        ("A='#'#b\n", {"A": "##b"}),
        ("A='one # two' # three\n", {"A": "one # two"}),
        ("A='$X\\n'\n", {"A": "$X\\n"}),
        ('A="one\\ntwo\\t\\"q\\" \\$X \\\\ \\x"\n', {"A": 'one\ntwo\t"q" $X \\ \\x'}),
        ("A='one\ntwo\n'\nB=3\n", {"A": "one\ntwo\n", "B": "3"}),
        ('A="one\n  two"\nB=3\n', {"A": "one\n  two", "B": "3"}),
        ("A='it'\\''s'\n", {"A": "it's"}),
        ("A=a=b=c\n", {"A": "a=b=c"}),
        ("A=1\r\nB='2'\r\n# x\r\nC=3\r\n", {"A": "1", "B": "2", "C": "3"}),
        ("\ufeffA=1\n", {"A": "1"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("URL=postgres://u:p@h/d?x=1&y=$z\n", {"URL": "postgres://u:p@h/d?x=1&y=$z"}),
        ('{"A": "1", "B": "two\\nlines"}', {"A": "1", "B": "two\nlines"}),
    ],
)
def test_what_is_read(text: str, found: dict[str, str]) -> None:
    assert dotenv.parse(text) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A=1\nnonsense\n", "Line 2 cannot be read: 'nonsense'"),
        ("1A=2\n", "Line 1 cannot be read"),
        ("A='open\n", "Line 1 cannot be read: a quote is opened and not closed"),
        ('A=1\nB="open', "Line 2 cannot be read: a quote is opened and not closed"),
        ("A='x' y\n", "comes something else than a comment"),
        ('{"A": 1}', "Config vars are strings: A is 1"),
        ('{"A": ', "The JSON cannot be read"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    with pytest.raises(WrongUsage) as caught:
        dotenv.parse(text)
    assert words in str(caught.value)


@pytest.mark.parametrize("format", dotenv.FORMATS)
def test_what_is_written_is_read_back(format: str) -> None:
    values = {f"T{number}": value for number, value in enumerate(TORTURE)}
    assert dotenv.parse(dotenv.render(values, format)) == values


@pytest.mark.parametrize("format", ["env", "shell"])
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_reads_it_too(format: str, shell: str) -> None:
    values = {f"T{number}": value for number, value in enumerate(TORTURE)}
    names = " ".join(values)
    script = f'set -a\n{dotenv.render(values, format)}\nfor n in {names}; do eval "printf \'%s\\0\' \\"\\$$n\\""; done'
    done = subprocess.run([shell], input=script.encode(), capture_output=True, check=True, env={})
    assert done.stdout.split(b"\0")[:-1] == [value.encode() for value in values.values()]


def test_json_is_json() -> None:
    assert json.loads(dotenv.render({"B": "2", "A": "\n"}, "json")) == {"A": "\n", "B": "2"}
