from pathlib import Path


def words():
    return Path("words.txt").read_text()
