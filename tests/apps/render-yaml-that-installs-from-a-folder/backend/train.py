from pathlib import Path

Path("trained.txt").write_text("trained while it was built")
