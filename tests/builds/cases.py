"""One case for each folder of tests/apps: the plan that must come out, and what the app must answer when it is live."""

from dataclasses import dataclass, field
from pathlib import Path

APPS = Path(__file__).parent.parent / "apps"
GUNICORN = "--bind 0.0.0.0:$PORT"
# what stands for a lock file where only the plan is looked at; a deployment has one that the real tool made
STAND_INS = {
    "Pipfile.lock": '{"default": {"flask": {"version": "==3.1.2"}}}',
    "poetry.lock": "",
    "uv.lock": "version = 1\n",
    "package-lock.json": '{"lockfileVersion": 3, "packages": {}}',
    "yarn.lock": "# yarn lockfile v1\n",
    "berry yarn.lock": "__metadata:\n  version: 8\n",
    "pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
}


@dataclass(frozen=True)
class Case:
    """A folder of tests/apps, and what is right for it."""

    folder: str
    runtime: str = ""
    version: str = ""
    start: str = ""
    install: str = ""
    build: str = ""
    says: tuple[str, ...] = ()  # parts of reasons
    warns: tuple[str, ...] = ()  # parts of warnings, all of them
    lock: str = ""  # a key of STAND_INS
    refused: str = ""  # the reason that git would show
    refusal: tuple[str, ...] = ()  # parts of what is said with it
    answers: str = ""  # deployed for real: GET / contains this
    pages: dict[str, str] = field(default_factory=dict)  # further paths and what they contain
    path: str = ""

    @property
    def lock_name(self) -> str:
        """The lock file's name."""
        return self.lock.removeprefix("berry ")


NO_LOCK = "No package-lock.json"
PYTHON = [
    Case(
        "python-requirements-flask-without-procfile",
        "python",
        "3.13",
        f"gunicorn website:app {GUNICORN}",
        "uv pip install -r requirements.txt gunicorn",
        says=("Flask: app in website.py", "the default: no version is asked for"),
        answers="flask, found by its code",
    ),
    Case(
        "python-fastapi-without-procfile",
        "python",
        "3.13",
        "uvicorn app.main:api --host 0.0.0.0 --port $PORT",
        "uv pip install -r requirements.txt uvicorn[standard]",
        answers="fastapi, found by its code",
    ),
    Case(
        "python-flask-factory",
        "python",
        "3.13",
        f"gunicorn 'shop:create_app()' {GUNICORN}",
        says=("Flask: create_app() in shop/__init__.py",),
        answers="made by create_app()",
    ),
    Case(
        "python-requirements-that-include-others",
        "python",
        "3.13",
        f"gunicorn app:app {GUNICORN}",
        "uv pip install -r requirements.txt",
        answers="requirements in three files",
    ),
    Case("python-requirements-with-a-local-package", "python", answers="a local package"),
    Case("python-pip-only-options", "python", install="python -m pip install"),
    Case(
        "python-pipenv",
        "python",
        "3.13",
        f"gunicorn app:app {GUNICORN}",
        "uv pip install -r /run/minpaas/locked.txt",
        says=("Packages: Pipfile.lock",),
        lock="Pipfile.lock",
        answers="packages of Pipfile.lock",
    ),
    Case("python-pipenv-without-lock", "python", warns=("No Pipfile.lock",), answers="packages of the Pipfile"),
    Case(
        "python-poetry",
        "python",
        "3.13",
        f"gunicorn bookshop:app {GUNICORN}",
        "poetry export --only main --output /tmp/requirements.txt; uv pip install -r /tmp/requirements.txt",
        says=("pyproject.toml asks for ^3.11",),
        lock="poetry.lock",
        answers="packages of poetry.lock",
    ),
    Case(
        "python-uv",
        "python",
        "3.13",
        f"gunicorn main:app {GUNICORN}",
        "uv sync --locked --no-default-groups; uv pip install gunicorn",
        says=(".python-version asks for 3.13",),
        lock="uv.lock",
        answers="packages of uv.lock",
    ),
    Case(
        "python-uv-package-in-src",
        "python",
        install="uv sync --locked --no-default-groups --no-install-project",
        build="uv sync --locked --no-default-groups --inexact",
        lock="uv.lock",
        answers="a package in src",
    ),
    Case(
        "python-pyproject-alone",
        "python",
        "3.13",
        install="uv pip install -r pyproject.toml gunicorn",
        warns=("No lock file",),
        answers="pyproject.toml alone",
    ),
    Case("python-setup-py", "python", install="uv pip install -e .", answers="setup.py"),
    Case(
        "python-several-lock-files",
        "python",
        install="uv pip install -r requirements.txt gunicorn",
        warns=("requirements.txt is used, poetry.lock, uv.lock not",),
    ),
    Case(
        "python-version-with-comment",
        "python",
        "3.11",
        says=(".python-version asks for 3.11",),
        answers="3.11.",
    ),
    Case(
        "python-runtime-txt-of-a-patch-version",
        "python",
        "3.13",
        warns=("asks for Python 3.13.1: built with the newest 3.13.x",),
        answers="the newest 3.13",
    ),
    Case(
        "python-version-that-is-nearly-there",
        "python",
        "3.13",
        warns=("Python 3.12 cannot be had here: built with 3.13",),
        answers="3.13.",
    ),
    Case(
        "python-version-that-cannot-be-had",
        refused="Python 2.7.18 cannot be had",
        refusal=("runtime.txt asks for Python 2.7.18", "Python 3.13"),
    ),
    Case("python-requires-an-older-version", "python", "3.11", warns=("No lock file",)),
    Case("python-old-and-new-side-by-side", "python", "3.14", answers="3.14."),
    Case(
        "python-django-without-procfile",
        "python",
        "3.13",
        f"gunicorn library.wsgi:application {GUNICORN}",
        build="python manage.py collectstatic --noinput",
        says=("Django: library.wsgi.application",),
        answers="django, found by its settings",
        pages={"/static/site.css": "teal"},
    ),
    Case(
        "python-django-in-a-subfolder",
        "python",
        start=f"gunicorn --chdir backend library.wsgi:application {GUNICORN}",
        build="python backend/manage.py collectstatic --noinput",
        answers="django in backend/",
        pages={"/static/site.css": "teal"},
    ),
    Case(
        "python-django-with-node-build",
        "python",
        start=f"gunicorn library.wsgi {GUNICORN}",
        build="npm run build; python manage.py collectstatic --noinput",
        warns=(NO_LOCK,),
        answers="python first, node for the assets",
        pages={"/static/built.css": "built by node"},
    ),
    Case("python-compile-hooks", "python", build="bash bin/post_compile", answers="before\nafter"),
    Case("python-aptfile", "python", says=("System packages: cowsay",), answers="from the Aptfile"),
    Case("python-sdist-compiled-here", "python", answers="compiled here"),
    Case(
        "python-gunicorn-of-old",
        "python",
        install="uv pip install -r requirements.txt 'setuptools<81'",
        says=("setuptools before 81",),
        answers="gunicorn 20",
    ),
    Case(
        "python-pins-of-an-older-python",
        "python",
        "3.11",
        says=("pyyaml==6.0 of requirements.txt asks for <3.12",),
        answers="3.11.",
    ),
    Case(
        "python-poetry-version-beside-requirements",
        "python",
        "3.11",
        warns=("Python 3.10 cannot be had here: built with 3.11",),
        answers="3.11.",
    ),
    Case(
        "python-uv-run-in-the-procfile",
        "python",
        start="uv run --frozen gunicorn main:app",
        warns=("No lock file",),
        answers="started by uv run",
    ),
    Case("python-dash", "python", start=f"gunicorn app:server {GUNICORN}", says=("Dash: server in app.py",)),
    Case(
        "python-misspelt-requirements",
        refused="no runtime detected",
        refusal=("did you mean requirements.txt?",),
    ),
]
NODE = [
    Case(
        "node-npm-start-script",
        "node",
        "24",
        "node web.js",
        "npm ci --omit=dev",
        says=("Package manager: npm (package-lock.json)", "the start script of package.json"),
        lock="package-lock.json",
        answers="1m by npm",
    ),
    Case("node-main-without-start", "node", start="node lib/site.js", warns=(NO_LOCK,), answers="main of package.json"),
    Case("node-server-js-alone", "node", start="node server.js", warns=(NO_LOCK,), answers="server.js found"),
    Case(
        "node-yarn-classic",
        "node",
        "24",
        "yarn start",
        "yarn install --frozen-lockfile",
        lock="yarn.lock",
        answers="1m by yarn",
    ),
    Case(
        "node-yarn-berry",
        "node",
        "24",
        "node server.js",
        "yarn install --immutable",
        says=("packageManager of package.json", "instead of Plug'n'Play"),
        lock="berry yarn.lock",
        answers="1m by yarn 4",
    ),
    Case(
        "node-pnpm",
        "node",
        "24",
        "node server.js",
        "pnpm install --frozen-lockfile --prod",
        says=("pnpm 9",),
        lock="pnpm-lock.yaml",
        answers="1m by pnpm",
    ),
    Case(
        "node-several-lock-files",
        "node",
        install="yarn install",
        warns=("yarn.lock is used, package-lock.json not",),
    ),
    Case("node-nvmrc", "node", "22", says=(".nvmrc asks for v22",), warns=(NO_LOCK,), answers="v22."),
    Case("node-engines-exact", "node", "20.11.1", warns=(NO_LOCK,), answers="v20.11.1"),
    Case(
        "node-engines-that-cannot-be-had",
        refused="Node.js 0.10.x cannot be had",
        refusal=("engines of package.json", "Node.js 8 to 26"),
    ),
    Case(
        "node-build-and-prune",
        "node",
        start="node dist/server.js",
        install="npm install --include=dev",
        build="npm run build",
        says=("Afterwards: npm prune --omit=dev",),
        warns=(NO_LOCK,),
        answers="prebuild cleanup false",
    ),
    Case(
        "node-typescript-started-from-source",
        "node",
        start="tsx server.ts",
        says=("devDependencies stay: web starts tsx",),
        warns=(NO_LOCK,),
        answers="started from TypeScript",
    ),
    Case(
        "node-next-11",
        "node",
        "16",
        start="next start -H 0.0.0.0",
        says=("next 11 does not build with a newer one",),
        warns=(NO_LOCK,),
    ),
    Case(
        "node-start-that-builds-first",
        "node",
        start="npm start",
        says=("devDependencies stay: web starts tsc",),
        warns=(NO_LOCK,),
    ),
    Case(
        "node-nest-start-prod",
        "node",
        start="node dist/main",
        build="npm run build",
        says=("start is for development",),
        warns=(NO_LOCK,),
        answers="a controller of Nest",
    ),
    Case("node-next", "node", start="next start", build="npm run build", warns=(NO_LOCK,), answers="a page of Next.js"),
    Case(
        "node-sveltekit",
        "node",
        start="node build",
        says=("SvelteKit with adapter-node",),
        warns=(NO_LOCK,),
        answers="a page of SvelteKit",
    ),
    Case("node-workspaces", "node", warns=(NO_LOCK,), answers="words of a workspace"),
    Case("node-native-addon", "node", warns=(NO_LOCK,), answers="compiled here"),
    Case("node-no-start-command", refused="no start command", refusal=('"start": "node FILE"',)),
    Case("node-broken-package-json", refused="bad package.json", refusal=("line 3",)),
]
PAGES = [
    Case(
        "front-end-vite",
        "static",
        "24",
        "serve-site",
        build="npm run build",
        says=("dist/ is served, index.html for unknown paths",),
        warns=(NO_LOCK,),
        answers="a page built by vite",
        pages={"/some/path": "a page built by vite"},
    ),
    Case(
        "front-end-create-react-app",
        "static",
        "24",
        says=("(react-scripts start) is a development server", "build/ is served"),
        warns=(NO_LOCK,),
    ),
    Case(
        "front-end-started-by-an-alias",
        "static",
        "24",
        says=("its start script (vite) is a development server; dist/ is served",),
        warns=(NO_LOCK,),
        answers="start calls dev",
    ),
    Case(
        "front-end-nuxt-generate",
        "static",
        "24",
        build="npm run generate",
        says=(".output/public/ is served",),
        warns=(NO_LOCK,),
    ),
    Case("front-end-angular", "static", "24", says=("dist/shop/browser/ is served",), warns=(NO_LOCK,)),
    Case(
        "front-end-astro",
        "static",
        "24",
        says=("Astro front end", "dist/ is served"),
        warns=(NO_LOCK,),
        answers="a page of Astro",
    ),
    Case(
        "front-end-built-for-a-folder",
        "static",
        says=("dist/ is served",),
        warns=(NO_LOCK,),
        pages={"/shop/": "a page for a folder", "/shop/deep": "a page for a folder"},
    ),
    Case(
        "front-end-with-an-output-of-its-own",
        "static",
        says=("gulp front end: its start script (gulp serve) is a development server",),
        warns=(NO_LOCK,),
        answers="pages where nobody expects them",
    ),
    Case(
        "front-end-bundled-into-public",
        "static",
        says=("public/ is served",),
        warns=(NO_LOCK,),
        answers="a page beside its bundle",
        pages={"/bundle.js": "bundled"},
    ),
    Case("static-with-tools-only", "static", answers="a page with tools", pages={"/index.js": "and a script"}),
    Case("static-in-docs", "static", says=("Served: docs/",), answers="a page in docs"),
    Case(
        "static-passed-on-by-php",
        "static",
        says=("Static site, by home.html",),
        warns=("PHP is not run here",),
        answers="the home page",
        pages={"/about.html": "about it"},
    ),
    Case(
        "static-json-with-routes",
        "static",
        says=("Unknown paths get index.html",),
        answers="the first page",
        pages={"/about": "about", "/admin/people": "for its people", "/deep/down": "the first page"},
    ),
    Case("static-index-html", "static", start="serve-site", answers="a static page"),
    Case("static-public-folder", "static", says=("Served: public/",), answers="in public"),
    Case("static-staticfile", "static", answers="every path", pages={"/deep/down": "every path"}),
    Case("static-json-of-heroku", "static", answers="static.json", pages={"/about": "about", "/else": "static.json"}),
]
FILES = [
    Case("dockerfile-with-expose", "dockerfile", says=("Port: 5000 (EXPOSE)",), answers="port 5000 without False"),
    Case(
        "dockerfile-beside-procfile",
        "dockerfile",
        start="python3 server.py",
        says=("web of the Procfile", "Further process types: worker"),
        answers="web of the Procfile",
    ),
    Case(
        "dockerfile-named-by-heroku-yml",
        "dockerfile",
        start="python3 server.py --port $PORT",
        says=("service/Dockerfile", "Release command: python3 release.py", "Further process types: worker"),
        warns=("mailer of heroku.yml has a Dockerfile of its own", "set DATABASE_URL instead"),
        answers="hello from heroku.yml, built in its folder",
    ),
    Case(
        "dockerfile-of-another-name",
        "dockerfile",
        says=("Dockerfile.prod says how to build", "Port: 8123 (ENV PORT)"),
        answers="Dockerfile.prod",
    ),
    Case(
        "dockerfile-with-port-in-fly-toml",
        "dockerfile",
        says=("named by fly.toml", "Port: 7070 (internal_port of fly.toml)"),
        answers="the port of fly.toml",
    ),
    Case(
        "dockerfile-beside-buildpacks",
        "python",
        says=("app.json asks for the python buildpack: the Dockerfile is not used",),
        answers="the buildpack was asked for",
    ),
    Case(
        "procfile-with-release-and-workers",
        "python",
        start="python server.py",
        says=("Release command: python migrate.py", "Further process types: worker, mail-sender"),
        answers="web",
    ),
    Case("procfile-with-an-error", refused="bad Procfile", refusal=("line 2",)),
    Case(
        "app-json-of-heroku",
        "python",
        says=(
            "After the first deploy: python seed.py",
            "Health check: GET /health",
            "Config vars asked for: SECRET_KEY",
        ),
        warns=("heroku-postgresql of app.json is not provided: set DATABASE_URL", "set CACHE_URL", "papertrail"),
    ),
    Case("app-json-with-an-error", refused="bad app.json", refusal=("line 5",)),
    Case("monorepo-with-a-subfolder", "python", start="python server.py", path="services/api"),
    Case(
        "railway-json-start-command",
        "python",
        start="python serve.py",
        says=("Start: python serve.py (railway.json)", "Health check: GET /health"),
    ),
    Case(
        "railway-json-pre-deploy-command",
        "python",
        start="python serve.py",
        says=("Release command: python migrate.py && python seed.py",),
    ),
    Case(
        "render-yaml-with-scripts-and-a-worker",
        "python",
        start="./start.sh",
        says=("Release command: uv run -m migrate",),
        warns=(
            "buildCommand of render.yaml (./build.sh) is not run",
            "minpaas config:set for DATABASE_URL, PAGE_SIZE",
            "mailer of render.yaml is not started: add it to a Procfile, as  worker: python mailer.py --every 5",
            "No lock file",
        ),
        answers="started by a script that calls uv",
    ),
    Case("monorepo-of-two-apps", refused="no runtime detected", refusal=("apps seem to be in backend/, frontend/",)),
    Case("monorepo-of-pages", refused="no runtime detected", refusal=("--path frontend, or set PROJECT_PATH",)),
    Case("render-yaml-start-command", "python", start="python serve.py", says=("(render.yaml)",)),
    Case("ruby-that-needs-a-dockerfile", refused="Ruby needs a Dockerfile", refusal=("bring a Dockerfile",)),
]
CASES = [*PYTHON, *NODE, *PAGES, *FILES]
