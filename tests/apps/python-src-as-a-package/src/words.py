from pathlib import Path


def words() -> str:
    return Path("src/words.txt").read_text()
