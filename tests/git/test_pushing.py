"""What git's own server does with pushes, case by case, over both transports. No deploying: refs just move."""

import os
import signal
import subprocess
import threading
import time

import pytest

from tests.git.conftest import Place, Work


def clone(work: Work, name: str, *args: str) -> Work:
    path = work.path.parent / name
    done = work.place.git("clone", "-q", *args, work.url, str(path))
    assert done.ok, done.out
    return Work(work.place, path, work.app, work.transport)


def whole(work: Work) -> None:
    """The repo at the server is sound, and nothing was left behind."""
    checked = work.at_server("fsck", "--full", "--strict")
    assert checked.ok, checked.out
    assert "missing" not in checked.out, checked.out
    assert not work.leftovers()


def test_first_push(plain: Work) -> None:
    commit = plain.commit()
    pushed = plain.push()
    assert pushed.ok, pushed.out
    assert plain.ref() == commit
    whole(plain)


def test_update(plain: Work) -> None:
    plain.commit()
    assert plain.push().ok
    commit = plain.commit()
    assert plain.push().ok
    assert plain.ref() == commit
    whole(plain)


def test_nothing_new(plain: Work) -> None:
    plain.commit()
    assert plain.push().ok
    assert "Everything up-to-date" in plain.push().out


def test_dry_run_changes_nothing(plain: Work) -> None:
    plain.commit()
    assert plain.push("--dry-run", "origin", "main").ok
    assert plain.ref() is None


def test_force(plain: Work) -> None:
    plain.commit()
    plain.commit()
    assert plain.push().ok
    plain.out("reset", "-q", "--hard", "HEAD~1")
    commit = plain.commit()
    assert not plain.push().ok
    assert plain.push("-f", "origin", "main").ok
    assert plain.ref() == commit
    whole(plain)


def test_back_to_an_older_commit(plain: Work) -> None:
    first = plain.commit()
    plain.commit()
    assert plain.push().ok
    assert plain.push("-f", "origin", f"{first}:refs/heads/main").ok
    assert plain.ref() == first


def test_lease_held(plain: Work) -> None:
    plain.commit()
    assert plain.push().ok
    plain.out("commit", "-q", "--amend", "-m", "other")
    assert plain.push("--force-with-lease", "origin", "main").ok


def test_lease_lost(plain: Work) -> None:
    plain.commit()
    assert plain.push().ok
    other = clone(plain, "other")
    moved = other.commit()
    assert other.push().ok
    plain.out("commit", "-q", "--amend", "-m", "other")
    assert "stale info" in plain.push("--force-with-lease", "origin", "main").out
    assert plain.ref() == moved


def test_delete_branch(plain: Work) -> None:
    plain.commit()
    assert plain.push("origin", "main", "main:side").ok
    assert plain.push("origin", ":side").ok
    assert plain.ref("refs/heads/side") is None
    assert plain.ref()


def test_tags(plain: Work) -> None:
    plain.commit()
    plain.out("tag", "light")
    plain.out("tag", "-a", "-m", "heavy", "heavy")
    assert plain.push("origin", "main", "--tags").ok
    assert plain.ref("refs/tags/heavy") == plain.out("rev-parse", "heavy")
    assert plain.push("origin", ":refs/tags/light").ok
    assert plain.ref("refs/tags/light") is None
    whole(plain)


def test_tag_of_a_tag(plain: Work) -> None:
    plain.commit()
    plain.out("tag", "-a", "-m", "one", "one")
    plain.out("tag", "-a", "-m", "two", "two", "one")
    assert plain.push("origin", "two").ok
    whole(plain)


def test_notes(plain: Work) -> None:
    plain.commit()
    plain.out("notes", "add", "-m", "a note")
    assert plain.push("origin", "main", "refs/notes/commits").ok
    assert plain.ref("refs/notes/commits")


def test_mirror(plain: Work) -> None:
    plain.commit()
    plain.out("config", "--unset", "remote.origin.fetch")  # or the tracking refs would be mirrored as well
    plain.out("branch", "side")
    plain.out("tag", "v1")
    assert plain.push("--mirror", "origin").ok
    plain.out("branch", "-D", "side")
    plain.out("branch", "other")
    mirrored = plain.push("--mirror", "origin")
    assert mirrored.ok, mirrored.out
    assert plain.at_server("for-each-ref", "--format=%(refname)").out.split() == [
        "refs/heads/main",
        "refs/heads/other",
        "refs/tags/v1",
    ]


def test_atomic(plain: Work) -> None:
    plain.commit()
    assert plain.push("--atomic", "origin", "main", "main:a", "main:b").ok
    assert plain.ref("refs/heads/b")


def test_atomic_is_all_or_nothing(plain: Work) -> None:
    first = plain.commit()
    assert plain.push().ok
    plain.commit()
    pushed = plain.push("--atomic", "origin", "main", "main:new", "main:main/sub")
    assert not pushed.ok
    assert plain.ref() == first
    assert plain.ref("refs/heads/new") is None


def test_without_atomic_the_good_ones_pass(plain: Work) -> None:
    plain.commit()
    assert plain.push().ok
    second = plain.commit()
    assert not plain.push("origin", "main", "main:main/sub").ok
    assert plain.ref() == second


def test_2000_refs(plain: Work) -> None:
    commit = plain.commit()
    refs = "".join(f"create refs/heads/b{i} {commit}\n" for i in range(2000))
    subprocess.run(
        ["git", "update-ref", "--stdin"], cwd=plain.path, input=refs.encode(), check=True, env=plain.place.env
    )
    pushed = plain.push("--all", "origin")
    assert pushed.ok, pushed.out[-500:]
    assert len(plain.at_server("for-each-ref").out.splitlines()) == 2001


def test_2000_packed_refs(plain: Work) -> None:
    first = plain.commit()
    assert plain.push().ok
    refs = "".join(f"create refs/heads/b{i} {first}\n" for i in range(2000))
    subprocess.run(
        ["git", "update-ref", "--stdin"], cwd=plain.server, input=refs.encode(), check=True, env=plain.place.env
    )
    assert plain.at_server("pack-refs", "--all").ok
    second = plain.commit()
    assert plain.push("origin", "main", "main:b7", ":b8", "main:new").ok
    assert plain.ref("refs/heads/b7") == second
    assert plain.ref("refs/heads/b8") is None
    assert plain.ref("refs/heads/b9") == first


@pytest.mark.parametrize("thin", ["--thin", "--no-thin"])
def test_thin_or_not(plain: Work, thin: str) -> None:
    lines = [f"line {i} of a file that is long enough for deltas\n" for i in range(500)]
    plain.commit("file", "".join(lines))
    assert plain.push().ok
    commit = plain.commit("file", "".join([*lines, "one more\n"]))
    assert plain.push(thin, "origin", "main").ok
    assert plain.ref() == commit
    whole(plain)


def test_ref_deltas(plain: Work) -> None:
    for i in range(5):
        plain.commit("file", "".join(f"line {j}\n" for j in range(400 + i)))
    assert plain.push(
        "origin",
        "main",
        env={"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "repack.useDeltaBaseOffset", "GIT_CONFIG_VALUE_0": "false"},
    ).ok
    whole(plain)


def test_no_new_objects(plain: Work) -> None:
    commit = plain.commit()
    assert plain.push().ok
    assert plain.push("origin", "main:copy").ok
    assert plain.ref("refs/heads/copy") == commit


def test_empty_commit_and_empty_tree(plain: Work) -> None:
    plain.out("commit", "-q", "--allow-empty", "-m", "nothing")
    assert plain.push().ok
    plain.out("commit", "-q", "--allow-empty", "-m", "still nothing")
    assert plain.push().ok
    whole(plain)


def test_empty_file(plain: Work) -> None:
    plain.commit("empty", b"")
    assert plain.push().ok
    whole(plain)


def test_submodule(plain: Work) -> None:
    plain.commit()
    plain.out("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    plain.out("commit", "-q", "-m", "a submodule")
    assert plain.push().ok
    assert plain.ref() == plain.out("rev-parse", "HEAD")


def test_symlink_and_mode(plain: Work) -> None:
    (plain.path / "link").symlink_to("file")
    plain.write("run")
    (plain.path / "run").chmod(0o755)
    plain.commit()
    assert plain.push().ok
    listed = plain.at_server("ls-tree", "main").out
    assert "120000" in listed
    assert "100755" in listed


def test_names_of_all_kinds(plain: Work) -> None:
    for name in (
        "ümlaut",
        "sp ace",
        "tab\there",
        "日本",
        ".gitignore",
        ".github/x",
        "git",
        "a.git",
        "-dash",
        "new\nline",
    ):
        plain.write(f"{name}")
    plain.commit()
    assert plain.push().ok
    whole(plain)


def test_merges(plain: Work) -> None:
    plain.commit("base")
    for side in ("a", "b", "c"):
        plain.out("checkout", "-q", "-b", side, "main")
        plain.commit(side)
    plain.out("checkout", "-q", "main")
    plain.out("merge", "-q", "--no-ff", "-m", "octopus", "a", "b", "c")
    assert plain.push("--all", "origin").ok
    whole(plain)


def test_large_file(plain: Work) -> None:
    plain.commit("big", bytes(range(256)) * 40_000 + os.urandom(3 << 20))
    assert plain.push().ok
    whole(plain)


def test_many_files(plain: Work) -> None:
    for i in range(1500):
        plain.write(f"d{i % 40}/f{i}", f"content {i}\n" * 20)
    plain.commit()
    assert plain.push().ok
    whole(plain)


def test_sha256_is_refused_clearly(plain: Work) -> None:
    other = Work(plain.place, plain.path.parent / "sha256", plain.app, plain.transport)
    other.path.mkdir()
    other.out("init", "-q", "-b", "main", "--object-format=sha256")
    other.out("remote", "add", "origin", other.url)
    other.commit()
    assert not other.push().ok  # on an empty repo git itself finds no better words than "unexpected capabilities"
    assert plain.ref() is None
    commit = plain.commit()
    assert plain.push().ok
    pushed = other.push()
    assert "does not support this repository's hash algorithm" in pushed.out
    assert plain.ref() == commit


def test_folder_where_a_branch_is(plain: Work) -> None:
    plain.commit()
    assert plain.push("origin", "main:a").ok
    pushed = plain.push("origin", "main:a/b")
    assert "failed to update ref" in pushed.out
    assert plain.ref("refs/heads/a")
    assert not plain.leftovers()


def test_branch_where_a_folder_is(plain: Work) -> None:
    plain.commit()
    assert plain.push("origin", "main:a/b").ok
    assert not plain.push("origin", "main:a").ok
    assert plain.ref("refs/heads/a/b")
    assert not plain.leftovers()


def test_branch_where_a_folder_was(plain: Work) -> None:
    plain.commit()
    assert plain.push("origin", "main:a/b").ok
    assert plain.push("origin", ":a/b").ok
    pushed = plain.push("origin", "main:a")
    assert pushed.ok, pushed.out


def test_folder_conflict_with_a_packed_ref(plain: Work) -> None:
    plain.commit()
    assert plain.push("origin", "main:a").ok
    assert plain.at_server("pack-refs", "--all").ok
    assert not plain.push("origin", "main:a/b").ok
    assert plain.ref("refs/heads/a")


def test_delete_and_create_in_its_place(plain: Work) -> None:
    plain.commit()
    assert plain.push("origin", "main:a").ok
    pushed = plain.push("origin", "main:a/b", ":a")
    assert pushed.ok, pushed.out
    assert plain.ref("refs/heads/a/b")


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_protocol_versions(plain: Work, version: str) -> None:
    commit = plain.commit()
    plain.out("config", "protocol.version", version)
    pushed = plain.push()
    assert pushed.ok, pushed.out
    assert plain.ref() == commit
    fetched = plain("fetch", "origin")
    assert fetched.ok, fetched.out


def test_our_own_refs_are_hidden(plain: Work) -> None:
    commit = plain.commit()
    assert plain.push().ok
    assert plain.at_server("update-ref", "refs/minpaas/deploys/1", commit).ok
    assert "refs/minpaas" not in plain("ls-remote", "origin").out
    assert "hidden ref" in plain.push("origin", "main:refs/minpaas/deploys/2").out
    assert plain.push("--mirror", "origin").ok
    assert plain.ref("refs/minpaas/deploys/1") == commit


def test_push_from_a_shallow_clone(plain: Work) -> None:
    for _ in range(4):
        plain.commit()
    assert plain.push().ok
    shallow = clone(plain, "shallow", "--depth=2", "--no-local")
    commit = shallow.commit()
    assert shallow.push().ok
    assert plain.ref() == commit
    whole(plain)


def test_first_push_from_a_shallow_clone(plain: Work) -> None:
    for _ in range(4):
        plain.commit()
    path = plain.path.parent / "shallow"
    assert plain.place.git("clone", "-q", "--depth=2", f"file://{plain.path}", str(path)).ok
    shallow = Work(plain.place, path, plain.app, plain.transport)
    shallow.out("remote", "set-url", "origin", plain.url)
    pushed = shallow.push()
    assert pushed.ok, pushed.out
    whole(plain)
    copy = clone(plain, "copy")
    assert len(copy.out("rev-list", "HEAD").splitlines()) == 2
    later = shallow.commit()
    assert shallow.push().ok
    assert copy("pull", "-q").ok
    assert copy.out("rev-parse", "HEAD") == later
    assert plain.push("-f", "origin", "main").ok


def test_racing_pushes_have_one_winner(plain: Work) -> None:
    plain.commit()
    assert plain.push().ok
    rivals = [clone(plain, f"rival{i}") for i in range(6)]
    commits = [rival.commit() for rival in rivals]
    results: list[bool] = [False] * len(rivals)

    def race(i: int) -> None:
        results[i] = rivals[i].push().ok

    threads = [threading.Thread(target=race, args=(i,)) for i in range(len(rivals))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(True) == 1, results
    assert plain.ref() == commits[results.index(True)]
    whole(plain)


def test_a_killed_client_leaves_nothing(plain: Work) -> None:
    plain.commit()
    assert plain.push().ok
    before = plain.ref()
    plain.commit("big", os.urandom(24 << 20))
    client = subprocess.Popen(
        ["git", "push", "origin", "main"],
        cwd=plain.path,
        env=plain.place.env,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until = time.monotonic() + 10
    while not plain.leftovers() and client.poll() is None and time.monotonic() < until:
        time.sleep(0.002)

    os.killpg(client.pid, signal.SIGKILL)
    client.wait()
    until = time.monotonic() + 5
    while plain.leftovers() and time.monotonic() < until:
        time.sleep(0.05)
    assert not plain.leftovers()
    assert plain.ref() == before


def test_many_pushes_are_joined(plain: Work) -> None:
    for i in range(24):
        plain.commit("file", f"{i}\n" * 200)
        assert plain.push().ok
    packs = list((plain.server / "objects" / "pack").glob("*.pack"))
    assert len(packs) < 20
    whole(plain)
    assert len(clone(plain, "copy").out("rev-list", "HEAD").splitlines()) == 24


def test_a_place_of_many_apps(place: Place, plain: Work) -> None:
    plain.commit()
    for spelling in (plain.url, plain.url.removesuffix(".git")):
        assert plain.push(spelling, "main").ok, spelling


def test_bad_app_name(plain: Work) -> None:
    plain.commit()
    pushed = plain.push(plain.url.replace(plain.app, "Not_A-Name"), "main")
    assert not pushed.ok
    assert "not an app name" in pushed.out
