"""The hand on nginx: renders its configuration, starts it, and changes its routes without a reload.

nginx runs from a prefix of its own and outlives the control plane. It reads `apps.map.conf` when it starts; from then on
its table is changed over its control socket. The file is always written first, so that neither a crash here nor a reboot
leaves nginx with older routes than a person was told of.
"""

import grp
import hashlib
import http.client
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import jinja2

from minpaas.server.errors import BadSetting, MachineTrouble
from minpaas.server.models import Route
from minpaas.server.ports import not_free
from minpaas.server.routing_table import ip, render_map
from minpaas.server.settings import Settings

_PATH = re.compile(r"[\w./@+,=~ -]+")
_MODULES = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/local/lib/nginx/modules")
_LUA = ("/usr/share/lua/5.1", "/usr/local/share/lua/5.1")
_INSTALL = "apt-get install nginx libnginx-mod-http-lua"
_PAGES = ("bad", "unknown", "created", "stopped", "crashed", "maintenance", "unreachable")
_PORTS = (80, 8080)
_LOG_LIMIT = 16 << 20
_CONNECTIONS = 10240  # of one worker; a proxied request takes two


class Nginx:
    """The one nginx of this home. Every method may be called from any thread."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._prefix = settings.router
        self._lock = threading.RLock()

    @property
    def port(self) -> int:
        """The port that nginx listens on, or will when it is started next."""
        return self._settings.http_port or self._remembered_port() or _PORTS[0]

    def ensure_running(self) -> int:
        """nginx runs with the configuration of this version and these settings; the port it listens on is returned."""
        with self._lock:
            self._make_folders()
            running = self._fingerprint_running()
            if running is None or self._pid() is None:
                self._stop_what_does_not_answer()
                self._end_orphans()
                return self._start()
            port = self._settings.http_port or self._remembered_port() or self._free_port()
            files, fingerprint = self._render(port)
            if running != fingerprint:
                self._reload(files, fingerprint, port)
            _cut_short(self._prefix / "error.log")
            return port

    def switch(self, routes: Sequence[Route]) -> None:
        """These routes and no others, from now on and after a restart of nginx. Requests in flight are not touched."""
        text = render_map(routes)
        with self._lock:
            self._settings.apps_map.parent.mkdir(parents=True, exist_ok=True)
            before = _read(self._settings.apps_map)
            _write(self._settings.apps_map, text)
            try:
                status, answer = self._ask("PUT", "/routes", text)
                if status != 200:
                    raise MachineTrouble(f"nginx did not take the routing table: {answer.strip()}")
            except MachineTrouble:
                if before is not None:
                    _write(self._settings.apps_map, before)  # what nginx would start with must be what is true
                raise
            _cut_short(self._prefix / "error.log")

    def lines(self) -> list[str]:
        """What nginx has to say of requests since it was last asked, oldest first, each line once."""
        return self._ask("POST", "/lines")[1].splitlines()

    def totals(self) -> dict[str, tuple[int, int]]:
        """Host -> requests since nginx was started, and those of them that failed (5xx)."""
        words = [line.split(" ") for line in self._ask("GET", "/totals")[1].splitlines()]
        return {host: (int(count), int(bad)) for host, count, bad in words}

    def alive(self) -> bool:
        """Whether nginx runs and answers us; workers whose master was killed answer too, but nobody would replace them."""
        return self._fingerprint_running() is not None and self._pid() is not None

    def stop(self) -> None:
        """Ends nginx: it finishes what it answers within two seconds, then closes."""
        with self._lock:
            for sign in (signal.SIGQUIT, signal.SIGTERM, signal.SIGKILL):
                if (pid := self._pid()) is None:
                    return
                os.kill(pid, sign)
                _wait(lambda pid=pid: not _is_process(pid), 2.0)  # type: ignore[misc]

    # --- start and reload ---

    def _start(self) -> int:
        port = self._free_port()
        files, _ = self._render(port)
        self._write_files(files)
        (self._prefix / "control" / "socket").unlink(missing_ok=True)  # left by an nginx that was killed
        _cut_short(self._prefix / "error.log")
        self._nginx()
        if not _wait(self.alive, 5.0):
            raise MachineTrouble("nginx was started and does not answer", hint=f"see {self._prefix / 'error.log'}")
        self._remember(port)
        return port

    def _reload(self, files: dict[str, str], fingerprint: str, port: int) -> None:
        pid = self._pid()
        if pid is None:
            raise MachineTrouble("nginx answers, but its pid file is gone", hint=f"see {self._prefix}")
        if port != self._remembered_port():
            self._require_free(port)
        before = {name: _read(self._prefix / name) for name in files}
        self._write_files(files)
        try:
            self._nginx("-t", "-q")
            os.kill(pid, signal.SIGHUP)
            if not _wait(lambda: self._fingerprint_running() == fingerprint, 5.0):
                raise MachineTrouble("nginx kept its old configuration", hint=f"see {self._prefix / 'error.log'}")
        except MachineTrouble:
            self._write_files({name: text for name, text in before.items() if text is not None})
            raise
        self._remember(port)

    def _nginx(self, *arguments: str) -> None:
        """Runs nginx in its prefix; its exit code decides. As a daemon it returns when its sockets are open."""
        command = [_binary(), "-p", ".", "-c", "nginx.conf", "-e", "error.log", *arguments]
        # Its error output goes to a file, for a daemon would hold a pipe open for as long as it lives.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
            done = subprocess.run(
                command, cwd=self._prefix, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
            said.seek(0)
            if done.returncode != 0:
                raise MachineTrouble(f"nginx did not start: {said.read(2000).strip()}", hint=f"try: {_INSTALL}")

    def _stop_what_does_not_answer(self) -> None:
        if self._pid() is not None:
            self.stop()

    def _end_orphans(self) -> None:
        """Workers that a killed master has left: they hold the port, and no one can tell them to go but by signal."""
        for proc in Path("/proc").glob("[0-9]*"):
            try:
                ours = (proc / "comm").read_text().strip() == "nginx" and os.path.samefile(proc / "cwd", self._prefix)
            except OSError:
                continue
            if ours:
                pid = int(proc.name)
                os.kill(pid, signal.SIGTERM)
                _wait(lambda pid=pid: not _is_process(pid), 2.0)  # type: ignore[misc]

    # --- the configuration ---

    def _render(self, port: int) -> tuple[dict[str, str], str]:
        """The files of the prefix by name, and the fingerprint by which a running nginx tells which ones it has."""
        shipped = self._settings.shipped("nginx")
        pages = jinja2.Environment(loader=jinja2.FileSystemLoader(shipped), undefined=jinja2.StrictUndefined)
        files = {name: (shipped / name).read_text(encoding="utf-8") for name in ("router.lua", "mime.types")}
        files |= {f"pages/{name}.html": pages.get_template(f"pages/{name}.html").render() for name in _PAGES}
        conf = jinja2.Environment(
            loader=jinja2.FileSystemLoader(shipped),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            keep_trailing_newline=True,
        ).get_template("nginx.conf")
        values = self._values(port)
        files["nginx.conf"] = conf.render(values, fingerprint="")
        fingerprint = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:32]
        files["nginx.conf"] = conf.render(values, fingerprint=fingerprint)
        return files, fingerprint

    def _values(self, port: int) -> dict[str, object]:
        """What the template is filled with. Everything that a person can set is checked."""
        apps_map = str(self._settings.apps_map)
        if not _PATH.fullmatch(apps_map):
            raise MachineTrouble(
                f"nginx cannot be given the path {apps_map!r}", hint="set MINPAAS_HOME to a folder with a plain name"
            )
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        wanted = 2 * _CONNECTIONS + 1024
        return {
            "user": _worker_user() if os.geteuid() == 0 else "",
            "workers": "auto",
            "connections": _CONNECTIONS,
            "open_files": wanted if hard == resource.RLIM_INFINITY else min(wanted, hard),
            "modules": _folder_with("ngx_http_lua_module.so", _MODULES),
            "lua_path": _folder_with("resty/core.lua", _LUA),
            "apps_map": apps_map,
            "router_log": self._settings.router_log,
            "listen": [f"{address}:{port}" for address in self._addresses()],
        }

    def _addresses(self) -> list[str]:
        """settings.http_listen, checked; without the IPv6 ones where the machine has no IPv6."""
        try:
            found = [ip(address) for address in self._settings.http_listen]
        except ValueError:
            listen = ",".join(self._settings.http_listen)
            raise BadSetting("MINPAAS_HTTP_LISTEN", listen, "IP addresses such as 127.0.0.1,[::1]") from None
        if not _has_ipv6():
            found = [address for address in found if not address.startswith("[")]
        if not found:
            raise MachineTrouble("no address of MINPAAS_HTTP_LISTEN is to be had on this machine")
        return found

    def _make_folders(self) -> None:
        """The prefix, for workers to pass through but not to read; the control socket's folder for us alone."""
        for folder, mode in (
            (self._settings.state, None),
            (self._prefix, 0o711),
            (self._prefix / "control", 0o700),
            (self._prefix / "pages", 0o700),
            (self._prefix / "tmp", 0o711),
            (self._settings.apps_map.parent, None),
        ):
            if not folder.is_dir():
                folder.mkdir(parents=True, mode=0o700)
            if mode is not None and folder.stat().st_mode & 0o777 != mode:
                folder.chmod(mode)

    def _write_files(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            if _read(self._prefix / name) != text:
                _write(self._prefix / name, text)

    # --- the port ---

    def _free_port(self) -> int:
        """The port to listen on. Raises MachineTrouble naming who has the one that was asked for."""
        if self._settings.http_port:
            self._require_free(self._settings.http_port)
            return self._settings.http_port
        reasons = []
        for port in dict.fromkeys(filter(None, (self._remembered_port(), *_PORTS))):
            if not (reason := not_free(port, self._addresses())):
                return port
            reasons.append(reason)
        raise MachineTrouble("; ".join(reasons), hint="set MINPAAS_HTTP_PORT to a free port")

    def _require_free(self, port: int) -> None:
        if reason := not_free(port, self._addresses()):
            raise MachineTrouble(reason, hint="end it, or set MINPAAS_HTTP_PORT to another port")

    def _remembered_port(self) -> int | None:
        text = (_read(self._prefix / "port") or "").strip()
        return int(text) if re.fullmatch(r"[0-9]{1,5}", text) else None

    def _remember(self, port: int) -> None:
        if self._remembered_port() != port:
            _write(self._prefix / "port", f"{port}\n")

    # --- the nginx that runs ---

    def _pid(self) -> int | None:
        """The running master's pid. The number in the file may be another program's by now: its folder must be ours."""
        text = (_read(self._prefix / "nginx.pid") or "").strip()
        if not re.fullmatch(r"[0-9]{1,10}", text) or not _is_process(int(text)):
            return None
        try:
            return int(text) if os.path.samefile(f"/proc/{text}/cwd", self._prefix) else None
        except OSError:
            return None

    def _fingerprint_running(self) -> str | None:
        try:
            status, answer = self._ask("GET", "/config")
        except MachineTrouble:
            return None
        return answer if status == 200 else None

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("control", timeout=10)
        try:
            with self._connected() as connection.sock:
                connection.request(method, path, body.encode() if body is not None else None)
                response = connection.getresponse()
                return response.status, response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise MachineTrouble(f"nginx does not answer: {error}") from error

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        """A connection to the control socket, by way of its folder: a socket's path may have 107 bytes only."""
        folder = os.open(self._prefix / "control", os.O_RDONLY | os.O_DIRECTORY)
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(10)
                sock.connect(f"/proc/self/fd/{folder}/socket")
                yield sock
        finally:
            os.close(folder)


# --- files ---


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and on the disk when this returns."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _cut_short(log: Path) -> None:
    """Keeps one older log. nginx appends, so it goes on writing at the start of the emptied file."""
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)


# --- the machine ---


def _binary() -> str:
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not found:
        raise MachineTrouble("nginx is not installed", hint=_INSTALL)
    return found


def _folder_with(name: str, folders: Sequence[str]) -> str:
    for folder in folders:
        if Path(folder, name).exists():
            return folder
    raise MachineTrouble(f"nginx's Lua module is not installed: there is no {name}", hint=_INSTALL)


def _worker_user() -> str:
    """User and group that nginx's workers run as when the master is root."""
    for name in ("www-data", "nginx", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return f"{name} {grp.getgrgid(user.pw_gid).gr_name}"
    raise MachineTrouble("there is no user www-data, nginx or nobody for nginx to run as")


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _is_process(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    stat = _read(Path(f"/proc/{pid}/stat"))
    return stat is not None and stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def _wait(done: Callable[[], bool], seconds: float) -> bool:
    """Asks until it is so, for so long at most."""
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True
