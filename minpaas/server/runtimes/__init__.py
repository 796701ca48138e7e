"""The alternatives of one thing: how a tree of files becomes an image. Each module has detect() and plan()."""

from dataclasses import dataclass, field
from functools import cache

import jinja2

from minpaas.server.models import Runtime


@dataclass(frozen=True)
class Plan:
    """What a build will do, and why; decided before anything slow happens."""

    runtime: Runtime
    reasons: list[str]  # one sentence a choice, as the transcript prints them
    process_types: dict[str, str]  # type -> command; "" runs the image's own CMD
    dockerfile: str = ""  # generated; empty when the app brings its own
    dockerfile_path: str = "Dockerfile"  # the app's own
    stack: str | None = None  # such as python:3.13
    port: int = 8000
    environment: dict[str, str] = field(default_factory=dict)  # under the app's own config vars
    warnings: list[str] = field(default_factory=list)

    @property
    def own_dockerfile(self) -> bool:
        """Whether the app's own Dockerfile is built."""
        return not self.dockerfile


@cache
def _templates() -> jinja2.Environment:
    # these render Dockerfiles, not pages; what goes in is checked by the planners
    return jinja2.Environment(
        loader=jinja2.PackageLoader("minpaas.server", "runtimes"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def render(template: str, **values: object) -> str:
    """A generated Dockerfile."""
    return _templates().get_template(template).render(**values)
