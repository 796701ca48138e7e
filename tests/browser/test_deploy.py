"""The deploy form: the transcript is live, refusals are said beside it, the verdict is clear."""

import secrets
import time

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tests.browser.conftest import SERVER_PY, Site, wait_until

pytestmark = pytest.mark.alone

# The nonce keeps the engine from taking the step from its cache.
TICKS = """\
FROM minpaas/python:3.13
COPY server.py nonce ./
RUN for i in 1 2 3; do printf '\\033[32mtick\\033[0m %s <b>bold?</b>\\n' $i; sleep 1; done
CMD ["python3", "server.py"]
"""


def fill(browser: webdriver.Chrome, **fields: str) -> None:
    for name, text in fields.items():
        if name == "runtime":
            Select(browser.find_element(By.ID, name)).select_by_value(text)
        else:
            field = browser.find_element(By.ID, name)
            field.clear()
            field.send_keys(text)


def submit(browser: webdriver.Chrome) -> None:
    browser.find_element(By.CSS_SELECTOR, "#deploy-form button[type=submit]").click()


def output(browser: webdriver.Chrome) -> str:
    return str(browser.find_element(By.ID, "deploy-output").text)


def verdict(browser: webdriver.Chrome) -> tuple[str | None, str]:
    box = browser.find_element(By.ID, "verdict")
    return box.get_attribute("data-state"), box.find_element(By.ID, "verdict-text").text


def problem(browser: webdriver.Chrome) -> str:
    box = browser.find_element(By.ID, "deploy-problem")
    return box.text if box.is_displayed() else ""


def test_the_transcript_is_live_and_ends_with_a_link(browser: webdriver.Chrome, site: Site) -> None:
    url = site.host.put("ticks", {"server.py": SERVER_PY, "Dockerfile": TICKS, "nonce": secrets.token_hex(8)})
    fill(browser, repo=url, app="ticks", runtime="dockerfile")
    submit(browser)
    seen: dict[str, float] = {}
    for number in ("1", "2", "3"):
        wait_until(lambda n=number: f"tick {n}" in output(browser), 30, 0.02)  # type: ignore[misc]
        seen[number] = time.monotonic()
        assert verdict(browser)[0] == "running"
    assert 0.5 < seen["2"] - seen["1"] < 1.9
    assert 0.5 < seen["3"] - seen["2"] < 1.9
    wait_until(lambda: verdict(browser)[0] == "live", 30)
    assert verdict(browser)[1] == "Live: ticks v1"
    assert browser.find_element(By.ID, "verdict-link").get_attribute("href") == site.app("ticks")["url"] + "/"
    shown = output(browser)
    assert "-----> Live: ticks v1" in shown
    assert "<b>bold?</b>" in shown  # as text
    assert browser.find_elements(By.CSS_SELECTOR, "#deploy-output b") == []
    assert browser.find_element(By.CSS_SELECTOR, "#deploy-output .output .sgr-2").text == "tick"
    assert browser.find_elements(By.CSS_SELECTOR, '.app[data-app="ticks"][data-status="running"]')


def test_the_name_is_proposed_from_the_url(browser: webdriver.Chrome) -> None:
    fill(browser, repo="https://example.com/me/My_Site.git", ref="main")
    assert browser.find_element(By.ID, "app").get_attribute("value") == "my-site"


def test_a_refused_url_says_what_and_what_next(browser: webdriver.Chrome, site: Site) -> None:
    fill(browser, repo="file:///etc", app="refused")
    submit(browser)
    wait_until(lambda: "That is not a repository URL" in problem(browser), 5)
    assert "file:///etc" in problem(browser)
    assert "give an address such as" in problem(browser)
    assert verdict(browser) == ("failed", "Failed: That is not a repository URL")
    field = browser.find_element(By.ID, "repo")
    assert field.get_attribute("aria-invalid") == "true"
    assert browser.switch_to.active_element == field
    assert site.ask("GET", "/apps") == [app for app in site.ask("GET", "/apps") if app["name"] != "refused"]


def test_a_private_address_is_refused_in_the_transcript_and_beside_the_form(browser: webdriver.Chrome) -> None:
    fill(browser, repo="http://127.0.0.1:9/x.git", app="private")
    submit(browser)
    wait_until(lambda: verdict(browser)[0] == "failed", 15)
    assert "private address" in problem(browser)
    assert "MINPAAS_REPO_HOSTS=127.0.0.1:9" in problem(browser)
    wait_until(lambda: "MINPAAS_REPO_HOSTS" in output(browser))


def test_a_failed_build_says_so_and_the_form_can_be_used_again(browser: webdriver.Chrome, site: Site) -> None:
    dockerfile = "FROM minpaas/python:3.13\nRUN echo about to fail; exit 3\n"
    fill(browser, repo=site.host.put("broken", {"Dockerfile": dockerfile}), app="broken")
    submit(browser)
    wait_until(lambda: verdict(browser) == ("failed", "Failed: The build failed"), 30)
    wait_until(lambda: "about to fail" in output(browser))
    assert browser.find_element(By.CSS_SELECTOR, "#deploy-form button[type=submit]").is_enabled()
    wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, '.app[data-app="broken"][data-status="created"]'), 5)


def test_deploys_are_listed_with_their_transcripts(browser: webdriver.Chrome, site: Site, hello: str) -> None:
    wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, f'.app[data-app="{hello}"]'))
    browser.find_element(By.CSS_SELECTOR, f'.app[data-app="{hello}"] [data-action="deploys"]').click()
    dialog = browser.find_element(By.ID, "deploys")
    wait_until(lambda: "Live: hello v1" in dialog.find_element(By.ID, "deploys-output").text)
    entry = dialog.find_element(By.CSS_SELECTOR, "#deploys-list button")
    assert "Live" in entry.text and site.app(hello)["commit"][:7] in entry.text


def test_a_deploy_that_runs_can_be_followed_from_its_app(browser: webdriver.Chrome, site: Site) -> None:
    nonce = secrets.token_hex(8)
    dockerfile = f"FROM minpaas/python:3.13\nCOPY server.py .\nRUN echo begun {nonce}; sleep 3; exit 1\n"
    url = site.host.put("slow", {"server.py": SERVER_PY, "Dockerfile": dockerfile})
    site.ask("POST", "/deploy?wait=false", {"app": "slow", "repo": url})
    button = '.app[data-app="slow"] [data-action="deploys"]'
    wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, button))
    browser.find_element(By.CSS_SELECTOR, button).click()
    dialog = browser.find_element(By.ID, "deploys")
    wait_until(lambda: f"begun {nonce}" in dialog.find_element(By.ID, "deploys-output").text)
    assert "Running" in dialog.find_element(By.ID, "deploys-list").text
    wait_until(lambda: "Failed" in dialog.find_element(By.ID, "deploys-list").text)
    assert "build failed" in dialog.find_element(By.ID, "deploys-list").text
