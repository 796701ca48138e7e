"""The nouns of a plan: what was decided, each decision with its reason, and what a template needs to carry it out."""

from dataclasses import dataclass, field
from typing import Literal

Runtime = Literal["python", "node", "static", "dockerfile"]
HOST = "{host}"  # in the environment of a plan: the name that visitors reach the app by
Kind = Literal["nothing", "command", "procfile", "file", "version", "path"]


class PlanError(Exception):
    """It cannot be built as it is: a title, what was found, what to do next, and a few words for git's report."""

    def __init__(self, kind: Kind, title: str, detail: str, hint: str, reason: str):
        super().__init__(f"{title}: {detail}")
        self.kind, self.title, self.detail, self.hint, self.reason = kind, title, detail, hint, reason


@dataclass(frozen=True)
class Asked:
    """What a repository asks for, and where it says so."""

    text: str
    where: str
    exact: bool = False  # one version, rather than what satisfies it


@dataclass(frozen=True)
class ConfigVar:
    """A config var that app.json asks for, or render.yaml."""

    name: str
    default: str | None = None
    required: bool = True
    generated: bool = False  # a secret to be made at the first deploy
    description: str = ""
    where: str = "app.json"


@dataclass(frozen=True)
class AddOn:
    """An add-on that app.json names and MinPaas does not provide, and the config var to set instead."""

    name: str
    sets: str


@dataclass(frozen=True)
class NodeRecipe:
    """How a Node.js tree is installed and built."""

    version: str
    manager: str  # npm, yarn, berry, pnpm, bun
    tool: str = ""  # how the manager gets into the image; empty where the stack has it
    tool_at_run: str = ""  # the same for what the start commands call
    manifests: tuple[str, ...] = ()  # what keys the dependency layer; empty: the whole tree
    before: tuple[str, ...] = ()  # commands before the install, such as heroku-prebuild
    install: str = "npm ci"
    build: tuple[str, ...] = ()
    prune: str = ""
    compiled: bool = True  # whether the install may compile something
    globally: bool = False  # whether scripts install programs for all
    writes: bool = False  # whether what is started changes node_modules
    packages: tuple[str, ...] = ()  # of the Aptfile
    environment: dict[str, str] = field(default_factory=dict)  # while building only
    empty: tuple[str, ...] = ()  # files that are made empty: commands insist on them, and config vars take their place


@dataclass(frozen=True)
class PythonRecipe:
    """How a Python tree is installed and built."""

    version: str
    manager: str  # pip, pipenv, poetry, uv
    tool: str = ""
    manifests: tuple[str, ...] = ()
    whole_tree: bool = False  # the tree is there before the install
    locked: str = ""  # requirements made of a lock file
    before: tuple[str, ...] = ()
    install: tuple[str, ...] = ()
    project: tuple[str, ...] = ()  # the app's own package, and what bin/post_compile does
    collectstatic: str = ""
    packages: tuple[str, ...] = ()  # of the Aptfile
    assets: NodeRecipe | None = None  # a Node.js build in the same tree
    changes: bool = False  # what the app's own code leaves in the tree while it is built stays
    runners: tuple[str, ...] = ()  # uv, poetry, pipenv: what its scripts call to start something


@dataclass(frozen=True)
class Rule:
    """What a site does with the paths that a regular expression matches."""

    pattern: str
    target: str  # a file, a URL, or the value of a header
    status: int = 200  # of a redirect
    name: str = ""  # of a header


@dataclass(frozen=True)
class SiteRecipe:
    """How a static site is served."""

    root: str  # folder with the pages; "." is the whole tree
    index: str = "index.html"
    fallback: str = ""  # what unknown paths get with 200: index.html of a single-page app
    not_found: str = ""  # what they get with 404
    clean: bool = True  # /about is about.html
    headers: tuple[Rule, ...] = ()
    redirects: tuple[Rule, ...] = ()
    routes: tuple[Rule, ...] = ()  # paths without a file that another file answers
    proxies: tuple[Rule, ...] = ()  # a folder of paths that a server elsewhere answers; ${NAME} is a config var
    protected: bool = False  # by BASIC_AUTH_USERNAME and BASIC_AUTH_PASSWORD, where they are set
    build: NodeRecipe | None = None  # what makes the root
    committed: str = ""  # folder of pages that were there before, for a build that makes none


@dataclass(frozen=True)
class Plan:
    """What a build will do, and why; decided before anything slow happens."""

    runtime: Runtime
    reasons: list[str]  # one sentence a choice, as the transcript prints them
    process_types: dict[str, str]  # type -> command; "" runs the image's own CMD
    version: str = ""
    version_asked: str = ""  # as the repository asks for it; empty when it does not
    manager: str = ""
    install: str = ""
    build: str = ""
    port: int = 8000
    port_known: bool = True  # else what the image exposes counts before `port`
    health_path: str = "/"
    release_command: str = ""
    postdeploy: str = ""
    formation: dict[str, int] = field(default_factory=dict)
    config_vars: list[ConfigVar] = field(default_factory=list)
    addons: list[AddOn] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)  # under the app's own config vars
    warnings: list[str] = field(default_factory=list)
    dockerfile_path: str = "Dockerfile"  # the app's own
    folder: str = ""  # of the tree, that is built; empty is all of it
    context: str = ""  # the folder that is its build context; empty is the whole tree
    arguments: dict[str, str] = field(default_factory=dict)  # build args that the repository gives
    python: PythonRecipe | None = None
    node: NodeRecipe | None = None
    site: SiteRecipe | None = None

    @property
    def own_dockerfile(self) -> bool:
        """Whether the app's own Dockerfile is built."""
        return self.runtime == "dockerfile"

    @property
    def start(self) -> str:
        """What web runs; empty for the image's own CMD."""
        return self.process_types.get("web", "")


@dataclass
class Notes:
    """What the planners say while they decide."""

    reasons: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def because(self, sentence: str) -> None:
        """A choice and its reason."""
        self.reasons.append(sentence)

    def warn(self, sentence: str) -> None:
        """What should be known."""
        self.warnings.append(sentence)
