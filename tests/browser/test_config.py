"""Config vars in the dashboard: byte for byte into the container, masked until asked for, refused in words."""

import hashlib
import json
import time
from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.conftest import Site, resize, wait_until
from tests.browser.test_dialogs import press
from tests.integration.test_releases import ENVIRONMENT, TORTURE

# What a paste does: the value at once, and an event. Typing 32 KB takes minutes, and no emoji can be typed.
FILL = """
const [field, text] = arguments;
field.value = text;
field.dispatchEvent(new InputEvent("input", {bubbles: true, inputType: "insertFromPaste"}));
"""


@pytest.fixture(scope="module")
def env_app(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A live app that answers with the digest of each of its environment variables."""
    files = {"server.py": ENVIRONMENT, "Procfile": "web: python server.py\n", "requirements.txt": ""}
    done = site.push("vars", tmp_path_factory.mktemp("vars"), files)
    assert done.returncode == 0, done.stderr
    yield "vars"
    site.ask("DELETE", "/apps/vars")


def sha(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def add(browser: webdriver.Chrome, values: dict[str, str]) -> None:
    """Fill the form, one row after another, and save."""
    for number, (name, value) in enumerate(values.items()):
        if number:
            browser.find_element(By.ID, "config-more").click()
        field = browser.find_elements(By.CSS_SELECTOR, "#config-fields fieldset")[-1]
        browser.execute_script(FILL, field.find_element(By.TAG_NAME, "input"), name)
        browser.execute_script(FILL, field.find_element(By.TAG_NAME, "textarea"), value)
    browser.find_element(By.CSS_SELECTOR, "#config-form [type=submit]").click()


def state(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.ID, "config-state").text


def row(browser: webdriver.Chrome, name: str) -> WebElement:
    return wait_until(lambda: browser.find_element(By.CSS_SELECTOR, f'#config-list [data-name="{name}"]'))  # type: ignore[no-any-return]


def do(browser: webdriver.Chrome, name: str, what: str) -> None:
    row(browser, name).find_element(By.CSS_SELECTOR, f"[data-do={what}]").click()


def shown(browser: webdriver.Chrome, name: str) -> str:
    value = row(browser, name).find_element(By.CLASS_NAME, "value")
    return str(browser.execute_script("return arguments[0].textContent", value))


def test_thirty_torture_values_arrive_byte_for_byte_in_one_release(
    browser: webdriver.Chrome, site: Site, env_app: str
) -> None:
    wanted = {f"T{number}": value for number, value in enumerate(TORTURE)}
    assert len(wanted) == 30
    before = site.app(env_app)["release"]
    press(browser, env_app, "config")
    add(browser, wanted)
    wait_until(lambda: state(browser) == f"Saved. Live: {env_app} v{before + 1}", 60)
    assert "Config vars: Set T0, T1" in browser.find_element(By.ID, "config-output").text
    found = json.loads(site.visit(env_app))
    assert {name: found.get(name) for name in wanted} == {name: sha(value) for name, value in wanted.items()}
    assert len(browser.find_elements(By.CSS_SELECTOR, "#config-list li")) == len(wanted)
    for name in ("T17", "T19", "T28"):  # shown as it is, and saved again unchanged by the page
        do(browser, name, "show")
        wait_until(lambda name=name: shown(browser, name) == wanted[name])
        do(browser, name, "change")
        wait_until(lambda name=name: _holds(browser, name, wanted[name]))
        browser.find_element(By.ID, "config-more").click()
    browser.find_element(By.CSS_SELECTOR, "#config-form [type=submit]").click()
    wait_until(lambda: "Nothing to do" in browser.find_element(By.ID, "config-output").text)
    assert site.app(env_app)["release"] == before + 1


def _holds(browser: webdriver.Chrome, name: str, value: str) -> bool:
    fields = "return [...document.querySelectorAll('#config-fields fieldset')].map((one) => [one.querySelector('input').value, one.querySelector('textarea').value])"
    return [name, value] in browser.execute_script(fields)


def test_values_are_masked_until_shown_and_gone_when_it_is_closed(
    browser: webdriver.Chrome, site: Site, env_app: str
) -> None:
    secret = f"canary-{time.time_ns()}"
    site.ask("PATCH", f"/apps/{env_app}/config", {"values": {"SECRET": secret, "OTHER": f"x{secret}"}})
    press(browser, env_app, "config")
    row(browser, "SECRET")
    assert shown(browser, "SECRET") == "••••"
    assert secret not in browser.page_source
    do(browser, "SECRET", "show")
    wait_until(lambda: shown(browser, "SECRET") == secret)
    assert shown(browser, "OTHER") == "••••" and f"x{secret}" not in browser.page_source
    do(browser, "SECRET", "show")
    wait_until(lambda: secret not in browser.page_source)
    do(browser, "SECRET", "show")
    wait_until(lambda: secret in browser.page_source)
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    wait_until(lambda: not browser.find_elements(By.CSS_SELECTOR, "dialog[open]"), 3)
    assert secret not in browser.page_source


def test_unset_asks_first(browser: webdriver.Chrome, site: Site, env_app: str) -> None:
    site.ask("PATCH", f"/apps/{env_app}/config", {"values": {"GOING": "1", "STAYING": "2"}})
    press(browser, env_app, "config")
    do(browser, "GOING", "ask")
    assert "Unset GOING? This makes a release." in row(browser, "GOING").text
    assert browser.switch_to.active_element.get_attribute("data-do") == "keep"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("data-do") == "ask"
    assert "GOING" in json.loads(site.visit(env_app))
    do(browser, "GOING", "ask")
    do(browser, "GOING", "unset")
    wait_until(lambda: state(browser).startswith("Saved. Live:"), 60)
    assert not browser.find_elements(By.CSS_SELECTOR, '#config-list [data-name="GOING"]')
    found = json.loads(site.visit(env_app))
    assert "GOING" not in found and found["STAYING"] == sha("2")


def test_a_bad_name_is_refused_in_words_and_what_was_typed_stays(
    browser: webdriver.Chrome, site: Site, env_app: str
) -> None:
    before = site.app(env_app)["release"]
    press(browser, env_app, "config")
    add(browser, {"A-B": "kept"})
    problem = browser.find_element(By.ID, "config-problem")
    wait_until(problem.is_displayed)
    for words in ("That is not a config var", "'A-B' is no name", "Next: use letters, digits and _"):
        assert words in problem.text
    assert state(browser) == "Not saved."
    assert _holds(browser, "A-B", "kept")
    assert site.app(env_app)["release"] == before


def test_by_keyboard_alone_at_360_pixels(browser: webdriver.Chrome, site: Site) -> None:
    resize(browser, 360, 740)
    site.ask("POST", "/apps", {"name": "staged"})
    try:
        dialog = press(browser, "staged", "config")
        wait_until(lambda: state(browser) == "No config vars are set.")
        keys = webdriver.ActionChains(browser)
        for _ in range(8):
            if browser.switch_to.active_element.accessible_name == "Name":
                break
            webdriver.ActionChains(browser).send_keys(Keys.TAB).perform()
        keys.send_keys("GREETING", Keys.TAB, "two", Keys.ENTER, "lines", Keys.TAB, Keys.TAB, Keys.ENTER).perform()
        wait_until(lambda: state(browser) == "Saved. The first release gets them.")
        assert site.ask("GET", "/apps/staged/config") == {"GREETING": "two\nlines"}
        assert browser.execute_script("return arguments[0].scrollWidth <= arguments[0].clientWidth", dialog)
    finally:
        site.ask("DELETE", "/apps/staged")
