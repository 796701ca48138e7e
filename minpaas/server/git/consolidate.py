"""Joins a bare repo's packs into one by copying bytes: nothing is inflated, nothing is dropped."""

from dulwich.repo import Repo

MOST_PACKS = 20


def consolidate(repo: Repo, most: int = MOST_PACKS) -> int:
    """To be written."""
    return 0
