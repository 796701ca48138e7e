"""A Space of Hugging Face: the head of its README.md says what is started, and its packages.txt the Debian packages."""

import re
from dataclasses import dataclass

from minpaas.plan import yaml
from minpaas.plan.tree import Tree


@dataclass(frozen=True)
class Space:
    """What the head of README.md says."""

    sdk: str  # gradio or streamlit: it is there on the host, so that the requirements need not name it
    version: str
    file: str  # what is started
    python: str

    @property
    def package(self) -> str:
        """The SDK as a line of requirements."""
        return f"{self.sdk}=={self.version}" if self.version else self.sdk


def read(tree: Tree) -> Space | None:
    """The Space that a tree is; None for any other, also for one that a Dockerfile builds."""
    head = re.match(r"---[ \t]*\n(.*?)\n---[ \t]*(\n|\Z)", tree.read("README.md") or "", re.S)
    told = yaml.parse(head[1]) if head else {}
    sdk, version = str(told.get("sdk") or ""), str(told.get("sdk_version") or "")
    if sdk not in ("gradio", "streamlit"):
        return None
    file, python = str(told.get("app_file") or "app.py"), str(told.get("python_version") or "")
    return Space(
        sdk,
        version if re.fullmatch(r"\d+(\.\d+)*", version) else "",
        file if tree.has(file) else "",
        python if re.fullmatch(r"3\.\d+(\.\d+)?", python) else "",
    )
