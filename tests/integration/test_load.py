"""Many who wait cost those who ask nothing."""

import http.client
import threading
import time

import pytest

from tests.conftest import Checkout, Platform
from tests.integration.sources import serving

pytestmark = pytest.mark.alone

FOLLOWERS, WAITING = 100, 40


def test_followers_and_waiting_deploys_do_not_slow_the_api(own_platform: Platform, checkout: Checkout) -> None:
    platform = own_platform
    checkout.commit(serving("one"))
    assert platform.push(checkout, "chatty").returncode == 0
    slow = 'FROM minpaas/python:3.13\nRUN sleep 12\nCOPY server.py .\nCMD ["python3", "server.py"]\n'
    checkout.commit({"Dockerfile": slow, "Procfile": None, "now": str(time.time())})
    assert platform.push(checkout, "busy", "main:refs/tags/keep").returncode == 0
    sockets = [_follow(platform) for _ in range(FOLLOWERS)]
    pushers = [threading.Thread(target=platform.push, args=(checkout, "busy")) for _ in range(WAITING)]
    for pusher in pushers:
        pusher.start()
    platform.wait_for(lambda: len(platform.request("GET", "/apps/busy/deploys")) >= WAITING, 60, "all deploys to wait")
    took = []
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=10)
    for _ in range(100):
        began = time.monotonic()
        connection.request("GET", "/apps")
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
        took.append(time.monotonic() - began)
        time.sleep(0.01)
    took.sort()
    print(
        f"GET /apps beside {FOLLOWERS} followers and {WAITING} waiting deploys: median {took[50] * 1e3:.1f} ms, worst {took[-1] * 1e3:.1f} ms"
    )
    assert took[-1] < 0.1
    for one in sockets:
        one.close()
    for pusher in pushers:
        pusher.join()


def _follow(platform: Platform) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=120)
    connection.request("GET", "/apps/chatty/logs?follow=true")
    assert connection.getresponse().status == 200
    return connection
