"""The deploy policy as a table: which pushed refs deploy, are stored, or are refused, and why."""

import pytest

from minpaas.server.models import ZERO, App
from minpaas.server.receive import Update, judge, without_password

A, B = "a" * 40, "b" * 40
MAIN, MASTER, FEATURE, TAG = "refs/heads/main", "refs/heads/master", "refs/heads/feature", "refs/tags/v1"
NEW, KNOWN = App(name="hello"), App(name="hello", branch=MAIN)


@pytest.mark.parametrize(
    ("app", "updates", "verdicts"),
    [
        (NEW, [(ZERO, A, MAIN)], ["deploys"]),
        (NEW, [(ZERO, A, MASTER)], ["deploys"]),
        (NEW, [(ZERO, A, MASTER), (ZERO, A, MAIN)], ["wrong branch, type: git push minpaas master:main", "deploys"]),
        (NEW, [(ZERO, A, FEATURE)], ["wrong branch, type: git push minpaas feature:main"]),
        (
            NEW,
            [(ZERO, A, FEATURE), (ZERO, A, MASTER)],
            ["wrong branch, type: git push minpaas feature:master", "deploys"],
        ),
        (KNOWN, [(A, B, MAIN)], ["deploys"]),
        (KNOWN, [(ZERO, A, MASTER)], ["wrong branch, type: git push minpaas master:main"]),
        (KNOWN, [(A, ZERO, MAIN)], ["the deploy branch cannot be deleted"]),
        (KNOWN, [(A, ZERO, FEATURE)], ["wrong branch, type: git push minpaas feature:main"]),
        (KNOWN, [(ZERO, A, TAG)], ["stored"]),
        (KNOWN, [(A, ZERO, TAG)], ["stored"]),
        (KNOWN, [(ZERO, A, TAG), (A, B, MAIN)], ["stored", "deploys"]),
        (KNOWN, [(ZERO, A, "refs/notes/x")], ["only branches and tags can be pushed"]),
        (KNOWN, [(ZERO, A, "refs/minpaas/deploys/1")], ["only branches and tags can be pushed"]),
        (KNOWN, [(ZERO, A, "refs/heads/-h")], ["wrong branch, type: git push minpaas -h:main"]),
    ],
)
def test_policy(app: App, updates: list[tuple[str, str, str]], verdicts: list[str]) -> None:
    judged = judge(app, [Update(*one) for one in updates], atomic=False)
    assert [one.error.reason if one.error else "deploys" if one.deploys else "stored" for one in judged] == verdicts


def test_an_atomic_push_falls_together() -> None:
    judged = judge(KNOWN, [Update(A, B, MAIN), Update(ZERO, A, FEATURE), Update(ZERO, A, TAG)], atomic=True)
    reasons = [one.error.reason if one.error else None for one in judged]
    assert reasons[0] == reasons[2] == "atomic push failure"
    assert str(reasons[1]).startswith("wrong branch")


def test_passwords_are_not_printed() -> None:
    assert without_password("https://me:s3cret@example.org/a.git") == "https://me:***@example.org/a.git"
    assert without_password("https://example.org/a.git") == "https://example.org/a.git"
