"""The git process: `python -m minpaas.server.ssh`. Pushes and fetches over SSH, and those of /git over a unix socket.

A process of its own, so that it can have a memory limit, and a hostile pack costs the control plane nothing. It ends
when its standard input does: the control plane holds the other end, and even `kill -9` closes that.
"""

import errno
import logging
import os
import resource
import shlex
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import paramiko
from dulwich.errors import HangupException

from minpaas.server.git import pipe, unix_socket
from minpaas.server.git.session import SERVICES, Request, Turned, app_of, serve, sweep
from minpaas.server.git.wire import PATIENCE, Wire
from minpaas.server.settings import Settings, load
from minpaas.server.ssh_keys import AuthorizedKeys, host_key

log = logging.getLogger("minpaas.ssh")

MEMORY = 768 << 20
THREAD_STACK = 512 << 10
MOST_PENDING, MOST_PENDING_OF_ONE = 64, 32  # connections that have not authenticated; all of loopback is one address
MOST_CONNECTIONS, MOST_CHANNELS = 256, 10
_LOGIN = 20.0  # seconds until a connection must have asked for something
_LINGER = 60.0  # an idle connection is closed after this
_BIND_FOR = 15.0
_WINDOW = 8 << 20  # at 80 ms round trip the default window makes 100 MB take 5 s, this one 2 s
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr")


class Gate:
    """Counts connections, so that those who never authenticate cannot use up the threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: Counter[str] = Counter()
        self._all = 0

    def enter(self, address: str) -> bool:
        """Whether one more may come in from this address."""
        with self._lock:
            if (
                self._all >= MOST_CONNECTIONS
                or self._pending.total() >= MOST_PENDING
                or self._pending[address] >= MOST_PENDING_OF_ONE
            ):
                return False
            self._pending[address] += 1
            self._all += 1
            return True

    def authenticated(self, address: str) -> None:
        """It is pending no longer."""
        with self._lock:
            self._pending[address] -= 1
            self._pending += Counter()  # forgets addresses that count zero

    def leave(self) -> None:
        """An authenticated or abandoned connection has ended."""
        with self._lock:
            self._all -= 1


class Visitor(paramiko.ServerInterface):
    """One connection: public key only, git only."""

    def __init__(self, settings: Settings, keys: AuthorizedKeys, address: str):
        self._settings, self._keys, self._address = settings, keys, address
        self._actor = ""
        self._lock = threading.Lock()
        self._channels = 0
        self.busy = 0
        self.last_end = time.monotonic()

    def get_allowed_auths(self, username: str) -> str:
        """Nothing but keys."""
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """Any user name will do: the key says who it is."""
        if self._keys.knows(key):
            self._actor = f"ssh:{key.fingerprint}"
            return paramiko.common.AUTH_SUCCESSFUL
        log.warning("refused key %s from %s", key.fingerprint, self._address)
        return paramiko.common.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Sessions, a few of them."""
        with self._lock:
            self._channels += 1
            if kind == "session" and self._channels <= MOST_CHANNELS:
                return paramiko.common.OPEN_SUCCEEDED
        return paramiko.common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_env_request(self, channel: paramiko.Channel, name: bytes, value: bytes) -> bool:
        """git asks for its protocol version this way; we speak the first one, to which it falls back."""
        return name == b"GIT_PROTOCOL"

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        """git-receive-pack 'app' or git-upload-pack 'app'."""
        return self._start(lambda: self._run(channel, command.decode("utf-8", "replace")))

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        """Somebody tries plain ssh: say what this is."""
        return self._start(lambda: self._greet(channel))

    def _start(self, work: Callable[[], None]) -> bool:
        def run() -> None:
            try:
                work()
            finally:
                with self._lock:
                    self.busy -= 1
                    self.last_end = time.monotonic()

        with self._lock:
            self.busy += 1
        threading.Thread(target=run, daemon=True).start()
        return True

    def _greet(self, channel: paramiko.Channel) -> None:
        with _ending(channel) as end:
            channel.sendall(b"Hi! You are known here. MinPaas only speaks git: git push minpaas main\r\n")
            end(1)

    def _run(self, channel: paramiko.Channel, command: str) -> None:
        with _ending(channel) as end:
            channel.settimeout(PATIENCE)
            try:
                service, app = _parse(command)
                wire = Wire(lambda: channel.recv(1 << 24), channel.sendall, channel.settimeout)
                serve(self._settings, Request(service, app, self._actor), wire)
                end(0)
            except Turned as turned:
                lines = "".join(f" !     {line}\n" for line in turned.text.splitlines())
                channel.sendall_stderr(lines.encode())
                end(1)
            except (HangupException, OSError, EOFError) as error:
                log.info("a client left: %s", error)
            except Exception:
                log.exception("a session failed: %r", command[:200])
                channel.sendall_stderr(b" !     the git side of MinPaas failed; its log says why\n")


def _parse(command: str) -> tuple[str, str]:
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if words[:1] == ["git"]:
        words = [f"git-{words[1]}", *words[2:]] if len(words) > 1 else []
    if len(words) != 2 or words[0] not in SERVICES:
        raise Turned(403, "only git push and git fetch are served here")
    return words[0], app_of(words[1])


@contextmanager
def _ending(channel: paramiko.Channel) -> Iterator[Callable[[int], None]]:
    """Sends the exit status, 128 unless another was given, and closes, whatever state the channel is in."""
    status = [128]
    try:
        yield lambda code: status.__setitem__(0, code)
    except Exception as error:  # nobody is left to tell
        log.info("session: %s", error)
    finally:  # a client whose channel stays open waits for ever
        try:
            channel.send_exit_status(status[0])
            channel.shutdown_write()
            channel.close()
        except Exception as error:  # paramiko raises what the socket raised, or its own
            log.debug("close: %s", error)


def serve_connection(
    settings: Settings, keys: AuthorizedKeys, key: paramiko.PKey, connection: socket.socket, gate: Gate, address: str
) -> None:
    """One SSH connection from its first byte to its end."""
    pending, transport = True, None
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = paramiko.Transport(
            connection, default_window_size=_WINDOW, disabled_algorithms={"pubkeys": ["ssh-rsa"]}
        )
        transport.get_security_options().ciphers = _CIPHERS
        transport.add_server_key(key)
        transport.set_keepalive(30)
        visitor = Visitor(settings, keys, address)
        transport.start_server(server=visitor)
        channel = transport.accept(_LOGIN)  # paramiko closes a channel that nobody refers to
        if channel is None:
            return
        gate.authenticated(address)
        pending = False
        while transport.is_active() and transport.is_alive():  # its thread may have died for want of memory
            transport.join(5)
            if not visitor.busy and time.monotonic() - visitor.last_end > _LINGER:
                return
    except Exception as error:  # what a stranger's bytes can raise in an SSH library is an open list
        log.info("connection from %s: %s", address, error)
    finally:
        if pending:
            gate.authenticated(address)
        gate.leave()
        if transport:
            transport.close()
        connection.close()


def accept_forever(
    settings: Settings, listener: socket.socket, key: paramiko.PKey, keys: AuthorizedKeys, gate: Gate
) -> None:
    """One thread a connection."""
    while True:
        try:
            connection, peer = listener.accept()
        except OSError as error:  # out of file handles, or aborted before we took it
            log.warning("accept: %s", error)
            time.sleep(0.1)
            continue
        address = str(peer[0])
        if not gate.enter(address):
            connection.close()
            continue
        args = (settings, keys, key, connection, gate, address)
        try:
            threading.Thread(target=serve_connection, args=args, daemon=True).start()
        except RuntimeError as error:  # no memory for one more thread: this one has to come back
            log.warning("from %s: %s", address, error)
            gate.authenticated(address)
            gate.leave()
            connection.close()


def listen(host: str, port: int) -> list[socket.socket]:
    """SSH's sockets. `localhost` may lead to either loopback address, so 127.0.0.1 brings [::1] along."""
    hosts = [host, "::1"] if host == "127.0.0.1" else [host.strip("[]")]
    listeners: list[socket.socket] = []
    for one in hosts:
        try:
            listeners.append(_bind(one, port))
        except OSError as error:
            if one == hosts[0] or error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise
            log.info("%s is not on this machine", one)
    return listeners


def _bind(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    until = time.monotonic() + _BIND_FOR
    while True:
        listener = socket.socket(family)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen(128)
            return listener
        except OSError as error:
            listener.close()
            # the process before us may still be on its way out
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise
            time.sleep(0.2)


def _end_with_stdin() -> None:
    """Blocks until the control plane is gone, then ends the process at once: its work is worth nothing without it."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def main() -> None:
    """Run until standard input ends."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="git: %(message)s")
    for chatty in ("paramiko", "dulwich"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    settings = load()
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the terminal is for the control plane, which ends us
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    threading.stack_size(THREAD_STACK)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.repos.mkdir(mode=0o700, parents=True, exist_ok=True)
    sweep(settings)
    try:
        listeners = listen(settings.ssh_host, settings.ssh_port)
        over_http = unix_socket.listen(settings.git_socket)
    except OSError as error:
        sys.exit(f" !     SSH cannot listen on {settings.ssh_host}:{settings.ssh_port}: {error.strerror}")
    key, keys, gate = host_key(settings.state), AuthorizedKeys(settings.state / "authorized_keys"), Gate()
    for listener in listeners:
        threading.Thread(target=accept_forever, args=(settings, listener, key, keys, gate), daemon=True).start()
    log.info("ssh on %s:%d", settings.ssh_host, settings.ssh_port)
    pipe.accept_forever(settings, over_http)


if __name__ == "__main__":
    main()
