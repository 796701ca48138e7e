"""Failures that are met often: each says what it is, why, and what to do next; the raw output stays above."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from minpaas.plan import Folder
from minpaas.server import failures
from minpaas.server.clues import Case
from minpaas.server.errors import AppCrashed, DeployFailed, NotListening
from tests.conftest import Checkout, Platform

pytestmark = [pytest.mark.timeout(600), pytest.mark.spread]

FLASK = {
    "requirements.txt": "flask\ngunicorn\n",
    "Procfile": "web: gunicorn app:app\n",
    "app.py": "from flask import Flask\n\napp = Flask(__name__)\n",
}
NPM_CI = "FROM minpaas/node:24-build\nCOPY package.json .\nRUN npm ci --no-audit --no-fund\n"
LOCK = (
    '{"name": "a", "lockfileVersion": 3, "packages": {"": {"name": "a", "dependencies": {"ms": "2.1.3"}}, '
    '"node_modules/ms": {"version": "2.1.3"}}}'
)


@dataclass
class Failure:
    """What is pushed, and what must be said about it."""

    name: str
    files: dict[str, str | None]
    title: str
    said: tuple[str, ...]
    reason: str = "build failed"


def compiling(script: str) -> dict[str, str | None]:
    """A Python app whose bin/post_compile does something."""
    return {**FLASK, "bin/post_compile": script}


def node(build: str = "") -> dict[str, str | None]:
    """A Node.js app without dependencies that is built by a command."""
    scripts = {"start": "node server.js", **({"build": build} if build else {})}
    return {"package.json": json.dumps({"name": "a", "scripts": scripts}), "server.js": ""}


FAILURES = [
    Failure(
        "no pages",
        {
            "package.json": '{"name": "a", "scripts": {"build": "node build.js"}, "devDependencies": {"gulp": "^5"}}',
            "build.js": "console.log('made nothing')",
        },
        "The build made no pages",
        ("no index.html in dist/", "root: FOLDER"),
    ),
    Failure(
        "missing lock file",
        {"Dockerfile": NPM_CI, "package.json": '{"name": "a", "dependencies": {"ms": "2.1.3"}}'},
        "There is no lock file",
        ("npm ci", "make it anew (npm install)"),
    ),
    Failure(
        "wrong lock file",
        {
            "package.json": '{"name": "a", "dependencies": {"ms": "2.1.3", "is-odd": "3.0.1"}, "main": "a.js"}',
            "package-lock.json": LOCK,
            "a.js": "",
        },
        "The lock file does not fit",
        ("is-odd", "make it anew (npm install)"),
    ),
    Failure(
        "package not found",
        {**FLASK, "requirements.txt": "no-such-package-of-minpaas==1.0\n"},
        "A package was not found",
        ("no-such-package-of-minpaas", "check its name and version"),
    ),
    Failure(
        "native build without its library",
        compiling('printf "#include <zbar.h>\\n" > a.c && cc -c a.c\n'),
        "A native build misses a library",
        ("fatal error: zbar.h", "Aptfile with the line  libzbar-dev"),
    ),
    Failure(
        "out of memory", compiling("kill -9 $$\n"), "The build ran out of memory", ("NODE_OPTIONS", "ended with 137")
    ),
    Failure(
        "version not to be had",
        {**FLASK, "runtime.txt": "python-2.7.18\n"},
        "Python 2.7.18 cannot be had here",
        ("runtime.txt asks for Python 2.7.18", "Python 3.13"),
        "Python 2.7.18 cannot be had",
    ),
    Failure(
        "no start command",
        {"requirements.txt": "flask\n"},
        "No start command was found",
        ("Procfile with the line  web:",),
        "no start command",
    ),
    Failure(
        "syntax error in app.json",
        {**FLASK, "app.json": '{\n  "env": {\n    "A": 1,\n  }\n}\n'},
        "app.json cannot be read",
        ("line 4", "mend app.json"),
        "bad app.json",
    ),
    Failure(
        "connection reset",
        compiling("python -c \"raise ConnectionResetError(104, 'Connection reset by peer')\"\n"),
        "The network failed during the build",
        ("Connection reset by peer", "push again"),
    ),
    Failure(
        "disk full",
        compiling("echo something > /dev/full\n"),
        "The disk is full",
        ("No space left on device", "docker builder prune"),
    ),
    Failure(
        "requirement that cannot be read",
        {**FLASK, "requirements.txt": "gunicorn\n# the web\nflask=3.1\n"},
        "A requirement cannot be read",
        ("requirements.txt, line 3: 'flask=3.1'",),
    ),
    Failure(
        "part of Python among the requirements",
        {**FLASK, "requirements.txt": "flask\nsqlite3\n"},
        "A package was not found",
        ("remove sqlite3 from requirements.txt: it comes with Python",),
    ),
    Failure(
        "package for an older Python",
        {**FLASK, "requirements.txt": "onnxruntime==1.14.0\n"},
        "A package asks for another Python",
        ("onnxruntime==1.14.0 has no files for Python 3.13", ".python-version with the line  3.9"),
    ),
    Failure(
        "git dependency that cannot be reached",
        {**FLASK, "requirements.txt": "flask\nlib @ git+https://git.example.invalid/acme/lib.git\n"},
        "git.example.invalid cannot be reached",
        ("curl -I https://git.example.invalid",),
    ),
    Failure(
        "git dependency by ssh",
        {**FLASK, "requirements.txt": "flask\nlib @ git+ssh://git@git.example.invalid/acme/lib.git\n"},
        "A dependency is in a private git repository",
        ("ssh://git@git.example.invalid/acme/lib.git wants a key", "GITHUB_TOKEN"),
    ),
    Failure(
        "program of a script that is not installed",
        node(build="vite build"),
        "vite was not found",
        ("npm install vite",),
    ),
    Failure("script that is missing", node(build="npm run compile"), "A script is missing", ("named compile",)),
    Failure(
        "folder that is missing", node(build="cd client && npm install"), "A file is missing", ("client is not there",)
    ),
    Failure(
        "heap of Node.js",
        {
            **node(build="NODE_OPTIONS=--max-old-space-size=40 node eat.js"),
            "eat.js": "a=[];while(1)a.push(`${Math.random()}`)",
        },
        "The build ran out of memory",
        ("config:set NODE_OPTIONS=--max-old-space-size=4096",),
    ),
    Failure(
        "config var that the build reads",
        compiling("python -c \"import os; os.environ['API_KEY']\"\n"),
        "The config var API_KEY is not set",
        ("minpaas config:set API_KEY=... -a app-",),
    ),
    Failure(
        "module that is spelt otherwise",
        {**node(build="node -e \"require('./lib/Mailer')\""), "lib/mailer.js": ""},
        "A module was not found",
        ("the file is named lib/mailer.js", "write it as mailer.js"),
    ),
]
STARTS = [
    Failure(
        "server that is not installed",
        {**FLASK, "requirements.txt": "flask\n"},
        "gunicorn was not found",
        ("add gunicorn to requirements.txt",),
        "app exited with 127",
    ),
    Failure(
        "module of the start command",
        {**FLASK, "Procfile": "web: gunicorn --workers 1 site:app\n", "site.py": None, "app.py": FLASK["app.py"]},
        "The start command names an application that is not there",
        ("web: gunicorn app:app",),
        "app exited with 4",
    ),
    Failure(
        "module that is not among the requirements",
        {**FLASK, "Procfile": "web: gunicorn --workers 1 app:app\n", "app.py": "import bs4\n" + str(FLASK["app.py"])},
        "The module bs4 was not found",
        ("add beautifulsoup4 to requirements.txt",),
        "app exited with 3",
    ),
    Failure(
        "config var at the start",
        {
            **FLASK,
            "Procfile": "web: gunicorn --workers 5 app:app\n",
            "app.py": "import os\nA = os.environ['MAIL_KEY'], os.getenv('MAIL_HOST')\n",
        },
        "The config var MAIL_KEY is not set",
        ("config:set MAIL_KEY=... -a app-", "also reads MAIL_HOST"),
        "app exited with",
    ),
    Failure(
        "module of Node.js that is not installed",
        {**node(), "server.js": "require('express')()"},
        "A module was not found",
        ("npm install express",),
        "app exited with 1",
    ),
    Failure(
        "module without its ending",
        {**node(), "server.mjs": "import './utils'", "utils.js": "", "Procfile": "web: node server.mjs\n"},
        "A module was not found",
        ("without its ending .js", "import it with its ending, utils.js"),
        "app exited with 1",
    ),
    Failure(
        "command that ends",
        node(),
        "The app stopped before it answered",
        ("its command ends by itself",),
        "app exited with 0",
    ),
    Failure(
        "database in the app's own container",
        {**node(), "server.js": "require('net').connect(27017, 'localhost'); process.env.MONGO_URL"},
        "The app finds no MongoDB",
        ("config:set MONGO_URL=mongodb://", "networks:attach"),
        "app exited with 1",
    ),
    Failure(
        "release command without a database",
        {
            **FLASK,
            "Procfile": "release: python move.py\nweb: gunicorn app:app\n",
            "move.py": "import socket; socket.create_connection(('127.0.0.1', 5432))",
        },
        "The release command failed",
        ("python move.py ended with 1: ConnectionRefusedError",),
        "release command failed",
    ),
    Failure(
        "script that may not be run",
        {**FLASK, "Procfile": "web: ./start.sh\n", "start.sh": "#!/bin/sh\nexec gunicorn app:app\n"},
        "./start.sh may not be run",
        ("git update-index --chmod=+x ./start.sh",),
        "app exited with 126",
    ),
    Failure(
        "program that has ended inside of another",
        {**node(), "server.js": "require('express')()", "Procfile": "web: node --watch server.js\n"},
        "A module was not found",
        ("runs on, but the program that it started has ended", "npm install express"),
        "the program has ended, and what started it waits",
    ),
    Failure(
        "development server on a port of its own",
        {**FLASK, "Procfile": "web: flask run\n"},
        "The app does not listen where it must",
        ("it listens on 127.0.0.1:5000", "flask run --host 0.0.0.0 --port $PORT"),
        "app listens on 127.0.0.1:5000, PORT was 8000",
    ),
]


@pytest.mark.parametrize("failure", [*FAILURES, *STARTS], ids=lambda failure: failure.name.replace(" ", "-"))
def test_a_failure_says_what_it_is_and_what_to_do(
    stacks: Platform, checkout: Checkout, app: str, failure: Failure
) -> None:
    checkout.commit({name: text for name, text in failure.files.items() if text is not None})
    stacks.request("POST", "/apps", {"name": app})
    stacks.request("PUT", f"/apps/{app}/checks", {"timeout": 8})  # seconds; not the whole 60 that a start may take
    pushed = stacks.push(checkout, app)
    assert pushed.returncode == 1
    assert f"({failure.reason}" in pushed.stdout, pushed.stdout
    assert f" !     {failure.title}" in pushed.stdout, pushed.stdout
    last = "\n".join(pushed.stdout.splitlines()[-12:])
    assert "Next: " in last
    for words in failure.said:
        assert words in pushed.stdout, pushed.stdout


def said(text: str, *, build: bool = False, **known: object) -> DeployFailed:
    """What is made of a tool's text, of an app of which so much is known."""
    case = Case(**{"app": "shop", "runtime": "python", "version": "3.13", **known})  # type: ignore[arg-type]
    if build:
        return failures.explain("a step ended with 1", text.splitlines(), "exit code: 1", case)
    error = AppCrashed("web.1 exited with 1")
    failures.enrich(error, text.splitlines(), case)
    return error


# what the tools print (a few lines of it), the title, and a part of the cause or of the next step
BUILDS = (
    ("npm error code ETARGET\nnpm error notarget No matching version found for express@99.0.0.", "A package was not found", "express@99.0.0 is not"),
    ("npm error 404 Not Found - GET - Not found\nnpm error 404  'no-such@1.0.0' is not in this registry.", "A package was not found", "no-such is not"),
    ("error Couldn't find any versions for \"express\" that matches \"^99\"", "A package was not found", "express is not"),
    ("➤ YN0035: │ no-such@npm:^1: Package not found", "A package was not found", "no-such is not"),
    (" ERR_PNPM_NO_MATCHING_VERSION  No matching version found for express@^99", "A package was not found", "express@^99 is not"),
    ("    cause: Because no-such was not found in the package registry and you require no-such", "A package was not found", "no-such is not"),
    ("  ╰─▶ Because there is no version of django==99.0 and you require django==99.0", "A package was not found", "django==99.0"),
    ("cause: Because pkg-resources was not found in the package registry and you require pkg-resources==0.0.0", "A package was not found", "remove the line pkg-resources==0.0.0"),
    (" ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with \"frozen-lockfile\"", "The lock file does not fit", "make it anew"),
    ("error Your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`.", "The lock file does not fit", "make it anew"),
    ("➤ YN0028: │ The lockfile would have been modified by this install, which is explicitly forbidden.", "The lock file does not fit", "make it anew"),
    ("➤ YN0028: │ The lockfile would have been created by this install, which is explicitly forbidden.", "There is no lock file", "git add it"),
    ("error: The lockfile at `uv.lock` needs to be updated, but `--locked` was provided.", "The lock file does not fit", "make it anew"),
    ("pyproject.toml changed significantly since poetry.lock was last generated.", "The lock file does not fit", "make it anew"),
    ("error: Failed to parse `uv.lock`\n  cause: TOML parse error at line 1, column 1", "The lock file cannot be read", "delete it"),
    ("error An unexpected error occurred: \"Unknown token: { line: 4, col: 2 } 4:2 in /app/yarn.lock\".", "The lock file cannot be read", "delete it"),
    ("npm error code EINTEGRITY\nnpm error sha512-AAAA integrity checksum failed when using sha512", "A package is not the one of the lock file", "delete the lock file"),
    ("npm error code ERESOLVE\nnpm error Found: react@17.0.2\nnpm error peer react@\"^18.3.1\" from react-dom@18.3.1", "Packages do not go together", "legacy-peer-deps=true"),
    ("  cause: Because a==1 depends on b==2 and you require b==3, we can conclude that your requirements are unsatisfiable.", "Packages do not go together", "a==1 depends on b==2"),
    ("AttributeError: module 'pkgutil' has no attribute 'ImpImporter'. Did you mean: 'zipimporter'?", "A package does not go with Python 3.13", "line  3.11"),
    ("error vite@7.0.0: The engine \"node\" is incompatible with this module.", "A package asks for another Node.js", "engines"),
    ("You are using Node.js 16.20.2. Vite requires Node.js version 20.19+ or 22.12+.", "A package asks for another Node.js", "20.19+"),
    ("  opensslErrorStack: [ 'error:03000086' ],\n  code: 'ERR_OSSL_EVP_UNSUPPORTED'", "The build tool does not go with this Node.js", "16.x"),
    ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "The build ran out of memory", "--max-old-space-size=4096"),
    ("Error: pg_config executable not found.\n\npg_config is required to build psycopg2", "A native build misses a library", "libpq-dev"),
    ("cups/http.h: x\ncupsmodule.h:32:10: fatal error: cups/http.h: No such file or directory", "A native build misses a library", "libcups2-dev"),
    ("Package cairo was not found in the pkg-config search path.\nto the PKG_CONFIG_PATH environment variable", "A native build misses a library", "libcairo2-dev"),
    ("ERROR: CMake must be installed to build dlib", "A native build misses a library", "line  cmake "),
    ("OSError: Could not find library geos_c or load any of its variants ['libgeos_c.so.1']", "A native build misses a library", "libgeos-dev"),
    ("npm error code ECONNRESET\nnpm error network aborted", "The network failed during the build", "push again"),
    ("Error: next/font: error:\nFailed to fetch `Geist Mono` from Google Fonts.", "Google Fonts cannot be reached", "next/font/local"),
    ("npm error network request to https://codeload.github.com/a/b failed, reason: getaddrinfo ENOTFOUND codeload.github.com", "codeload.github.com cannot be reached", "curl -I https://codeload.github.com"),
    ("npm error command git --no-replace-objects ls-remote ssh://git@github.com/acme/lib.git\nnpm error ssh -oX: 1: ssh: not found", "A dependency could not be fetched from git", "ssh://git@github.com/acme/lib.git"),
    ("remote: Repository not found.\nfatal: repository 'https://github.com/acme/lib.git/' not found", "A dependency is in a private git repository", "GITHUB_TOKEN"),
    ("OSError: [Errno 28] No space left on device", "The disk is full", "docker builder prune"),
    ("error: Distribution not found at: file:///croot/flask_1671217343210/work", "requirements.txt names files of another machine", "pip list --format=freeze"),
    ("error: Unexpected '<', expected '-c', '-e', '-r' or the start of a requirement: requirements.txt:2:1", "A requirement cannot be read", "requirements.txt, line 2"),
    ("GIVEN VALUE: x\nconfiguration error: `project.dependencies[0]` must be pep508\nGIVEN VALUE:\n  \"flask=3\"", "A requirement cannot be read", "flask=3"),
    ("cause: Because the current Python version (3.13.5) does not satisfy Python>=3.8,<3.12 and a==1 depends on Python>=3.8,<3.12", "A package asks for another Python", "line  3.11"),
    ("Because pywin32==306 has no wheels with a matching Python ABI tag (e.g., `cp313`)", "A package is not for this system", "sys_platform"),
    ("error: Failed to build `psycopg2==2.7.3`\nerror: invalid use of incomplete typedef ‘PyInterpreterState’", "A package does not go with Python 3.13", "psycopg2==2.7.3"),
    ("error: Failed to build `markupsafe==1.0`\nImportError: cannot import name 'Feature' from 'setuptools' (x)", "A package is too old to be installed", "markupsafe==1.0"),
    ("error: Failed to build `x==1`\nerror: command '/usr/bin/x86_64-linux-gnu-gcc' failed with exit code 1", "A native build failed", "x==1 is compiled here"),
    ("gyp ERR! build error", "A native build failed", "Node.js"),
    ("src/a.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.", "TypeScript finds errors", "src/a.ts(3,7)"),
    ("error TS7016: Could not find a declaration file for module 'cors'.", "The types of cors are missing", "@types/cors"),
    ("Treating warnings as errors because process.env.CI = true.", "ESLint's warnings end the build", "CI=false"),
    ("Module not found: Error: Can't resolve './header' in '/app/src'", "A module was not found", "has no such file"),
    ("Error: > Couldn't find any `pages` or `app` directory. Please create one under the project root", "Next.js finds no pages", "PROJECT_PATH"),
    ("Error: Please define the MONGODB_URI environment variable inside .env.local", "The config var MONGODB_URI is not set", "config:set MONGODB_URI=... -a shop"),
    ("Error code: P1012\nerror: Environment variable not found: DATABASE_URL.", "The config var DATABASE_URL is not set", "config:set DATABASE_URL"),
    ("django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.", "The config var SECRET_KEY is not set", "config:set SECRET_KEY"),
    ("npm error Missing script: \"build:client\"", "A script is missing", "named build:client"),
    ("sh: 1: husky: not found", "husky was not found", "husky || true"),
    ('failed to do request: Head "https://example.org/v2/library/node/manifests/20-alpine": no such host', "A base image could not be fetched", "node:20-alpine is not"),
    ('[2/3] COPY packge.json . ended with "/packge.json" not found', "A file is missing", "copies packge.json"),
    ('npm error code EUNSUPPORTEDPROTOCOL\nnpm error Unsupported URL Type "workspace:": workspace:*', "A package of the monorepo is missing", "--path ."),
    ("npm error code E401\nnpm error 401 Unauthorized - GET https://npm.example.org/@acme%2fui", "The package registry refuses the login", "NPM_TOKEN=..."),
    ("Error: Failed to replace env in config: ${NPM_TOKEN}", "The package registry refuses the login", "NPM_TOKEN=..."),
    ("ZodError: [\n  {\n    \"code\": \"invalid_type\",\n    \"path\": [\n      \"DATABASE_URL\"\n    ],", "The config var DATABASE_URL is not set", "shop"),
    ("ERROR: Failed to set up chrome v131.0.6778.204! Set \"PUPPETEER_SKIP_DOWNLOAD\" env variable", "There is no browser", "line  chromium "),
    ("something else\nValueError: 5 is not 6", "The build failed", "ValueError: 5 is not 6"),
    ("something else", "The build failed", "a step ended with 1"),
)  # fmt: skip
STARTED = (
    ("  File \"<frozen os>\", line 717, in __getitem__\nKeyError: 'SECRET_KEY'", "The config var SECRET_KEY is not set", "config:set SECRET_KEY"),
    ("    ALLOWED_HOSTS = os.environ.get(\"ALLOWED_HOSTS\").split(\" \")\n    ^^^^^^\nAttributeError: 'NoneType' object has no attribute 'split'", "The config var ALLOWED_HOSTS is not set", "config:set ALLOWED_HOSTS"),
    ("    port = int(os.getenv('MAIL_PORT'))\nTypeError: int() argument must be a string or a real number, not 'NoneType'", "The config var MAIL_PORT is not set", "shop"),
    ("django.core.exceptions.ImproperlyConfigured: Set the DJANGO_SECRET_KEY environment variable", "The config var DJANGO_SECRET_KEY is not set", "shop"),
    ("decouple.UndefinedValueError: SECRET_KEY not found. Declare it as envvar or define a default value.", "The config var SECRET_KEY is not set", "shop"),
    ("ValidationError: 2 validation errors for Settings\ndatabase_url\n  Field required [type=missing]\njwt_key\n  Field required [x]", "The config var DATABASE_URL is not set", "also reads JWT_KEY"),
    ("OpenAIError: The OPENAI_API_KEY environment variable is missing or empty", "The config var OPENAI_API_KEY is not set", "shop"),
    ("TypeError: expected token to be a str, received NoneType instead", "A key or token is not set", "config:set"),
    ("Error [TokenInvalid]: An invalid token was provided.", "A key or token is not set", "config:set"),
    ("MongooseError: The `uri` parameter to `openUri()` must be a string, got \"undefined\".", "The address of MongoDB is not set", "MONGODB_URI=mongodb://"),
    ("sqlalchemy.exc.NoSuchModuleError: Can't load plugin: sqlalchemy.dialects:postgres", "DATABASE_URL begins with postgres://", "postgresql://"),
    ("django.core.exceptions.ImproperlyConfigured: settings.DATABASES is improperly configured.", "The address of the database is not set", "DATABASE_URL"),
    ("psycopg2.OperationalError: connection to server at \"localhost\" (127.0.0.1), port 5432 failed: Connection refused", "The app finds no PostgreSQL", "DATABASE_URL=postgres://"),
    ("psycopg2.OperationalError: connection to server on socket \"/var/run/postgresql/.s.PGSQL.5432\" failed", "The app finds no PostgreSQL", "DATABASE_URL=postgres://"),
    ("MongooseServerSelectionError: connect ECONNREFUSED ::1:27017, connect ECONNREFUSED 127.0.0.1:27017", "The app finds no MongoDB", "MONGODB_URI"),
    ("Error: connect ECONNREFUSED ::1:6379", "The app finds no Redis", "REDIS_URL=redis://"),
    ("pymongo.errors.ServerSelectionTimeoutError: localhost:27017: [Errno 111] Connection refused", "The app finds no MongoDB", "MONGODB_URI"),
    ("redis.exceptions.ConnectionError: Error 99 connecting to localhost:6379. Cannot assign requested address.", "The app finds no Redis", "REDIS_URL=redis://"),
    ("pymysql.err.OperationalError: (2003, \"Can't connect to MySQL server on 'localhost' ([Errno 99] Cannot", "The app finds no MySQL", "mysql://"),
    ("HostNotFoundError [SequelizeHostNotFoundError]: getaddrinfo ENOTFOUND db", "There is no host db", "networks:attach"),
    ("OperationalError: could not translate host name \"db\" to address: Name or service not known", "There is no host db", "networks:attach"),
    ("OperationalError: FATAL:  password authentication failed for user \"app\"", "The database refuses the login", "DATABASE_URL"),
    ("django.db.utils.OperationalError: no such table: auth_user", "The database has no tables", "web: python manage.py migrate && "),
    ('psycopg2.errors.UndefinedTable: relation "auth_user" does not exist', "The database has no tables", "release: python manage.py migrate"),
    ("CommandError: Can't find msgfmt. Make sure you have GNU gettext tools 0.15 or newer installed.", "msgfmt was not found", "line  gettext "),
    ("sqlite3.OperationalError: table person already exists", "The tables are made more than once", "WEB_CONCURRENCY=1"),
    ("ModuleNotFoundError: No module named 'audioop'", "A package does not go with Python 3.13", "line  3.11"),
    ("ModuleNotFoundError: No module named 'pkg_resources'", "The module pkg_resources was not found", "add setuptools<81 to requirements.txt"),
    ("ModuleNotFoundError: No module named 'urllib2'", "The code is of Python 2", "urllib2"),
    ("SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?", "The code is of Python 2", "print"),
    ("RuntimeError: __class__ not set defining 'AbstractBaseUser' as <class 'x'>. Was __classcell__ propagated?", "Django is too old for Python 3.13", "1.11.29"),
    ("bash: line 1: make: command not found", "make was not found", "line  make "),
    ("ModuleNotFoundError: No module named 'sklearn.linear_model.base'", "The model was saved by another version of scikit-learn", "scikit-learn==..."),
    ("/bin/sh: 1: exec: node server.js: not found", "The command is in quotes", "node server.js"),
    ("[FATAL tini (7)] exec ./run.sh failed: Permission denied", "./run.sh may not be run", "--chmod=+x ./run.sh"),
    ("[FATAL tini (7)] exec ./run.sh failed: No such file or directory", "./run.sh was not found", "which is not there"),
    ("ModuleNotFoundError: No module named 'cv2'", "The module cv2 was not found", "add opencv-python-headless to requirements.txt"),
    ('ConfigurationError: The "dnspython" module must be installed to use mongodb+srv:// URIs', "The module dnspython was not found", "add dnspython"),
    ('RuntimeError: Form data requires "python-multipart" to be installed.', "The module python-multipart was not found", "add python-multipart"),
    ("ImportError: libGL.so.1: cannot open shared object file: No such file or directory", "A library is missing", "opencv-python-headless"),
    ("ImportError: libgomp.so.1: cannot open shared object file: No such file or directory", "A library is missing", "line  libgomp1 "),
    ("ValueError: numpy.dtype size changed, may indicate binary incompatibility.", "A package does not go with this numpy", "numpy<2"),
    ("PermissionError: [Errno 13] Permission denied: '/data'", "The app may not write to /data", "below /app"),
    ("ImportError: cannot import name 'url_quote' from 'werkzeug.urls' (/venv/x.py)", "Two packages do not go together", "pip freeze"),
    ("  File \"/app/app.py\", line 3\n    def x(:\n          ^\nSyntaxError: invalid syntax", "The code has a syntax error", "at app.py, line 3"),
    ('  File "/venv/lib/python3.13/site-packages/django/contrib/admin/widgets.py", line 151\n    "%s" % x\n\nSyntaxError: invalid', "A package does not go with Python 3.13", "django is written"),
    ("[ERROR] Worker (pid:9) was sent SIGKILL! Perhaps out of memory?", "The app ran out of memory", "limits:set shop"),
    ("SyntaxError: Cannot use import statement outside a module", "Node.js cannot load the code as it is", "\"type\": \"module\""),
    ("Error: listen EADDRINUSE: address already in use :::8000", "The app listens twice on its port", "listen once"),
    ("Error: listen EACCES: permission denied 0.0.0.0:80", "The app listens on port 80", "0.0.0.0:$PORT"),
    ("Error: Could not find a production build in the '.next' directory.", "A file is missing", ".next is not there"),
    ("Error: env must have required property 'MYSQL_HOST'", "The config var MYSQL_HOST is not set", "config:set MYSQL_HOST"),
    (" Missing environment variables:\n    JWT_SECRET: undefined", "The config var JWT_SECRET is not set", "config:set JWT_SECRET"),
    ('Error: Middleware "strapi::session": App keys are required. Please set app.keys in config/server.js', "A key or token is not set", "config:set"),
    ("AppInitializationError: Signing secret not found, so could not initialize the default receiver.", "A key or token is not set", "config:set"),
    ("Error: Bot Token is required", "A key or token is not set", "config:set"),
    ("TypeError: JwtStrategy requires a secret or key", "A key or token is not set", "config:set"),
    ("sh: 1: tsc: not found", "tsc was not found", "npm install typescript"),
    ("sh: 1: SET: not found", "SET was not found", "cross-env NAME=VALUE COMMAND"),
    ("Error: Cannot find module '@/config'\nRequire stack:\n- /app/dist/index.js", "A module was not found", "tsc-alias"),
    ("Error: Dialect needs to be explicitly supplied as of v4.0.0", "The address of the database is not set", "DATABASE_URL"),
    ("Error [ERR_UNSUPPORTED_DIR_IMPORT]: Directory import '/app/src/routes' is not supported", "Node.js cannot load the code as it is", "src/routes/index.js"),
    ("node: .env: not found", "The file .env is not in the repository", "config:import .env -a shop"),
    ('Error: @prisma/client did not initialize yet. Please run "prisma generate"', "Prisma's client was not made", '"postinstall": "prisma generate"'),
    ("Error: Could not locate the bindings file. Tried:\n → /app/node_modules/.pnpm/a@1/node_modules/better-sqlite3/build/a.node", "better-sqlite3 was not compiled", "pnpm approve-builds"),
    ("Error: /app/server/node_modules/bcrypt/lib/binding/bcrypt_lib.node: invalid ELF header", "A package was installed on another machine", "git rm -r --cached server/node_modules"),
    ("Error: Could not find Chrome (ver. 131.0.6778.204).", "There is no browser", "line  chromium "),
    ("TypeError: Cannot read properties of undefined (reading 'split')", "The app stopped before it answered", "TypeError: Cannot read properties"),
)  # fmt: skip


@pytest.mark.parametrize("output, title, words", BUILDS, ids=lambda one: one.strip().splitlines()[0][:30])
def test_what_tools_print_is_understood(output: str, title: str, words: str) -> None:
    error = said(output, build=True)
    assert error.title == title, f"{error} {error.hint}"
    assert error.detail.startswith("a step ended with 1")
    assert words in f"{error.detail} {error.hint}"


@pytest.mark.parametrize("output, title, words", STARTED, ids=lambda one: one.strip().splitlines()[0][:30])
def test_what_apps_print_at_last_is_understood(output: str, title: str, words: str) -> None:
    error = said(output)
    assert error.title == title, f"{error} {error.hint}"
    assert error.detail.startswith("web.1 exited with 1")
    assert words in f"{error.detail} {error.hint}"


def test_the_next_step_names_what_the_code_reads(tmp_path: Path) -> None:
    (tmp_path / "db.js").write_text("connect(process.env.MONGO_HOST, process.env.MONGO_USER, process.env.PORT)")
    known = {"files": Folder(tmp_path), "runtime": "node"}
    assert "config:set MONGO_HOST=... MONGO_USER=... -a shop" in said("ECONNREFUSED 127.0.0.1:27017", **known).hint
    set_already = {**known, "config": frozenset({"MONGO_HOST"})}
    assert "config:set MONGO_USER=mongodb://" in said("ECONNREFUSED 127.0.0.1:27017", **set_already).hint
    assert "and let the code read it" in said("ECONNREFUSED 127.0.0.1:6379", **known).hint


def test_a_part_that_a_newer_version_of_a_package_has_no_more(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("langchain\nscikit_image\n")
    known = {"files": Folder(tmp_path), "command": "python main.py"}
    hint = said("ModuleNotFoundError: No module named 'langchain.chains'", **known).hint
    assert "pin an older one in requirements.txt, with which it was there: langchain<1" in hint
    hint = said("ModuleNotFoundError: No module named 'scikit_image.old'", **known).hint
    assert "as pip show scikit_image says it where the code works" in hint
    assert "add mcp to" in said("ModuleNotFoundError: No module named 'mcp.server.fastmcp'", **known).hint


def test_tables_in_a_file_are_made_where_the_file_is(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text('@click.command("init-db")\ndef init(): ...\n')
    known = {"files": Folder(tmp_path), "command": "gunicorn shop:app", "runtime": "python"}
    assert "web: flask --app shop init-db && gunicorn shop:app" in said("no such table: post", **known).hint
    (tmp_path / "create_db.py").write_text("db.create_all()\n")
    assert "web: python create_db.py && gunicorn shop:app" in said("no such table: post", **known).hint
    (tmp_path / "requirements.txt").write_text("Flask-Migrate\n")
    assert "release: flask db upgrade" in said('relation "post" does not exist', **known).hint


def test_a_program_is_told_how_its_own_server_listens(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("from nicegui import ui\nui.run()\n")
    error = NotListening("it listens on 8080", hint="listen on 0.0.0.0:$PORT")
    failures.enrich(error, [], Case(command="python main.py", files=Folder(tmp_path)))
    assert "ui.run(port=int(os.environ['PORT']))" in error.hint
    (tmp_path / "app.mjs").write_text("import Fastify from 'fastify'\n")
    error = NotListening("it listens on 127.0.0.1:8000", hint="listen on 0.0.0.0:$PORT")
    failures.enrich(error, [], Case(command="node app.mjs", files=Folder(tmp_path)))
    assert "fastify.listen({port: process.env.PORT, host: '0.0.0.0'})" in error.hint
    (tmp_path / "index.ts").write_text("const { url } = await startStandaloneServer(server)\n")
    error = NotListening("it listens on 4000", hint="listen on 0.0.0.0:$PORT")
    failures.enrich(error, [], Case(command="tsx index.ts", files=Folder(tmp_path)))
    assert "startStandaloneServer(server, {listen: {port: process.env.PORT}})" in error.hint
    error = NotListening("it listens on 127.0.0.1:3000", hint="listen on 0.0.0.0:$PORT")
    failures.enrich(error, [], Case(command="json-server --watch db.json", files=Folder(tmp_path)))
    assert "json-server db.json --host 0.0.0.0 --port $PORT" in error.hint


def test_the_next_step_names_the_ending_of_what_was_compiled(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "routes.ts").touch()
    files = Folder(tmp_path)
    assert "routes.js" in said("Cannot find module '/app/dist/routes' imported from /app/dist/a.js", files=files).hint


def test_a_script_that_a_dockerfile_puts_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "entry.sh").write_bytes(b"#!/bin/sh\r\nserve\r\n")
    known = {"files": Folder(tmp_path), "runtime": "dockerfile"}
    told = said("[FATAL tini (7)] exec /usr/local/bin/entry.sh failed: No such file or directory", **known)
    assert "line ends of Windows" in told.hint
    assert "install serve in the Dockerfile" in said("/bin/sh: 1: serve: not found", **known).hint


def test_the_next_step_names_the_version_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "runtime.txt").write_text("python-3.13")
    assert "python-3.11 in runtime.txt" in said("No module named 'imp'", files=Folder(tmp_path)).hint


@pytest.mark.parametrize(
    "status, answer, words",
    [
        (500, "<title>Server Error (500)</title>", "while DEBUG is off"),
        (301, "https://shop.localhost/", "SECURE_SSL_REDIRECT"),
        (403, 'Blocked request. This host ("shop.localhost") is not allowed.', "allowed hosts"),
        (200, "Invalid Host header", ""),
        (404, "Cannot GET /", ""),
    ],
)
def test_an_answer_that_is_of_no_use(status: int, answer: str, words: str) -> None:
    told = failures.advice(status, answer, [], Case())
    assert words in told
    assert bool(told) == bool(words)
