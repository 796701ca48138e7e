"""The page itself: narrow screens, the keyboard, labels, and a server that is away."""

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import Site, resize, wait_until
from tests.browser.test_dialogs import press

WIDE = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
LONG = "a-name-as-long-as-a-name-may-be-" + "x" * 31


@pytest.mark.parametrize("width", [320, 360, 900, 1125])
def test_nothing_scrolls_sideways(browser: webdriver.Chrome, site: Site, hello: str, width: int) -> None:
    resize(browser, width, 740)
    site.ask("POST", "/apps", {"name": LONG})
    wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, f'.app[data-app="{LONG}"]'))
    try:
        assert browser.execute_script(WIDE) <= 0
        for action in ("logs", "deploys", "config", "delete"):
            dialog = press(browser, LONG, action)
            assert browser.execute_script(WIDE) <= 0
            box = dialog.rect
            assert box["x"] >= 0 and box["x"] + box["width"] <= width
            assert browser.execute_script("return arguments[0].scrollWidth <= arguments[0].clientWidth", dialog)
            browser.switch_to.active_element.send_keys(Keys.ESCAPE)
            wait_until(lambda: not browser.find_elements(By.CSS_SELECTOR, "dialog[open]"), 3)
    finally:
        site.ask("DELETE", f"/apps/{LONG}")


def test_every_field_and_button_has_a_name(browser: webdriver.Chrome, hello: str) -> None:
    wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, ".app"))
    _all_named(browser, "body > :not(dialog)")
    names = [button.accessible_name for button in browser.find_elements(By.CSS_SELECTOR, ".app button")]
    assert len(set(names)) == len(names)  # "Logs of hello", not five times "Logs"
    for action in ("logs", "deploys", "config", "delete"):
        assert press(browser, hello, action).accessible_name
        _all_named(browser, "dialog[open]")
        webdriver.ActionChains(browser).send_keys(Keys.ESCAPE).perform()


def _all_named(browser: webdriver.Chrome, within: str) -> None:
    fields = browser.find_elements(By.CSS_SELECTOR, f":is({within}) :is(input, textarea, select, button)")
    assert fields
    for field in fields:
        assert field.accessible_name, field.get_attribute("outerHTML")


def test_the_keyboard_reaches_everything_and_the_focus_is_seen(browser: webdriver.Chrome, hello: str) -> None:
    wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, ".app"))
    reached = set()
    for _ in range(40):
        webdriver.ActionChains(browser).send_keys(Keys.TAB).perform()
        active = browser.switch_to.active_element
        if active.tag_name == "body":
            break
        assert active.value_of_css_property("outline-style") != "none", active.get_attribute("outerHTML")
        reached.add(active.get_attribute("id") or active.get_attribute("data-action") or active.text)
    assert {
        "logs",
        "deploys",
        "config",
        "delete",
        "repo",
        "app",
        "ref",
        "runtime",
        "command",
        "Deploy",
        "deploy-output",
    } <= reached


def test_an_old_list_does_not_pass_for_a_true_one(browser: webdriver.Chrome, hello: str) -> None:
    wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, ".app"))
    box = browser.find_element(By.ID, "offline")
    assert not box.is_displayed()
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd(
        "Network.emulateNetworkConditions",
        {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
    )
    try:
        wait_until(box.is_displayed, 5)
        assert "does not answer" in box.text and "is from" in box.text
    finally:
        browser.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
        )
    wait_until(lambda: not box.is_displayed(), 5)
    browser.get_log("browser")  # the requests that could not be made
