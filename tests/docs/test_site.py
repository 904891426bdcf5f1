"""The documentation's site: built strictly, whole, and quiet: it asks nothing of anybody else."""

from __future__ import annotations

import functools
import http.server
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.support import browser
from tests.support.docs.blocks import ROOT

pytestmark = pytest.mark.slow
PAGES = ("", "zh-CN/", "platform-user/", "images/", "failures/")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Path:
    done = subprocess.run([ROOT / "scripts" / "docs"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(done.stdout.split()[-1]).parent


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def chromium() -> Iterator[webdriver.Chrome]:
    with browser.opened() as opened:
        yield opened


def test_every_page_of_the_docs_is_in_it(site: Path) -> None:
    missing = [page.stem for page in (ROOT / "docs").glob("*.md") if not (site / page.stem / "index.html").is_file()]
    assert missing == []


def test_links_to_other_places_are_well_formed(site: Path) -> None:
    links = {link for page in site.rglob("*.html") for link in re.findall(r'href="(https?:[^"]*)"', page.read_text())}
    assert [link for link in links if not re.fullmatch(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+/[\w./#-]*", link)] == []


def test_opening_it_asks_nothing_of_another_host(address: str, chromium: webdriver.Chrome) -> None:
    for page in PAGES:
        chromium.get(address + page)
    told = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]  # type: ignore[no-untyped-call]
    asked = {one["params"]["request"]["url"] for one in told if one["method"] == "Network.requestWillBeSent"}
    hosts = {urlsplit(url).netloc for url in asked if url.startswith("http")}
    assert hosts == {urlsplit(address).netloc}


def test_a_search_finds_a_page(address: str, chromium: webdriver.Chrome) -> None:
    chromium.get(address)
    field = chromium.find_element(By.CSS_SELECTOR, "input.md-search__input")
    chromium.execute_script("document.querySelector('label[for=__search]').click()")  # type: ignore[no-untyped-call]
    WebDriverWait(chromium, 20).until(lambda _: field.is_displayed())
    field.send_keys("nss-wrapper")
    found = (By.CSS_SELECTOR, ".md-search-result__link")
    patience = WebDriverWait(chromium, 20, ignored_exceptions=[StaleElementReferenceException])  # drawn while we look
    links = patience.until(lambda page: [str(one.get_attribute("href")) for one in page.find_elements(*found)])
    assert "/images/" in links[0]


def test_no_page_is_wider_than_a_phone(address: str) -> None:
    with browser.opened(width=400) as phone:
        for page in PAGES:
            phone.get(address + page)
            width = phone.execute_script("return document.documentElement.scrollWidth")  # type: ignore[no-untyped-call]
            assert width <= 400, page
