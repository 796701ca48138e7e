"""How numbers, times and tables look, and which app the words of a command line mean."""

from datetime import UTC, datetime

import pytest

from minpaas.cli import amounts, table, target
from minpaas.cli.errors import WrongUsage

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def test_a_table_is_as_wide_as_it_must_be() -> None:
    rows = [("web.1", None, 7), ("w", "", "long cell")]
    assert table.render(("A", "B", "C"), rows) == "A      B  C\nweb.1  -  7\nw      -  long cell"


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-11-23T11:59:48Z", "12s ago"),
        ("2026-11-23T11:55:00.123456789Z", "5m ago"),
        ("2026-11-23T09:00:00Z", "3h ago"),
        ("2026-11-21T09:00:00Z", "2d ago"),
        ("2026-11-23T12:00:03Z", "0s ago"),
        ("", ""),
    ],
)
def test_ago(moment: str, words: str) -> None:
    assert amounts.ago(moment, NOW) == words


@pytest.mark.parametrize(
    ("text", "count", "back"),
    [
        ("512M", 512 << 20, "512M"),
        ("512", 512 << 20, "512M"),
        ("1.5g", 3 << 29, "1.5G"),
        ("64KiB", 64 << 10, "64K"),
        ("100b", 100, "100B"),
        ("2GB", 2 << 30, "2G"),
    ],
)
def test_sizes(text: str, count: int, back: str) -> None:
    assert amounts.size_of(text) == count
    assert amounts.size(count) == back


@pytest.mark.parametrize("text", ["", "x", "-1M", "1X", "M"])
def test_no_size(text: str) -> None:
    with pytest.raises(WrongUsage):
        amounts.size_of(text)


def test_the_app_is_the_word_that_is_one_too_many() -> None:
    assert target.operands(["hello", "NAME"], None, "NAME") == ("hello", ["NAME"])
    assert target.operands(["NAME"], "hello", "NAME") == ("hello", ["NAME"])
    assert target.leading(["hello", "A=1"], None, lambda word: "=" in word) == ("hello", ["A=1"])
    assert target.leading(["A=1", "B"], "hello", lambda word: "=" in word) == ("hello", ["A=1", "B"])
    for words, option in ((["a", "b", "c"], None), ([], "hello"), (["other", "NAME"], "hello")):
        with pytest.raises(WrongUsage):
            target.operands(words, option, "NAME")
    with pytest.raises(WrongUsage):
        target.leading(["hello"], None, lambda word: "=" in word)
