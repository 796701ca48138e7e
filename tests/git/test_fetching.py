"""Clone and fetch with the real client, over both transports."""

import pytest

from tests.git.conftest import Work
from tests.git.test_pushing import clone


@pytest.fixture
def history(plain: Work) -> Work:
    """Eight commits, pushed."""
    for i in range(8):
        plain.commit("file", f"{i}\n")
    assert plain.push().ok
    return plain


def commits(work: Work) -> int:
    return len(work.out("rev-list", "HEAD").splitlines())


def sound(work: Work) -> None:
    checked = work("fsck", "--full", "--strict")
    assert checked.ok, checked.out


def test_clone(history: Work) -> None:
    copy = clone(history, "copy")
    assert copy.out("rev-parse", "HEAD") == history.ref()
    assert copy.out("symbolic-ref", "HEAD") == "refs/heads/main"
    sound(copy)


def test_clone_an_empty_repo(plain: Work) -> None:
    done = plain.place.git("clone", plain.url, str(plain.path.parent / "copy"))
    assert done.ok, done.out
    assert "empty repository" in done.out


def test_ls_remote(history: Work) -> None:
    listed = history.out("ls-remote", "origin").splitlines()
    assert [line.split()[1] for line in listed] == ["HEAD", "refs/heads/main"]


def test_fetch(history: Work) -> None:
    copy = clone(history, "copy")
    commit = history.commit()
    assert history.push().ok
    assert copy("pull", "-q").ok
    assert copy.out("rev-parse", "HEAD") == commit
    sound(copy)


def test_fetch_nothing_new(history: Work) -> None:
    copy = clone(history, "copy")
    assert copy("fetch").ok


def test_fetch_brings_tags_along(history: Work) -> None:
    copy = clone(history, "copy")
    history.commit()
    history.out("tag", "-a", "-m", "v1", "v1")
    assert history.push("origin", "main", "v1").ok
    assert copy("fetch", "-q").ok
    assert copy.out("cat-file", "-t", "v1") == "tag"


def test_fetch_with_many_haves(history: Work) -> None:
    """Enough to say that git compresses its request."""
    copy = clone(history, "copy")
    for i in range(120):
        copy.out("commit", "-q", "--allow-empty", "-m", str(i))
    commit = history.commit()
    assert history.push().ok
    fetched = copy("fetch", "-q", env={"GIT_TRACE_CURL": "1"})
    assert fetched.ok, fetched.out
    if history.transport == "http":
        assert "Content-Encoding: gzip" in fetched.out
    assert copy.out("rev-parse", "origin/main") == commit


def test_force_pushed_branch(history: Work) -> None:
    copy = clone(history, "copy")
    history.out("reset", "-q", "--hard", "HEAD~3")
    commit = history.commit()
    assert history.push("-f", "origin", "main").ok
    assert copy("fetch", "-q").ok
    assert copy.out("rev-parse", "origin/main") == commit


def test_depth_one(history: Work) -> None:
    copy = clone(history, "copy", "--depth=1")
    assert commits(copy) == 1
    sound(copy)


def test_depth_and_single_branch(history: Work) -> None:
    assert history.push("origin", "main~2:refs/heads/side").ok
    copy = clone(history, "copy", "--depth=3", "--no-single-branch")
    assert commits(copy) == 5  # three of main, and the three of side, which begins at its third
    assert len(copy.out("rev-list", "origin/side").splitlines()) == 3


def test_fetch_into_a_shallow_clone(history: Work) -> None:
    copy = clone(history, "copy", "--depth=2")
    for _ in range(3):
        history.commit()
    assert history.push().ok
    pulled = copy("pull", "-q")
    assert pulled.ok, pulled.out
    assert commits(copy) == 5
    sound(copy)


def test_fetch_depth_again(history: Work) -> None:
    copy = clone(history, "copy", "--depth=1")
    history.commit()
    assert history.push().ok
    assert copy("fetch", "-q", "--depth=1").ok
    assert len(copy.out("rev-list", "origin/main").splitlines()) == 1


def test_unshallow(history: Work) -> None:
    copy = clone(history, "copy", "--depth=1")
    done = copy("fetch", "-q", "--unshallow")
    assert done.ok, done.out
    assert commits(copy) == 8
    sound(copy)


def test_deepen(history: Work) -> None:
    copy = clone(history, "copy", "--depth=2")
    for expected in (5, 8, 8):
        done = copy("fetch", "--deepen=3")
        assert done.ok, done.out
        assert commits(copy) == expected
    sound(copy)


def test_larger_depth(history: Work) -> None:
    copy = clone(history, "copy", "--depth=2")
    assert copy("fetch", "-q", "--depth=6").ok
    assert commits(copy) == 6


def test_filters_are_declined_cleanly(history: Work) -> None:
    done = history.place.git("clone", "--filter=blob:none", history.url, str(history.path.parent / "copy"))
    assert done.ok, done.out
    assert "filtering not recognized by server, ignoring" in done.out
    assert (history.path.parent / "copy" / "file").read_text() == "7\n"


def test_many_files(history: Work) -> None:
    for i in range(1500):
        history.write(f"d{i % 40}/f{i}", f"content {i}\n" * 20)
    history.commit()
    assert history.push().ok
    copy = clone(history, "copy")
    assert len(copy.out("ls-files").splitlines()) == 1501
    sound(copy)


def test_submodule_entries_are_not_looked_for(plain: Work) -> None:
    plain.commit()
    plain.out("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    plain.out("commit", "-q", "-m", "a submodule")
    assert plain.push().ok
    copy = clone(plain, "copy")
    assert "160000" in copy.out("ls-tree", "HEAD")


def test_an_app_that_is_not_there(plain: Work) -> None:
    plain.place.plane.denied[plain.app] = "There is no such app: see the ones there are with: minpaas apps"
    done = plain("fetch", "origin")
    assert not done.ok
    assert "There is no such app" in done.out
