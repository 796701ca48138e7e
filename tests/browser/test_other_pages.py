"""A page of an app, on the same machine, in the same browser: it may change nothing here and read nothing."""

import json
import urllib.parse

from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.browser.conftest import Site, wait_until

PAGE = """<!doctype html><title>busy</title>
<form id=f method=post enctype=text/plain action="SITE/apps" target=sink><input name='{"name": "forged", "x": "' value='"}'></form>
<iframe name=sink></iframe><iframe id=framed src="SITE/"></iframe>
<script>
const body = JSON.stringify({name: "forged"});
const plain = {method: "POST", body, credentials: "include"};
const json = {...plain, headers: {"Content-Type": "application/json"}};
const attempts = {
  read: () => fetch("SITE/apps"),
  plain: () => fetch("SITE/apps", plain),
  json: () => fetch("SITE/apps", json),
  blind: () => fetch("SITE/apps", {...plain, mode: "no-cors"}),
  delete: () => fetch("SITE/apps/hello", {method: "DELETE"}),
  events: () => new Promise((yes, no) => {
    const source = new EventSource("SITE/apps/hello/logs?follow=true"); source.onopen = yes; source.onerror = no;
  }),
  socket: () => new Promise((yes, no) => {
    const socket = new WebSocket("SITE/".replace("http", "ws")); socket.onopen = yes; socket.onerror = no;
  }),
};
document.getElementById("f").submit();
Promise.all(Object.entries(attempts).map(([name, attempt]) =>
  attempt().then((answer) => [name, answer.type ?? "open"], () => [name, "refused"])
)).then((results) => { window.results = Object.fromEntries(results); document.title = "done"; });
</script>"""


def test_an_apps_page_can_neither_read_nor_change_nor_frame(browser: webdriver.Chrome, site: Site, hello: str) -> None:
    page = urllib.parse.quote(PAGE.replace("SITE", site.url), safe="")
    browser.get(f"{site.app(hello)['url']}/page?{page}")
    wait_until(lambda: browser.title == "done")
    results = browser.execute_script("return window.results")
    assert results.pop("blind") == "opaque"  # sent, and refused: see below
    assert set(results.values()) == {"refused"}, json.dumps(results)
    browser.switch_to.frame("framed")
    assert browser.find_elements(By.ID, "deploy-form") == []
    browser.switch_to.default_content()
    browser.switch_to.frame("sink")
    assert "forged" not in browser.page_source or "not allowed" in browser.page_source.lower()
    browser.switch_to.default_content()
    assert "forged" not in [app["name"] for app in site.ask("GET", "/apps")]
    assert site.app(hello)["status"] == "running"
    browser.get_log("browser")  # full of refusals, as it should be
