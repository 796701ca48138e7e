"""What the router costs: one backend asked through three fronts, in one run, in turns. `python tests/benchmarks/router.py`

(a) a static upstream with keep-alive: what nginx can do at best; (a+) the same with the headers that we set;
(b) our router; (c) the seed's way, a map and `proxy_pass http://$upstream`.

Ratios are of the same round, its median. Beside them the processor time that the front took for a request: where others
use the machine too, it is the steadier figure.
"""

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from minpaas.server.models import Route, Target
from minpaas.server.nginx import Nginx
from minpaas.server.settings import Settings

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 3
HOST = "hello.localhost"

_HEADERS = """
    proxy_set_header Upgrade $http_upgrade; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Port $server_port;
    proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Request-ID $request_id; add_header X-Request-ID $request_id always;"""
_FRONTS = """
pid nginx.pid; error_log error.log error; worker_processes {workers};
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 100000;
    client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
    map_hash_bucket_size 128;
    map $host $upstream {{ hostnames; {host} 127.0.0.1:{backend}; }}
    upstream one {{ server 127.0.0.1:{backend}; keepalive 512; keepalive_requests 100000; }}
    server {{ listen 127.0.0.1:{static};
        location / {{ proxy_pass http://one; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host $http_host; }} }}
    server {{ listen 127.0.0.1:{headers};
        location / {{ proxy_pass http://one; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host $http_host; {more} }} }}
    server {{ listen 127.0.0.1:{seed};
        location / {{ proxy_pass http://$upstream; proxy_set_header Host $host; }} }}
}}"""
_BACKEND = """
pid nginx.pid; error_log error.log error; worker_processes 2;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000;
    client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
    server {{ listen 127.0.0.1:{backend}; listen 127.0.0.1:{second}; location / {{ return 200 "ok"; }} }}
}}"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(folder: Path, conf: str) -> subprocess.Popen[bytes]:
    folder.mkdir(mode=0o711)
    (folder / "nginx.conf").write_text(conf)
    command = ["nginx", "-p", ".", "-c", "nginx.conf", "-e", "error.log", "-g", "daemon off;"]
    # A session of its own, as our router has: Linux shares the processor between sessions (sched_autogroup), and a front
    # in the session of wrk and the backend came out nearly twice as quick on a busy machine.
    return subprocess.Popen(command, cwd=folder, start_new_session=True)


def wrk(port: int, seconds: float) -> float:
    """Requests a second; any answer but 200 ends the run."""
    command = ["wrk", "-t1", "-c32", f"-d{seconds:g}s", "-H", f"Host: {HOST}", f"http://127.0.0.1:{port}/"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(said)
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", said)[1])  # type: ignore[index]


def children(pid: int) -> list[int]:
    """The worker processes of an nginx."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def processor_seconds(pids: list[int]) -> float:
    """What processes have used so far, in user and kernel mode."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def switch_under_load(router: Nginx, ports: dict[str, int]) -> None:
    """20 switches between two backends under 64 busy clients, and what they cost."""
    targets = [Target(process="web.1", address=f"127.0.0.1:{ports[name]}") for name in ("backend", "second")]
    url = f"http://127.0.0.1:{ports['ours']}/"
    command = ["wrk", "-t1", "-c64", "-d4s", "-H", f"Host: {HOST}", url]
    load = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    times = []
    for number in range(20):
        time.sleep(0.15)
        start = time.perf_counter()
        router.switch([Route(host=HOST, targets=[targets[number % 2]])])
        times.append(time.perf_counter() - start)
    said, _ = load.communicate(timeout=20)
    errors = [line.strip() for line in said.splitlines() if "errors" in line or "Non-2xx" in line]
    requests = re.search(r"([0-9]+) requests in", said)
    print(
        f"20 switches, 64 clients: {int(requests[1] if requests else 0):,} requests, {', '.join(errors) or '0 errors'}"
    )
    print(f"a switch takes {statistics.median(times) * 1e3:.1f} ms (median), {max(times) * 1e3:.1f} ms (slowest)")


def main() -> None:
    ports = {name: free_port() for name in ("backend", "second", "static", "headers", "seed", "ours")}
    folder = Path(tempfile.mkdtemp(prefix="minpaas-bench-"))
    folder.chmod(0o711)
    router = Nginx(Settings(home=folder / "home", http_port=ports["ours"], http_listen=("127.0.0.1",)))
    started = []
    try:
        started.append(start(folder / "backend", _BACKEND.format(**ports)))
        started.append(start(folder / "fronts", _FRONTS.format(**ports, host=HOST, workers="auto", more=_HEADERS)))
        router.ensure_running()
        target = Target(process="web.1", address=f"127.0.0.1:{ports['backend']}")
        router.switch([Route(host=HOST, targets=[target])])
        fronts = {
            "(a) static upstream": "static",
            "(a+) with our headers": "headers",
            "(b) our router": "ours",
            "(c) the seed's way": "seed",
        }
        for name in fronts.values():
            wrk(ports[name], 1)
        master = int((folder / "home/state/nginx/nginx.pid").read_text())
        workers = {name: children(master if name == "ours" else started[1].pid) for name in fronts.values()}
        rates: dict[str, list[float]] = {front: [] for front in fronts}
        costs: dict[str, list[float]] = {front: [] for front in fronts}
        for _ in range(ROUNDS):
            for front, name in fronts.items():
                before = processor_seconds(workers[name])
                rates[front].append(wrk(ports[name], SECONDS))
                costs[front].append((processor_seconds(workers[name]) - before) / (rates[front][-1] * SECONDS) * 1e6)
        best = rates["(a) static upstream"]
        for front, some in rates.items():
            ratio = statistics.median(one / of for one, of in zip(some, best, strict=True))
            cost = statistics.median(costs[front])
            print(f"{front:22} {statistics.median(some):9,.0f} req/s  {ratio:5.2f} of (a)  {cost:6.1f} us a request")
        switch_under_load(router, ports)
    finally:
        router.stop()
        for process in started:
            process.terminate()
            process.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
