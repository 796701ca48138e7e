"""The list of apps: what it says is so."""

import urllib.request

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.conftest import Site, docker, wait_until


def row(browser: webdriver.Chrome, app: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, f'.app[data-app="{app}"]')


def status(browser: webdriver.Chrome, app: str) -> str:
    return row(browser, app).find_element(By.CSS_SELECTOR, ".status .word").text


def test_first_steps_are_shown_where_there_is_no_app(browser: webdriver.Chrome, site: Site) -> None:
    assert site.ask("GET", "/apps") == []
    panel = browser.find_element(By.ID, "first-steps")
    wait_until(panel.is_displayed)
    assert "minpaas create myapp" in panel.text
    assert "git push minpaas main" in panel.text


def test_a_pushed_app_is_listed_with_what_it_is(browser: webdriver.Chrome, site: Site, hello: str) -> None:
    wait_until(lambda: status(browser, hello) == "Running")
    app, shown = site.app(hello), row(browser, hello).text
    assert not browser.find_element(By.ID, "first-steps").is_displayed()
    for fact in (f"v{app['release']}", app["commit"][:7], "python"):
        assert fact in shown
    link = row(browser, hello).find_element(By.CSS_SELECTOR, "a.link")
    assert link.get_attribute("href") == app["url"] + "/"
    assert link.get_attribute("rel") == "noopener"
    browser.execute_cdp_cmd("Page.navigate", {"url": app["url"]})
    wait_until(lambda: "hello from the app" in browser.find_element(By.TAG_NAME, "body").text)


def test_a_new_app_appears_by_itself_and_says_that_nothing_is_deployed(browser: webdriver.Chrome, site: Site) -> None:
    site.ask("POST", "/apps", {"name": "empty-one"})
    wait_until(lambda: status(browser, "empty-one") == "Not deployed yet", 5)
    site.ask("DELETE", "/apps/empty-one")
    wait_until(lambda: not browser.find_elements(By.CSS_SELECTOR, '.app[data-app="empty-one"]'), 5)


def test_a_killed_container_is_shown_as_crashed_within_five_seconds(
    browser: webdriver.Chrome, site: Site, hello: str
) -> None:
    wait_until(lambda: status(browser, hello) == "Running")
    docker("kill", site.container(hello))
    wait_until(lambda: status(browser, hello) == "Crashed, exit code 137", 5)
    colour = row(browser, hello).find_element(By.CSS_SELECTOR, ".status").value_of_css_property("color")
    assert "crashed" in browser.find_element(By.ID, "summary").text
    assert browser.find_element(By.ID, "said").get_attribute("textContent") == f"{hello}: Crashed, exit code 137"
    docker("start", site.container(hello))
    wait_until(lambda: status(browser, hello) == "Running", 5)
    assert row(browser, hello).find_element(By.CSS_SELECTOR, ".status").value_of_css_property("color") != colour


def test_the_page_and_its_files_say_how_they_may_be_kept(site: Site) -> None:
    with urllib.request.urlopen(site.url, timeout=5) as answer:
        page = answer.read().decode()
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<style" not in page and " style=" not in page and " onclick=" not in page
    path = page.partition('type="module" src="')[2].partition('"')[0]
    with urllib.request.urlopen(site.url + path, timeout=5) as answer:
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Type"].startswith("text/javascript")
