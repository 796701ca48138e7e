"""Names, refs, URLs and commands: checked once, by one type, for every door."""

import pytest

from minpaas.server.errors import BadAppName, BadCommand, BadRef, BadRepoURL
from minpaas.server.models import app_name, git_ref, repo_url, start_command


@pytest.mark.parametrize(
    "name", ["a", "hello", "hello-world", "a1", "test", "emerg", "error", "failed", "ok", "x" * 63, "x--y"]
)
def test_good_names(name: str) -> None:
    assert app_name(name) == name


@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        ("Hello", "hello"),
        ("my_app", "my-app"),
        ("-rf", "rf"),
        ("1st", "st"),
        ("a-", "a"),
        ("xn--80ak6aa92e", "ak6aa92e"),
        ("minpaas", "my-minpaas"),
        ("localhost", "my-localhost"),
        ("../../etc", "etc"),
        ("x" * 64, "x" * 63),
        ("a\nb", "a-b"),
        ("a\n", "a"),
        ("$(id)", "id"),
        ("ünder", "nder"),
        ("", "hello"),
        ("。", "hello"),
    ],
)
def test_bad_names_come_with_a_suggestion(name: str, suggested: str) -> None:
    with pytest.raises(BadAppName) as caught:
        app_name(name)
    assert repr(suggested) in caught.value.hint
    assert app_name(suggested) == suggested


@pytest.mark.parametrize("ref", ["main", "feature/x", "v1.2.3", "a" * 40])
def test_good_refs(ref: str) -> None:
    assert git_ref(ref) == ref


@pytest.mark.parametrize(
    "ref", ["-h", "--upload-pack=x", "a b", "a..b", "a;b", "$(id)", "", "x.lock", "a/", "/a", "a" * 201, "a\n"]
)
def test_bad_refs(ref: str) -> None:
    with pytest.raises(BadRef):
        git_ref(ref)


@pytest.mark.parametrize(
    "url",
    ["https://example.org/me/app.git", "http://example.org:8080/app", "ssh://git@example.org/me/app.git", "https://me:token@example.org/a.git",
     "http://[::1]:3000/a.git", "https://example.org/~me/a.git"],
)  # fmt: skip
def test_good_urls(url: str) -> None:
    assert repo_url(url) == url


def test_an_scp_address_is_an_ssh_url() -> None:
    assert repo_url("git@example.org:me/app.git") == "ssh://git@example.org/me/app.git"


@pytest.mark.parametrize(
    "url",
    ["ext::sh -c id", "file:///etc", "/srv/x.git", "../x.git", "git://h/x", "ftp://h/x", "https://-h/x", "ssh://-oProxyCommand=x/y",
     "https://h/a b", "https://h/x?y=z", "https://h", "https://h/-x", "https://h/../x", "https://h/x\n", "", "https://" + "h" * 2000 + "/x"],
)  # fmt: skip
def test_bad_urls(url: str) -> None:
    with pytest.raises(BadRepoURL):
        repo_url(url)


@pytest.mark.parametrize("command", ["", "  ", "a\nb", "a\x00b", "x" * 5000, "a\x1bb"])
def test_bad_commands(command: str) -> None:
    with pytest.raises(BadCommand):
        start_command(command)
