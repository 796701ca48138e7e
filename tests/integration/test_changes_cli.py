"""The commands of every day, their whole output as a person and as a program reads it."""

import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from minpaas.cli import dotenv
from tests.conftest import Checkout, Platform
from tests.integration.sources import PROCFILE, script, serving
from tests.integration.test_releases import ENVIRONMENT, TORTURE, seen, sha

WORKER = "worker: sleep 1000\n"


@pytest.fixture(scope="module")
def live(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A running app with a web process and, at first, no worker."""
    checkout = Checkout(tmp_path_factory.mktemp("surface") / "checkout")
    checkout.commit({**serving("surface"), "Procfile": PROCFILE + WORKER})
    assert platform.push(checkout, "surface").returncode == 0
    return "surface"


def said(platform: Platform, *command: object, code: int = 0, **kwargs: Any) -> list[str]:
    """The lines of a command, without what differs each time: times, ids, ports, and how wide a table is."""
    done = platform.cli(*command, **kwargs)
    assert done.returncode == code, done.stdout
    text = re.sub(r"\d+[smhd] ago", "N ago", done.stdout)
    text = re.sub(r"after \d+\.\d s", "after N s", text).replace(f":{platform.http_port}", ":PORT")
    text = re.sub(r"\b\d{8}-\d{6}-\w+", "ID", re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", text))
    text = re.sub(r"\b0 of \d+ probe", "0 of N probe", text)
    return [re.sub(r"(?<=[^\s!]) {2,}", "  ", line) for line in text.splitlines()]


def data(platform: Platform, *command: object) -> Any:
    """The JSON of a command."""
    done = platform.cli(*command, "--json")
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout)


def number(platform: Platform, app: str) -> int:
    """Of the live release."""
    return int(platform.request("GET", f"/apps/{app}")["release"])


def started(app: str, release: int, before: bool = True, watched: bool = True) -> list[str]:
    """What every new release of one web process says."""
    watch = f"       Watched for 30 s: should it crash or fail, v{release - 1} comes back"
    return [
        f"-----> Starting v{release} (web=1)",
        "       web.1 answers GET / with 200 after N s",
        f"-----> Routing http://{app}.localhost:PORT to v{release}",
        *(["       0 of N probe requests failed"] if before else []),
        *([watch] if watched and before else []),
        f"-----> Live: {app} v{release}",
    ]


def test_config_vars(platform: Platform, live: str) -> None:
    before = number(platform, live)
    assert said(platform, "config", live) == [
        f"=== {live} config vars",
        f"None yet. Set one with: minpaas config:set NAME=value -a {live}",
    ]
    done = said(platform, "config:set", live, "WORD=two words", "LINES=a\nb")
    assert done == ["-----> Config vars: Set LINES, WORD", *started(live, before + 1)]
    assert said(platform, "config:set", "-a", live, "WORD=two words") == [
        "-----> Nothing to do: these config vars are set so already"
    ]
    assert said(platform, "config", live) == [f"=== {live} config vars", 'LINES: "a\\nb"', "WORD:  two words"]
    assert data(platform, "config", live) == {"LINES": "a\nb", "WORD": "two words"}
    assert platform.cli("config:get", live, "LINES").stdout == "a\nb\n"
    assert data(platform, "config:get", "WORD", "-a", live) == {"WORD": "two words"}
    assert said(platform, "config:get", live, "NONE", code=1) == [
        " !     There is no such config var: NONE",
        f"       see the ones there are with: minpaas config {live}",
    ]
    assert platform.cli("config:export", live).stdout == "LINES='a\nb'\nWORD='two words'\n"
    exported = platform.cli("config:export", live, "--format", "shell").stdout
    assert exported == "export LINES='a\nb'\nexport WORD='two words'\n"
    assert data(platform, "config:export", live) == {"LINES": "a\nb", "WORD": "two words"}
    assert said(platform, "config:unset", live, "LINES", "--no-restart") == [
        "-----> Config vars: Unset LINES",
        "       The next release gets them",
    ]
    assert data(platform, "config:unset", "WORD", "-a", live)["release"] == before + 2
    assert data(platform, "config", live) == {}


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (["config:set", "surface"], 2, "surface alone says nothing to do"),
        (["config:set", "-a", "surface", "A=1", "B"], 2, "That is no NAME=VALUE: B"),
        (["config:set", "nowhere", "A=1"], 3, "There is no such app"),
        (["config:set", "surface", "1A=1"], 1, "That is not a config var: '1A' is no name"),
        (["config:set", "surface", b"A=\xff"], 2, "The value of A is not UTF-8"),
        (["config:set", "A=1"], 2, "Which app?"),
        (["config:get", "surface", "A", "B"], 2, "The command takes [APP] NAME"),
        (["config:import", "surface", "/nowhere"], 1, "The file cannot be read"),
        (["config:export", "surface", "--format", "xml"], 2, "one of: env, json, shell"),
        (["releases:info", "surface"], 2, "Which release?"),
        (["releases:info", "surface", "v999"], 1, "see the ones there are with: minpaas releases surface"),
        (["rollback", "surface", "12"], 2, "releases are called v1, v2"),
        (["rollback", "surface", "v999"], 1, "There is no such release: v999"),
        (["ps:scale", "surface", "web=many"], 2, "That is no TYPE=N: web=many"),
        (["ps:scale", "surface", "nobody=1"], 1, "it has web, worker"),
        (["ps:restart", "surface", "web.9"], 1, "surface runs no web.9"),
        (["limits:set", "surface", "web"], 2, "minpaas limits:set web memory=512M cpu=0.5"),
        (["limits:set", "surface", "web", "memory=lots"], 2, "That is not a size: 'lots'"),
        (["limits:set", "surface", "web", "disk=1"], 2, "there are memory and cpu"),
        (["checks:set", "surface"], 2, "minpaas checks:set --path /up"),
        (["checks:set", "surface", "--path", "up"], 1, "does not start with /"),
        (["domains:add", "surface", "not a host"], 1, "is no host name"),
        (["domains:remove", "surface", "www.example.org"], 1, "see them with: minpaas domains surface"),
        (["networks:attach", "surface", "nonet"], 1, "make it with: docker network create nonet"),
        (["networks:detach", "surface", "nonet"], 1, "surface is not in 'nonet'"),
        (["builds:cancel", "surface"], 1, "Nothing is being deployed to surface"),
        (["builds:output", "surface", "20200101-000000-x"], 1, "There is no such deploy"),
        (["apps:rename", "surface", "BAD"], 1, "try the name 'bad'"),
        (["apps:rename", "surface", "surface"], 1, "That app exists already"),
        (["apps:clone", "nowhere", "other"], 3, "There is no such app"),
    ],
)
def test_what_is_refused(platform: Platform, live: str, command: list[str], code: int, words: str) -> None:
    done = platform.cli(*[os.fsdecode(word) for word in command])
    assert (done.returncode, words in done.stdout) == (code, True), done.stdout


def test_torture_values_by_every_door(platform: Platform, checkout: Checkout, app: str, tmp_path: Path) -> None:
    checkout.commit(script(ENVIRONMENT))
    assert platform.push(checkout, app).returncode == 0
    wanted = {f"T{number}": value for number, value in enumerate(TORTURE)}
    (tmp_path / "file.env").write_bytes(dotenv.render(wanted).encode())

    def by_set() -> None:
        said(platform, "config:set", app, *[f"{name}={value}" for name, value in wanted.items()])

    def by_file() -> None:
        said(platform, "config:import", app, tmp_path / "file.env")

    def by_edit() -> None:
        said(platform, "config:edit", app, env={"EDITOR": f"cp {tmp_path / 'file.env'}", "VISUAL": ""})

    def by_rest() -> None:
        platform.request("PATCH", f"/apps/{app}/config", {"values": wanted})

    right = 0
    for door in (by_set, by_file, by_edit, by_rest):
        platform.request("PATCH", f"/apps/{app}/config", {"values": dict.fromkeys(wanted), "restart": False})
        door()
        found = seen(platform, app)
        assert {name: found[name] for name in wanted} == {name: sha(value) for name, value in wanted.items()}, door
        right += len(wanted)
    print(f"{right} of {4 * len(TORTURE)} byte-identical")
    for format in dotenv.FORMATS:
        text = platform.cli("config:export", app, "--format", format).stdout
        assert dotenv.parse(text) == wanted
    assert said(platform, "config:edit", app, env={"EDITOR": "true", "VISUAL": ""}) == ["Nothing was changed"]
    failed = said(platform, "config:edit", app, code=1, env={"EDITOR": "false", "VISUAL": ""})
    assert failed == [" !     Nothing was changed: the editor ended with 1"]
    assert data(platform, "config:import", app, tmp_path / "file.env")["name"] == app


def test_releases_and_rollback(platform: Platform, checkout: Checkout, app: str) -> None:
    first = checkout.commit(serving("one"))
    assert platform.push(checkout, app).returncode == 0
    assert said(platform, "create", f"{app}-2")[0].startswith("Created")
    assert said(platform, "releases", f"{app}-2") == [
        f"{app}-2 has no release yet. Deploy it with: git push minpaas main"
    ]
    said(platform, "config:set", app, "WORD=x")
    assert said(platform, "releases", app) == [
        "RELEASE  COMMIT  WHAT  BY  WHEN",
        f"v2*  {first[:7]}  Set WORD  http:127.0.0.1  N ago",
        f"v1  {first[:7]}  Deploy {first[:7]}  http  N ago",
        f"* is live. To go back: minpaas rollback vN -a {app}",
    ]
    assert [one["name"] for one in data(platform, "releases", app, "-n", "1")] == ["v2"]
    image = platform.request("GET", f"/apps/{app}/releases/v2")["image"]
    assert said(platform, "releases:info", app, "v2") == [
        f"=== {app} v2 (live)",
        "Reason:  Set WORD",
        "By:  http:127.0.0.1",
        "When:  TIME (N ago)",
        f"Commit:  {first}",
        f"Image:  {image[:19]}",
        "Formation:  web=1",
        "web:  python server.py",
        "Changed:  +WORD",
    ]
    assert data(platform, "releases:info", "v1", "-a", app)["changed"]["commit"] is True
    assert said(platform, "releases:output", app, "v2") == ["-----> Config vars: Set WORD", *started(app, 2)]
    told = platform.cli("releases:output", app, "v2", "--json").stdout.splitlines()
    assert [json.loads(line)["kind"] for line in (told[0], told[-1])] == ["step", "end"]
    assert said(platform, "rollback", app) == [
        f"-----> Rolling back to v1 ({first[:7]})",
        *started(app, 3, watched=False),
        f"       To undo: minpaas rollback v2 -a {app}",
    ]
    after = data(platform, "rollback", "v2", "-a", app)
    assert (after["release"], data(platform, "config", app)) == (4, {"WORD": "x"})


def test_processes(platform: Platform, live: str) -> None:
    release = f"v{number(platform, live)}"
    assert said(platform, "ps:scale", live, "worker+1") == [
        "-----> Formation: web=1, worker=1",
        f"-----> Starting worker.1 of {release}",
    ]
    shown = said(platform, "ps", live)
    assert shown[:2] == [f"=== {live} {release}", "PROCESS  STATE  SINCE  RESTARTS  MEMORY  CPU"]
    for line, process in zip(shown[2:], ("web.1", "worker.1"), strict=True):
        assert re.fullmatch(rf"{process}  up  N ago  0  [\d.]+[KM] of 512M  [\d.]+%", line), line
    found = data(platform, "ps", live)
    assert [one["state"] for one in found["processes"]] == ["up", "up"]
    assert [(one["type"], one["count"]) for one in found["types"]] == [("web", 1), ("worker", 1)]
    assert data(platform, "ps:scale", "worker=0", "-a", live)["formation"] == {"web": 1, "worker": 0}
    assert said(platform, "ps", live)[-1] == f"worker: none. To have one: minpaas ps:scale worker=1 -a {live}"
    restarted = [f"-----> Starting web.1 of {release}", "       web.1 answers GET / with 200 after N s"]
    assert said(platform, "ps:restart", live, "web.1") == restarted
    assert said(platform, "ps:restart", live) == restarted
    before = platform.request("GET", f"/apps/{live}")["processes"]
    assert data(platform, "ps:restart", "web", "-a", live)["processes"] != before
    assert said(platform, "ps:stop", live) == [f"-----> Stopped. To start it: minpaas apps:start {live}"]
    assert said(platform, "ps", live) == [f"=== {live} {release}", f"Stopped. To start it: minpaas ps:start {live}"]
    assert said(platform, "ps:start", live)[0] == restarted[0]
    assert said(platform, "ps:start", live) == ["-----> Nothing to do: it is not stopped"]
    assert data(platform, "apps:stop", live)["status"] == "stopped"
    assert data(platform, "apps:start", live)["status"] == "running"
    assert platform.get(live) == (200, "surface\n")


def test_a_crashed_process_is_seen(platform: Platform, checkout: Checkout, app: str) -> None:
    source = "import os, threading, time\nthreading.Timer(4, os._exit, [3]).start()\n" + str(serving("x")["server.py"])
    checkout.commit(script(source))
    assert platform.push(checkout, app).returncode == 0

    def restarted() -> bool:
        found: int = data(platform, "ps", app)["processes"][0]["restarts"]
        return found > 0

    platform.wait_for(restarted, 30, "the process to be restarted")


def test_limits_and_checks(platform: Platform, live: str) -> None:
    assert said(platform, "limits", live) == ["TYPE  MEMORY  CPU", "web  512M  all cores", "worker  512M  all cores"]
    done = said(platform, "limits:set", live, "web", "memory=128M", "cpu=0.5")
    assert done[0] == "-----> Limits of web: memory=128M, cpu=0.5"
    assert data(platform, "limits", live)["web"] == {"memory": 128 << 20, "cpu": 0.5}
    container = platform.containers(live)
    inspected = platform.docker("inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", *container)
    assert f"{128 << 20} 500000000" in inspected
    after = data(platform, "limits:set", "web", "memory=default", "-a", live)
    assert after["limits"]["web"] == {"memory": None, "cpu": 0.5}, "what is not named stays"
    data(platform, "limits:set", live, "web", "cpu=default")
    assert said(platform, "checks", live) == [
        "As the code says; where it says nothing: one complete answer to GET /",
        f"To ask another path: minpaas checks:set --path /up -a {live}",
    ]
    assert said(platform, "checks:set", live, "--timeout", "9") == ["-----> Health check: as the code says within 9 s"]
    assert said(platform, "checks", live)[0] == "As the code says, within 9 s, 3 attempts"
    done = said(platform, "checks:set", live, "--path", "/up", "--timeout", "5")
    assert done == ["-----> Health check: GET /up within 5 s"]
    assert data(platform, "checks:set", live, "--attempts", "4")["checks"] == {
        "path": "/up",
        "timeout": 5.0,
        "attempts": 4,
    }
    assert said(platform, "checks", live) == [
        "A good answer to GET /up within 5 s, 4 attempts",
        f"To ask as the code says: minpaas checks:unset {live}",
    ]
    assert said(platform, "checks:unset", live) == ["-----> Health check: as the code says"]
    assert data(platform, "checks", live) is None


def test_domains_and_maintenance(platform: Platform, live: str) -> None:
    assert said(platform, "domains:add", live, "www.example.org") == [f"-----> www.example.org leads to {live}"]
    assert [one["host"] for one in data(platform, "domains:add", live, "*.example.org")["domains"]] == [
        "www.example.org",
        "*.example.org",
    ]
    assert said(platform, "domains", live) == [
        f"=== {live} domains",
        f"{live}.localhost:PORT",
        "www.example.org",
        "*.example.org",
    ]
    assert [one["host"] for one in data(platform, "domains", live)] == ["www.example.org", "*.example.org"]
    assert said(platform, "domains:remove", live, "*.example.org") == ["-----> *.example.org is removed"]
    assert data(platform, "domains:remove", "www.example.org", "-a", live)["domains"] == []
    assert said(platform, "maintenance", live) == ["off"]
    assert said(platform, "maintenance:on", live) == ["-----> Maintenance is on"]
    assert platform.get(live)[0] == 503
    assert data(platform, "maintenance", live) == {"maintenance": True}
    assert said(platform, "maintenance:off", live) == ["-----> Maintenance is off"]
    assert platform.get(live)[0] == 200


def test_lock(platform: Platform, live: str) -> None:
    assert said(platform, "apps:lock", live, "--why", "moving house") == ["-----> Locked: moving house"]
    assert data(platform, "apps:lock", live)["locked"] == "by its owner"
    assert said(platform, "apps:unlock", live) == ["-----> Unlocked"]
    assert data(platform, "apps:unlock", live)["locked"] == ""


def test_networks(platform: Platform, live: str) -> None:
    network = f"{platform.instance}-db"
    platform.docker("network", "create", network)
    try:
        assert said(platform, "networks", live) == [f"None. To join one: minpaas networks:attach NETWORK -a {live}"]
        done = said(platform, "networks:attach", live, network)
        assert done[0] == f"-----> Joins the network {network}"
        assert said(platform, "networks", live) == [network]
        joined = platform.docker("network", "inspect", "-f", "{{range .Containers}}{{.Name}} {{end}}", network)
        assert f".{live}.web.1." in joined
        assert data(platform, "networks", live) == [network]
        assert said(platform, "networks:detach", live, network)[0] == f"-----> Leaves the network {network}"
        assert data(platform, "networks", live) == []
        platform.wait_for(lambda: len(platform.containers(live)) == 1, 15, "the old to go")
    finally:
        platform.docker("network", "rm", network)


def test_builds(platform: Platform, checkout: Checkout, app: str) -> None:
    good = checkout.commit(serving("one"))
    assert platform.push(checkout, app).returncode == 0
    slow = f"FROM minpaas/python:3.13\nRUN sleep 60 # {time.time()}\nCMD true\n"
    bad = checkout.commit({"Dockerfile": slow, "Procfile": None})
    command = ["git", "push", platform.url(app, "http"), "main"]
    push = subprocess.Popen(command, cwd=checkout.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    platform.wait_for(lambda: platform.request("GET", f"/apps/{app}")["deploying"], 10, "the deploy to begin")
    time.sleep(1.5)
    assert said(platform, "builds", app)[1] == f"ID  push  {bad[:7]}  N ago  running (build)  -"
    assert said(platform, "builds:cancel", app) == ["Cancelled ID. The live release serves on"]
    assert push.wait(10) == 1
    assert said(platform, "builds", app) == [
        "ID  FROM  COMMIT  STARTED  RESULT  REASON",
        f"ID  push  {bad[:7]}  N ago  failed  cancelled",
        f"ID  push  {good[:7]}  N ago  live v1  -",
    ]
    newest, first = data(platform, "builds", app)
    assert (newest["result"], first["commit"]) == ("failed", good)
    told = said(platform, "builds:output", app, first["id"])
    assert told[0] == f"-----> Received {good[:7]} Change"
    assert told[-3].startswith(f"-----> Live: {app} v1 ({good[:7]}) in ")
    assert said(platform, "builds:output", app)[-1] == " !     Next: push again when you want it"


def test_rename_and_clone(platform: Platform, checkout: Checkout, app: str) -> None:
    talking = serving("moved", extra='print("asked for", self.path, flush=True)')
    commit = checkout.commit({**talking, "Procfile": PROCFILE + WORKER})
    assert platform.push(checkout, app).returncode == 0
    said(platform, "config:set", app, "WORD=x")
    said(platform, "domains:add", app, f"{app}.example.org")
    platform.get(app, "/before")
    second, third = f"{app}-b", f"{app}-c"
    assert said(platform, "apps:clone", app, second) == [
        f"-----> Cloning {app} to {second}",
        *started(second, 1, before=False),
        f"       http://{second}.localhost:PORT",
        f"       To remove it: minpaas delete {second}",
    ]
    assert platform.get(second) == (200, "moved\n")
    cloned = data(platform, "status", second)
    assert (cloned["commit"], cloned["domains"]) == (commit, [])
    assert data(platform, "config", second) == {"WORD": "x"}
    assert data(platform, "releases", second)[0]["image"] not in platform.images(app), "each lets go of its own"
    checkout.git("remote", "add", "minpaas", platform.url(app))
    failures: list[int] = []
    ending = threading.Event()

    def visit() -> None:
        # by the domain, which is there all the time; the names are not
        while not ending.wait(0.02):
            asked = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Host: {app}.example.org"]
            url = f"http://127.0.0.1:{platform.http_port}/"
            failures.append(int(subprocess.run([*asked, url], capture_output=True, text=True, check=False).stdout))

    visitor = threading.Thread(target=visit)
    visitor.start()
    assert said(platform, "apps:rename", third, cwd=checkout.path) == [
        f"-----> Renaming {app} to {third}",
        "-----> Starting web.1 of v2",
        "       web.1 answers GET / with 200 after N s",
        f"-----> Live: {third}",
        f"       http://{third}.localhost:PORT",
        f"       To undo: minpaas apps:rename {app} -a {third}",
        f"       The git remote minpaas leads to ssh://minpaas@localhost:{platform.ssh_port}/{third}.git",
    ]
    ending.set()
    visitor.join()
    assert set(failures) == {200}, f"{len(failures)} requests"
    assert platform.get(third) == (200, "moved\n")
    assert platform.get(app)[0] == 404
    assert [one["name"] for one in data(platform, "releases", third)] == ["v2", "v1"]
    assert data(platform, "status", third)["domains"][0]["host"] == f"{app}.example.org"
    assert said(platform, "rollback", third)[-2] == f"-----> Live: {third} v3"
    checkout.commit(serving("newer"))
    assert platform.push(checkout, third).returncode == 0
    assert platform.get(third) == (200, "newer\n")
    platform.wait_for(lambda: not platform.containers(app) and not platform.images(app), 20, "the old name to be empty")
    assert "asked for /before" in platform.cli("logs", third, "-n", "1000").stdout, "logs move too"
    said(platform, "create", app)
    assert data(platform, "releases", app) == [], "the name is free again"
    assert data(platform, "apps:rename", app, f"{app}-d")["name"] == f"{app}-d"


def test_help_groups_the_commands(platform: Platform) -> None:
    shown = platform.cli("--help").stdout
    headings = re.findall(r"^(\S.*):$", shown, re.M)
    assert headings == [
        "Options",
        "Apps",
        "Deploys and releases",
        "Config vars",
        "Processes",
        "Routing",
        "Keys",
        "This machine",
    ]
    assert max(map(len, shown.splitlines())) <= 80
    assert re.search(
        r"Config vars:\n  config +Show the config vars\.\n  config:get +Print one value as it is\.\n", shown
    )
    assert "releases:rollback" not in shown


def test_a_request_that_is_sent_again_is_done_once(platform: Platform, live: str) -> None:
    before, path = number(platform, live), f"/apps/{live}/config"
    key = {"Idempotency-Key": f"key-{time.time()}"}
    body = {"values": {"ONCE": key["Idempotency-Key"]}}
    answers: list[Any] = []
    askers = [
        threading.Thread(target=lambda: answers.append(platform.ask("PATCH", path, body, **key))) for _ in range(4)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert {status for status, _ in answers} == {200}
    assert {json.loads(text)["release"] for _, text in answers} == {before + 1}
    assert len({text for _, text in answers}) == 1
    platform.request("PATCH", path, {"values": {"ONCE": None}})
    assert platform.ask("PATCH", path, body, **key) == answers[0], "not done again"
    assert "ONCE" not in data(platform, "config", live)
    status, text = platform.ask("PATCH", path, {"values": {}}, **key)
    assert (status, json.loads(text)["title"]) == (409, "That key is used already")
    streamed = {"Idempotency-Key": f"stream-{time.time()}", "Accept": "text/event-stream"}
    first = platform.ask("POST", f"/apps/{live}/restart", {}, **streamed)
    processes = platform.request("GET", f"/apps/{live}")["processes"]
    assert platform.ask("POST", f"/apps/{live}/restart", {}, **streamed) == first
    assert platform.request("GET", f"/apps/{live}")["processes"] == processes


def test_a_renamed_and_a_cloned_app_outlive_a_crash(own_platform: Platform, checkout: Checkout) -> None:
    platform = own_platform
    commit = checkout.commit(serving("kept"))
    assert platform.push(checkout, "old").returncode == 0
    said(platform, "config:set", "old", "WORD=x")
    said(platform, "apps:clone", "old", "twin")
    said(platform, "apps:rename", "old", "new")
    platform.kill()
    platform.start()
    assert [one["name"] for one in data(platform, "apps")] == ["new", "twin"]
    for app in ("new", "twin"):
        assert platform.get(app) == (200, "kept\n")
        assert platform.ref(app) == commit
        image = data(platform, "releases", app)[0]["image"]
        platform.wait_for(lambda app=app, image=image: image in platform.holders(app), 15, "the image to be held")
    assert said(platform, "rollback", "new")[-2] == "-----> Live: new v3"
    said(platform, "delete", "new", "--confirm")
    assert platform.get("twin") == (200, "kept\n")
    said(platform, "ps:restart", "twin")
    assert platform.get("twin") == (200, "kept\n")
