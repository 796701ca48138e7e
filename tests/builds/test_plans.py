"""What is decided about each application of tests/apps, with no engine and no network."""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minpaas.plan import Folder, Plan, PlanError, plan, render_yaml
from minpaas.server.runtimes import generate
from tests.builds.cases import APPS, CASES, STAND_INS, Case

pytestmark = pytest.mark.spread


def planned(case: Case, folder: Path) -> Plan:
    """The plan of a copy of the case's folder, with a stand-in for its lock file."""
    shutil.copytree(APPS / case.folder, folder, dirs_exist_ok=True)
    if case.lock:
        (folder / case.lock_name).write_text(STAND_INS[case.lock])
    return plan(Folder(folder), path=case.path)


def test_every_application_has_a_case() -> None:
    assert sorted(case.folder for case in CASES) == sorted(
        one.name for one in APPS.iterdir() if one.is_dir() and one.name[0] != "."
    )


@pytest.mark.parametrize("case", [one for one in CASES if not one.refused], ids=lambda case: case.folder)
def test_the_plan(case: Case, tmp_path: Path) -> None:
    made = planned(case, tmp_path)
    assert made.runtime == case.runtime
    assert made.version == (case.version or made.version)
    assert made.start == (case.start or made.start)
    assert case.install in made.install
    assert case.build in made.build
    for words in case.says:
        assert any(words in reason for reason in made.reasons), made.reasons
    assert len(made.warnings) == len(case.warns), made.warnings
    for words in case.warns:
        assert any(words in warning for warning in made.warnings), made.warnings
    if made.runtime != "dockerfile":
        dockerfile = generate(made, "app", {"A_SECRET": "canary-in-a-value"}).dockerfile
        assert "FROM" in dockerfile
        assert "canary" not in dockerfile


@pytest.mark.parametrize("case", [one for one in CASES if one.refused], ids=lambda case: case.folder)
def test_the_refusal(case: Case, tmp_path: Path) -> None:
    with pytest.raises(PlanError) as refused:
        planned(case, tmp_path)
    assert refused.value.reason == case.refused
    for words in case.refusal:
        assert words in f"{refused.value} {refused.value.hint}"


STARTS = {
    "start:prod": ({"scripts": {"build": "tsc", "start:prod": "node dist/index.js"}}, "node dist/index.js"),
    "main that the build makes": ({"main": "dist/server.js", "scripts": {"build": "tsc"}}, "node dist/server.js"),
    "main without its ending": ({"main": "./src/index"}, "node ./src/index"),
    "src/index.js": ({}, "node src/index.js"),
    "bun": ({"devDependencies": {"@types/bun": "^1.2.2"}}, "bun src/index.ts"),
}


@pytest.mark.parametrize(("package", "start"), STARTS.values(), ids=list(STARTS))
def test_what_is_started_without_a_start_script(package: dict[str, object], start: str, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "index.js").write_text("")
    (tmp_path / "src" / "index.ts").write_text("")
    (tmp_path / "package.json").write_text(json.dumps({"name": "a", **package}))
    assert plan(Folder(tmp_path)).start == start


def test_what_is_in_both_lists_stays(tmp_path: Path) -> None:
    (tmp_path / "server.js").write_text("")
    lists = {"dependencies": {"express": "4"}, "devDependencies": {"express": "4", "jest": "29"}}
    (tmp_path / "package.json").write_text(json.dumps({"name": "a", **lists}))
    assert "--include=dev" in plan(Folder(tmp_path)).install


NEEDS = {
    "by require": ({"server.js": 'require("dotenv").config()'}, True),
    "by import": (
        {"server.js": 'import a from "./lib"', "lib/index.js": 'import {\n  b,\n} from "dotenv/config"'},
        True,
    ),
    "by the source of what is built": ({"src/server.ts": 'import "dotenv/config"'}, True),
    "only in development": (
        {"server.js": 'if (process.env.NODE_ENV !== "production") {\n  require("dotenv").config();\n}\n'},
        False,
    ),
    "as a type": ({"server.js": 'import type { A } from "dotenv"'}, False),
    "nowhere": ({"server.js": 'require("http")', "test.js": 'require("dotenv")'}, False),
}


@pytest.mark.parametrize(("files", "stays"), NEEDS.values(), ids=list(NEEDS))
def test_a_development_dependency_that_the_code_needs_stays(files: dict[str, str], stays: bool, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    start = "node server.js" if "server.js" in files else "node dist/server.js"
    package = {"name": "a", "scripts": {"start": start}, "devDependencies": {"dotenv": "16"}}
    (tmp_path / "package.json").write_text(json.dumps(package))
    assert ("--include=dev" in plan(Folder(tmp_path)).install) is stays


PRESENT = {
    "a client folder": ("cd client && npm install && npm run build", "NPM_CONFIG_INCLUDE=dev"),
    "a client folder by yarn": ("yarn --cwd client && yarn --cwd client build", "yarn@1.22.22"),
    "pnpm": ("pnpm --dir client install", "pnpm@10"),
}


@pytest.mark.parametrize(("script", "there"), PRESENT.values(), ids=list(PRESENT))
def test_what_scripts_call_is_there(script: str, there: str, tmp_path: Path) -> None:
    (tmp_path / "server.js").write_text("")
    (tmp_path / "package.json").write_text(json.dumps({"name": "a", "scripts": {"heroku-postbuild": script}}))
    assert there in generate(plan(Folder(tmp_path)), "app", {}).dockerfile


PROCESSES = {
    "none asked for": ({}, "1"),
    "as Heroku has it": ({"Procfile": "web: gunicorn main:app\n"}, None),
    "a program with its own server": ({"Procfile": "web: python main.py\n"}, None),
    "one that gives uvicorn its application": (
        {"Procfile": "web: sh start.sh\n", "start.sh": "python -m serve", "serve.py": "uvicorn.run(app, port=1)"},
        "1",
    ),
    "a script that starts gunicorn": ({"Procfile": "web: sh start.sh\n", "start.sh": "exec gunicorn main:app\n"}, None),
    "as Railway has it": ({"railway.json": '{"deploy": {"startCommand": "uvicorn main:app"}}'}, "1"),
}


@pytest.mark.parametrize(("files", "workers"), PROCESSES.values(), ids=list(PROCESSES))
def test_how_many_processes_a_python_server_has(files: dict[str, str], workers: str | None, tmp_path: Path) -> None:
    for name, text in {"requirements.txt": "flask\n", "main.py": "app = Flask(__name__)\n", **files}.items():
        (tmp_path / name).write_text(text)
    made = plan(Folder(tmp_path)).environment
    assert made.get("WEB_CONCURRENCY") == workers
    assert ("--threads" in made["GUNICORN_CMD_ARGS"]) is not bool(files)


def test_a_broken_file_of_another_platform_is_named(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("")
    (tmp_path / "railway.json").write_text('{"deploy": {\n')
    (warning,) = plan(Folder(tmp_path)).warnings
    assert "railway.json cannot be read, and is not used: " in warning
    assert "line 2" in warning


def test_what_app_json_asks_for() -> None:
    made = plan(Folder(APPS / "app-json-of-heroku"))
    vars = {one.name: one for one in made.config_vars}
    assert vars["SECRET_KEY"].generated
    assert not vars["SECRET_KEY"].required
    assert (vars["DEBUG"].default, vars["PAGE_SIZE"].default) == ("false", "25")
    assert vars["API_TOKEN"].required
    assert not vars["OPTIONAL"].required
    assert made.formation == {"web": 2, "worker": 1}
    assert made.postdeploy == "python seed.py"
    assert made.health_path == "/health"
    assert next((one.name, one.sets) for one in made.addons) == ("heroku-postgresql", "DATABASE_URL")


def test_a_procfile_without_web_starts_its_other_processes() -> None:
    made = plan(Folder(APPS / "python-worker-without-web"))
    assert (made.start, made.formation) == ("", {"bot": 1})


def test_what_render_yaml_asks_for() -> None:
    made = plan(Folder(APPS / "render-yaml-that-installs-from-a-folder"))
    vars = {one.name: one for one in made.config_vars}
    assert sorted(vars) == ["API_SECRET", "GREETING", "MAIL_TOKEN"]
    assert vars["GREETING"].default == "a config var of render.yaml"
    assert vars["API_SECRET"].generated
    assert vars["MAIL_TOKEN"].required


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (
            "gunicorn app:app\n      --bind 0.0.0.0:$PORT # here\n    plan: free",
            "gunicorn app:app --bind 0.0.0.0:$PORT",
        ),
        (">\n      python seed.py &&\n      python app.py\n    plan: free", "python seed.py && python app.py"),
        ("|\n      # first\n      cd server\n      npm start \\\n        --quiet\n", "cd server; npm start --quiet"),
        (
            "|\n      if [ -f seed ]; then\n        ./seed\n      fi\n      ./app\n",
            "if [ -f seed ]; then ./seed; fi; ./app",
        ),
        ("'echo \"#1\"; ./app' # quoted", 'echo "#1"; ./app'),
    ],
)
def test_a_start_command_of_several_lines(text: str, command: str) -> None:
    service = render_yaml.web_service(f"services:\n  - type: web\n    startCommand: {text}\n  - type: worker\n")
    assert render_yaml.command(service, "startCommand") == command


def test_headers_that_render_yaml_gives_pages() -> None:
    folder = APPS / "render-yaml-of-pages-with-routes"
    told = re.findall(r"name: (X-\S+)", (folder / "render.yaml").read_text())
    site = plan(Folder(folder)).site
    assert site
    assert [one.name for one in site.headers if one.name in told] == told != []


def test_a_build_script_that_only_a_dashboard_knows_of(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("django\n")
    (tmp_path / "app.py").write_text("")
    script = (
        "pip install -U pip\npip install boto3 -r requirements.txt\npip install -r requirements.txt\npython fetch.py\n"
    )
    (tmp_path / "build.sh").write_text(script)
    made = plan(Folder(tmp_path))
    assert (made.install, made.build) == ("uv pip install -r requirements.txt boto3", "python fetch.py")
    (tmp_path / "build.sh").write_text(f"{script}python -m nltk.downloader punkt\npython manage.py seed\n")
    assert "mkdir -p /venv/nltk_data && (python -m nltk.downloader punkt || " in plan(Folder(tmp_path)).build
    (tmp_path / "Procfile").write_text("web: python app.py\n")
    assert plan(Folder(tmp_path)).build == ""


def test_an_app_keeps_its_version_until_it_asks() -> None:
    folder = Folder(APPS / "python-requirements-flask-without-procfile")
    assert plan(folder, sticky="python:3.11").version == "3.11"
    assert plan(folder, sticky="node:22").version == "3.13"
    assert plan(Folder(APPS / "python-version-with-comment"), sticky="python:3.13").version == "3.11"


def test_a_runtime_that_was_asked_for_comes_before_a_dockerfile() -> None:
    assert plan(Folder(APPS / "dockerfile-beside-procfile"), runtime="python").runtime == "python"


def minpaas(*words: object) -> subprocess.CompletedProcess[str]:
    """The minpaas command, as a person runs it."""
    command = [sys.executable, "-c", "from minpaas.cli.cli import main; main()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def test_minpaas_plan_needs_no_server(tmp_path: Path) -> None:
    said = minpaas("plan", APPS / "app-json-of-heroku")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("-----> Python app, by requirements.txt\n       Python 3.13 (")
    assert "       Config var SECRET_KEY: made at the first deploy (Signs sessions)\n" in said.stdout
    assert " !     The add-on heroku-postgresql" in said.stdout
    told = json.loads(minpaas("plan", APPS / "node-nvmrc", "--json").stdout)
    assert (told["runtime"], told["version"], told["start"]) == ("node", "22", "node server.js")
    refused = minpaas("plan", APPS / "app-json-with-an-error")
    assert refused.returncode == 1
    assert "line 5" in refused.stderr


def test_minpaas_plan_of_a_repository(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    shutil.copytree(APPS / "monorepo-with-a-subfolder", origin)
    name = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for words in (["init", "-q"], ["add", "-A"], [*name, "commit", "-q", "-m", "One"]):
        subprocess.run(["git", *words], cwd=origin, check=True)
    said = minpaas("plan", "--repo", f"file://{origin}", "--path", "services/api")
    assert said.returncode == 0, said.stderr
    assert "python server.py" in said.stdout
    assert "deploy that folder with --path services/api" in minpaas("plan", "--repo", f"file://{origin}").stderr


def test_poetry_locks_for_the_python_that_there_is() -> None:
    made = plan(Folder(APPS / "python-poetry-of-one-exact-version"))
    assert "/\\1==$(python -V | cut -d' ' -f2)/" in made.install.partition(" && poetry lock && ")[0]


def test_a_workspace_with_several_apps_is_refused_with_the_line_for_one(tmp_path: Path) -> None:
    shutil.copytree(APPS / "python-uv-workspace", tmp_path, dirs_exist_ok=True)
    shutil.copytree(tmp_path / "apps" / "api", tmp_path / "apps" / "shop")
    with pytest.raises(PlanError, match="apps/api and apps/shop of the workspace") as refused:
        plan(Folder(tmp_path))
    assert "web: cd apps/api && cd src && exec uvicorn api.main:app" in refused.value.hint


def test_an_application_with_a_thread_of_its_own_is_served(tmp_path: Path) -> None:
    shutil.copytree(APPS / "python-bot-with-a-page-in-a-thread", tmp_path, dirs_exist_ok=True)
    text = (tmp_path / "keep_alive.py").read_text()
    (tmp_path / "keep_alive.py").write_text(text.replace("target=run", "target=counted.clear"))
    assert plan(Folder(tmp_path)).process_types["web"].startswith("gunicorn keep_alive:app")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("filling", ["\n", " ", " \n"], ids=["empty lines", "spaces", "lines of one space"])
@pytest.mark.parametrize("folder", ["python-requirements-flask-without-procfile", "render-yaml-of-node-in-folders"])
def test_a_long_file_with_nothing_in_it_is_read_at_once(tmp_path: Path, folder: str, filling: str) -> None:
    """A pattern over white space that takes the square of its length would hold up the whole server."""
    shutil.copytree(APPS / folder, tmp_path, dirs_exist_ok=True)
    for name in ("Procfile", "render.yaml", "requirements.txt", "app.py", "CHECKS", "project.toml", "wrangler.jsonc"):
        at = tmp_path / name
        at.write_text((at.read_text() if at.exists() else "") + filling * 40_000)
    began = time.monotonic()
    with contextlib.suppress(PlanError):
        plan(Folder(tmp_path))
    assert time.monotonic() - began < 10
