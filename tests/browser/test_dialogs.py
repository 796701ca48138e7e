"""Logs and delete: what an app prints stays text, and nothing goes by accident."""

import urllib.parse
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.conftest import PYTHON_APP, Site, wait_until


def press(browser: webdriver.Chrome, app: str, action: str) -> WebElement:
    """Open an app's dialog by its button."""
    button = f'.app[data-app="{app}"] [data-action="{action}"]'
    wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, button))
    browser.find_element(By.CSS_SELECTOR, button).click()
    return wait_until(lambda: browser.find_element(By.CSS_SELECTOR, "dialog[open]"))  # type: ignore[no-any-return]


def say(site: Site, app: str, text: str) -> None:
    site.visit(app, f"/say?{urllib.parse.quote(text)}")


def shown(browser: webdriver.Chrome) -> str:
    return str(browser.find_element(By.ID, "logs-output").text)


def followers(site: Site) -> int:
    """Requests to the server's port that are open now, as the kernel counts them."""
    wanted = f":{site.port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(1 for line in lines if line.split()[1].endswith(wanted) and line.split()[3] == "01")


def test_logs_follow_and_escape_ends_the_stream(browser: webdriver.Chrome, site: Site, hello: str) -> None:
    press(browser, hello, "logs")
    wait_until(lambda: "listening" in shown(browser))
    say(site, hello, "a new line")
    wait_until(lambda: "a new line" in shown(browser), 5)
    during = followers(site)
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    wait_until(lambda: not browser.find_elements(By.CSS_SELECTOR, "dialog[open]"), 3)
    wait_until(lambda: followers(site) < during, 5)
    active = browser.switch_to.active_element
    assert active.get_attribute("data-action") == "logs"  # the focus is where it was


def test_what_an_app_prints_is_text_and_asks_for_nothing(browser: webdriver.Chrome, site: Site, hello: str) -> None:
    browser.get_log("performance")
    hostile = [
        "<script>alert(1)</script>",
        f"<img src='{site.url}/keys?stolen' onerror=alert(2)>",
        "</div></dialog><a href='javascript:alert(3)'>x</a>",
        "\x1b]0;pwn\x07title",
        "\x1b[31mred\x1b[0m and \x1b[8mhidden\x1b[0m",
        "10%\r20%\r100% done",
        "‮backwards",
    ]
    for text in hostile:
        say(site, hello, text)
    press(browser, hello, "logs")
    wait_until(lambda: "backwards" in shown(browser))
    text = shown(browser)
    for literal in hostile[:3]:
        assert literal in text
    assert "title" in text
    assert "pwn" not in "\n".join(
        line for line in text.splitlines() if " router " not in line
    )  # it shows the path as asked
    assert "red and hidden" in text
    assert "100% done" in text and "10%\r" not in text
    assert "‮" not in text
    panel = browser.find_element(By.ID, "logs-output")
    assert panel.find_elements(By.CSS_SELECTOR, "script, img, a, dialog") == []
    assert panel.find_element(By.CSS_SELECTOR, ".sgr-1").text == "red"
    try:
        raise AssertionError(browser.switch_to.alert.text)
    except NoAlertPresentException:
        pass
    assert not [entry for entry in browser.get_log("performance") if "/keys?stolen" in _requested(entry)]


def _requested(entry: dict[str, str]) -> str:
    return entry["message"] if '"Network.requestWillBeSent"' in entry["message"] else ""


def test_a_flood_keeps_few_nodes_and_the_reader_may_scroll_up(
    browser: webdriver.Chrome, site: Site, hello: str
) -> None:
    press(browser, hello, "logs")
    wait_until(lambda: "listening" in shown(browser))
    site.visit(hello, "/flood?6000")
    wait_until(
        lambda: "flood 5999" in browser.execute_script("return document.getElementById('logs-output').innerText")
    )
    count = "return document.getElementById('logs-output').childElementCount"
    assert browser.execute_script(count) == 2000
    follow = browser.find_element(By.ID, "logs-follow")
    assert follow.is_selected()
    browser.execute_script("document.getElementById('logs-output').scrollTop -= 3000")
    wait_until(lambda: not follow.is_selected(), 3)
    top = browser.execute_script("return document.getElementById('logs-output').scrollTop")
    say(site, hello, "while reading")
    wait_until(lambda: "while reading" in browser.page_source)
    assert abs(browser.execute_script("return document.getElementById('logs-output').scrollTop") - top) < 60
    follow.click()
    wait_until(
        lambda: browser.execute_script(
            "const p = document.getElementById('logs-output'); return p.scrollTop + p.clientHeight > p.scrollHeight - 4"
        )
    )
    say(site, hello, "the last word")
    wait_until(lambda: "the last word" in shown(browser))
    assert follow.is_selected()


def test_delete_needs_the_name(browser: webdriver.Chrome, site: Site) -> None:
    site.ask("POST", "/apps", {"name": "going"})
    dialog = press(browser, "going", "delete")
    field = dialog.find_element(By.ID, "delete-confirm")
    assert browser.switch_to.active_element == field
    field.send_keys("goin", Keys.ENTER)
    wait_until(lambda: "That is not its name" in dialog.text)
    assert "going" in [app["name"] for app in site.ask("GET", "/apps")]
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("going", Keys.ENTER)
    wait_until(lambda: not browser.find_elements(By.CSS_SELECTOR, '.app[data-app="going"]'), 10)
    assert not browser.find_elements(By.CSS_SELECTOR, "dialog[open]")
    assert "going" not in [app["name"] for app in site.ask("GET", "/apps")]


def test_escape_keeps_the_app(browser: webdriver.Chrome, site: Site, hello: str) -> None:
    dialog = press(browser, hello, "delete")
    dialog.find_element(By.ID, "delete-confirm").send_keys(hello, Keys.ESCAPE)
    wait_until(lambda: not browser.find_elements(By.CSS_SELECTOR, "dialog[open]"), 3)
    assert site.app(hello)["status"] == "running"


def test_deleting_a_live_app_takes_its_row_and_its_containers(
    browser: webdriver.Chrome, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    done = site.push("shortlived", tmp_path_factory.mktemp("short"), PYTHON_APP)
    assert done.returncode == 0, done.stderr
    dialog = press(browser, "shortlived", "delete")
    dialog.find_element(By.ID, "delete-confirm").send_keys("shortlived", Keys.ENTER)
    wait_until(lambda: not browser.find_elements(By.CSS_SELECTOR, '.app[data-app="shortlived"]'), 15)


def test_an_old_release_is_brought_back_with_one_button(
    browser: webdriver.Chrome, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    done = site.push("back", tmp_path_factory.mktemp("back"), PYTHON_APP)
    assert done.returncode == 0, done.stderr
    site.ask("PATCH", "/apps/back/config", {"values": {"WORD": "two"}})
    dialog = press(browser, "back", "deploys")
    title = dialog.find_element(By.ID, "releases-title")
    wait_until(lambda: title.text == "Releases: v2 is live")
    title.send_keys(Keys.ENTER)
    buttons = dialog.find_elements(By.CSS_SELECTOR, "#releases-list button")
    assert [button.text for button in buttons] == ["Roll back to v1"]
    assert "Set WORD" in dialog.find_element(By.ID, "releases-list").text
    buttons[0].click()
    wait_until(lambda: dialog.find_element(By.ID, "deploys-state").text == "Live: back v3, as v1 was", 30)
    assert title.text == "Releases: v3 is live"
    assert "Rolling back to v1" in dialog.find_element(By.ID, "deploys-output").text
    assert site.app("back")["release"] == 3
    assert site.ask("GET", "/apps/back/config") == {}
    site.ask("DELETE", "/apps/back")
