"""`minpaas up`: from a bare machine to two live apps. Each step does only what is missing, and says what it did."""

import http.client
import os
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from minpaas import home
from minpaas.cli import api, control, engine, known_hosts, packages, samples
from minpaas.cli.errors import Trouble
from minpaas.cli.person import Person, person
from minpaas.cli.voice import Voice, say


def up(
    with_samples: Annotated[bool, typer.Option("--samples/--no-samples", help="Deploy the two sample apps.")] = True,
    prepare: Annotated[bool, typer.Option("--prepare", help="Only install packages and start Docker.")] = False,
) -> None:
    """Set this machine up and start everything; where nothing is missing, change nothing."""
    os.environ["MINPAAS_URL"] = control.local_url()
    control.refuse_to_be_open()
    voice = Voice()
    with voice.step("System packages"):
        _packages(voice)
    with voice.step("Docker engine"):
        _engine(voice)
    if not prepare:
        _serve(voice, samples.names() if with_samples else [])


def _serve(voice: Voice, names: list[str]) -> None:
    """From a machine that has what it needs to apps that answer."""
    owner = person()
    with voice.step("Server"):
        health = control.start(voice)
    with voice.step("Stack images"):
        _stacks(voice)
    with voice.step(f"SSH keys of {owner.name}"):
        _keys(voice, owner)
    for name in names:
        with voice.step(f"Sample {name}"):
            samples.deploy(name, owner, int(health["ssh_port"]), voice)
    with voice.step("Asking the apps through the router", looks=True):
        urls = _verify(names, int(health["router_port"]), voice)
    _farewell(voice, urls)


def _packages(voice: Voice) -> None:
    if names := packages.missing():
        packages.install(names, voice)
    if names := packages.missing():
        raise Trouble("Packages are still missing", " ".join(names), "see what is wrong with: minpaas doctor")


def _engine(voice: Voice) -> None:
    if not engine.version():
        voice.changed(engine.start(_made(control.state()), voice.detail))
    voice.detail(f"answers, version {engine.version()}")


def _stacks(voice: Voice) -> None:
    """Have the server prepare the images that apps are built on; a step in what it tells is one that was made."""
    for event in api.stream("POST", "/stacks", {}):
        voice.event(event)
        if event.kind == "step":
            voice.changes.append(event.text)
        if event.kind == "end" and (verdict := event.verdict).get("error"):
            raise Trouble("The stack images could not be prepared", "the reason is above", str(verdict.get("hint", "")))


def _keys(voice: Voice, owner: Person) -> None:
    """The person's keys at the server, the server's at the person's."""
    if not owner.public_keys():
        voice.changed(f"made an SSH key, {owner.make_key()} (there was none)")
    known = {_body(key["key"]) for key in api.request("GET", "/keys")}
    ours, file = api.request("GET", "/keys/host"), owner.ssh / "known_hosts"
    try:
        with owner.acting():
            lines = {public: public.read_text().strip() for public in owner.public_keys()}
            done = known_hosts.remember(file, int(ours["port"]), ours["keys"])
    except OSError as error:
        hint = f"that file must be readable and writable for {owner.name}"
        raise Trouble("An SSH file cannot be used", f"{error.filename}: {error.strerror}", hint) from None
    for public, line in lines.items():
        if _body(line) not in known:
            api.request("POST", "/keys", {"key": line})
            voice.changed(f"the server now knows {public}")
    if done:
        voice.changed(f"{done} the server's host key in {file}")


def _body(line: str) -> str:
    """A public key without its comment."""
    return " ".join(line.split()[:2])


def _verify(names: list[str], port: int, voice: Voice) -> list[str]:
    """Each app must answer 200 on every loopback address; their URLs."""
    domain = os.environ.get("MINPAAS_DOMAIN") or "localhost"
    urls = []
    for name in names:
        for address in loopbacks():
            status = answer(address, port, f"{name}.{domain}")
            if status != 200:
                found = f"{status}" if status else "nothing"
                detail = f"{name} answered {found} on {address}:{port}"
                raise Trouble("An app does not answer", detail, f"see why: minpaas logs {name}; minpaas doctor")
        urls.append(f"http://{name}.{domain}{'' if port == 80 else f':{port}'}/")
        voice.detail(f"200  {urls[-1]}")
    return urls


def loopbacks() -> list[str]:
    """Where the router listens on this machine for itself: ::1 only where the machine has it and the settings want it."""
    listened = os.environ.get("MINPAAS_HTTP_LISTEN") or "[::1]"
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return ["127.0.0.1", "::1"] if "[::" in listened else ["127.0.0.1"]
    except OSError:
        return ["127.0.0.1"]


def answer(address: str, port: int, name: str, patience: float = 5.0) -> int:
    """The status with which the router answers for a name; 0 when it does not."""
    deadline = time.monotonic() + patience
    while True:
        connection = http.client.HTTPConnection(address, port, timeout=5)
        try:
            connection.request("GET", "/", headers={"Host": name})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        if status == 200 or time.monotonic() > deadline:
            return status
        time.sleep(0.2)


def _farewell(voice: Voice, urls: list[str]) -> None:
    say("")
    for url in urls:
        say(f"       App        {url}")
    say(f"       Dashboard  http://localhost:{control.port()}")
    say("")
    say("       What next? In a git repository of yours, type:")
    # where .venv is not on the PATH, the whole path is what works
    say(f"         {'minpaas' if shutil.which('minpaas') else Path(sys.argv[0]).resolve()} create myapp")
    say("         git push minpaas main")
    say("")
    what = "Everything is up" if voice.changes else "Everything was up already; nothing was changed"
    say(f"-----> {what} ({voice.seconds:.1f} s)")


def _made(folder: Path) -> Path:
    """A folder of ours, made if need be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        hint = "run it again with sudo, or choose another place: export MINPAAS_HOME=..."
        raise Trouble("The home folder cannot be made", f"{home.home()}: {error.strerror}", hint) from None
    return folder
