"""The live page in a real browser: Chromium without a window, on the invented territory.

Skipped where there is no Chromium or no Playwright (extra `test`) or no Solara (extra `dashboard`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("TERRITOIRE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
PATIENCE_MS = 20_000

if CHROMIUM is None:
    pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright (extra 'test') is not installed")
pytest.importorskip("solara", reason="Solara (extra 'dashboard') is not installed")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the page in a folder of its own; nothing may be left there."""
    folder = tmp_path_factory.mktemp("page")
    command = [sys.executable, "-m", "experiments", "dashboard", "-t", "tiny", "--no-browser", "--port", "0"]
    command += ["--days", "400", "--warm-up", "60", "--set", "follow_up_days=30"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    line = server.stdout.readline()
    assert line.startswith("The page is at http://127.0.0.1:"), line
    yield line.split()[4]
    server.terminate()
    server.wait(30)
    assert list(folder.iterdir()) == [], "the page wrote something"


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def page(browser, address: str) -> Iterator:
    """Open the page; no error may come up, and nothing may be asked from another machine."""
    opened = browser.new_page(viewport={"width": 1400, "height": 1200})
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.on("request", lambda asked: wrong.append(asked.url) if not is_here(asked.url, address) else None)
    opened.set_default_timeout(PATIENCE_MS)
    opened.goto(address)
    opened.wait_for_selector(".tt-head")
    yield opened
    opened.close()
    assert wrong == []


def is_here(url: str, address: str) -> bool:
    return url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))


def date(page) -> str:
    return page.inner_text(".tt-head b")


def wait_for(page, condition: str) -> None:
    page.wait_for_function(condition)


def set_slider(page, place: int, share: float) -> None:
    box = page.locator(".v-slider").nth(place).bounding_box()
    page.mouse.click(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)


def fills(page, world: str) -> list[str]:
    return page.eval_on_selector_all(f".tt-{world} .tt-commune", "all => all.map(one => one.getAttribute('fill'))")


def test_the_first_picture_is_there_at_once(browser, address: str) -> None:
    times = []
    for _ in range(2):  # the better of two: others use this machine too
        opened = browser.new_page()
        began = time.monotonic()
        opened.goto(address)
        opened.wait_for_selector(".tt-map svg .tt-commune", timeout=PATIENCE_MS)
        times.append(time.monotonic() - began)
        opened.close()
    assert min(times) < 5.0, times


def test_the_clock_steps_plays_and_pauses(page) -> None:
    assert date(page) == "2020-01-01"
    page.click(".tt-step")
    wait_for(page, "document.querySelector('.tt-head b')?.innerText == '2020-01-31'")
    page.get_by_role("button", name="a week").click()
    page.click(".tt-step")
    wait_for(page, "document.querySelector('.tt-head b')?.innerText == '2020-02-07'")
    wait_for(page, "document.querySelector('.tt-chart .tt-before')?.getAttribute('d')?.startsWith('M')")
    page.click(".tt-play")
    wait_for(page, "document.querySelector('.tt-head b')?.innerText > '2020-02-20'")
    page.click(".tt-play")
    page.wait_for_timeout(500)
    stopped = date(page)
    page.wait_for_timeout(700)
    assert date(page) == stopped
    page.click(".tt-restart")
    wait_for(page, "document.querySelector('.tt-head b')?.innerText == '2020-01-01'")


def test_a_month_is_lived_and_drawn_in_well_under_a_second(page) -> None:
    page.click(".tt-step")
    wait_for(page, "document.querySelector('.tt-head b')?.innerText == '2020-01-31'")
    times = []
    for end in ("2020-03-01", "2020-03-31", "2020-04-30"):
        began = time.monotonic()
        page.click(".tt-step")
        wait_for(page, f"document.querySelector('.tt-head b')?.innerText == '{end}'")
        times.append(time.monotonic() - began)
    assert min(times) < 1.0, times


def test_a_lever_makes_another_world_beside_the_status_quo(page) -> None:
    for end in ("2020-01-31", "2020-03-01"):
        page.click(".tt-step")
        wait_for(page, f"document.querySelector('.tt-head b')?.innerText == '{end}'")
    assert fills(page, "baseline") == fills(page, "policy")
    before = fills(page, "baseline")
    set_slider(page, 2, 0.9)
    wait_for(page, "!document.querySelector('.tt-policy .tt-world span')")
    assert date(page) == "2020-03-01", "the clock stands still meanwhile"
    wait_for(page, "document.querySelectorAll('.tt-chart .tt-after').length == 6")
    wait_for(page, "[...document.querySelectorAll('.tt-read')].every(read => read.innerText.includes(' → '))")
    shown = page.locator(".tt-chart").nth(5).locator(".tt-read").inner_text()
    old, new = (float(text) for text in shown.split(": ")[1].split(" → "))
    assert new > 1.5 * old, "more visits by video"
    page.get_by_role("button", name="Access").click()
    end = time.monotonic() + 10
    while fills(page, "baseline") == before:  # another question, other colours
        assert time.monotonic() < end
        page.wait_for_timeout(100)
    page.click(".tt-neutral")
    page.wait_for_selector(".tt-policy .tt-world span")
    assert fills(page, "baseline") == fills(page, "policy")


def test_a_commune_and_a_person_can_be_clicked_and_the_life_read(page) -> None:
    page.click(".tt-step")
    wait_for(page, "document.querySelector('.tt-head b')?.innerText == '2020-01-31'")
    name = page.locator(".tt-commune").nth(1).get_attribute("data-commune")
    page.locator(".tt-commune").nth(1).click()
    page.wait_for_selector(".tt-person")
    assert name in page.inner_text(".tt-lives")
    page.locator(".tt-person").first.click()
    page.wait_for_selector(".tt-who")
    first = page.locator(".tt-person").first.get_attribute("data-person")
    assert f"Person {first}:" in page.inner_text(".tt-who")
    assert page.locator(".tt-told td").first.inner_text().startswith("20")
    set_slider(page, 2, 0.9)
    page.wait_for_selector(".tt-cause")
    assert page.inner_text(".tt-cause").startswith(("Both lives are the same", "Here the two lives part"))


def test_the_page_speaks_french(page) -> None:
    page.get_by_role("button", name="Français").click()
    page.wait_for_selector("text=Horloge")
    wait_for(
        page, "!document.body.innerText.toLowerCase().includes('status quo')"
    )  # the last words come a moment later
    shown = page.inner_text("body")
    for text in ("Horloge", "Délai", "Attente d'un MG", "Passages aux urgences", "graine"):
        assert text.lower() in shown.lower(), text
    for text in ("Status quo", "Clock", "Play", "Policy", "inhabitants"):
        assert text.lower() not in shown.lower(), text


def test_two_readers_have_two_clocks(page, browser, address: str) -> None:
    page.click(".tt-step")
    wait_for(page, "document.querySelector('.tt-head b')?.innerText == '2020-01-31'")
    other = browser.new_page()
    other.goto(address)
    other.wait_for_selector(".tt-head", timeout=PATIENCE_MS)
    assert date(other) == "2020-01-01" and date(page) == "2020-01-31"
    other.close()


@pytest.mark.parametrize(
    "path", ["_solara/cdn/../../pyproject.toml", "_solara/cdn/evil@1/x.js", "static/public/../cli.py"]
)
def test_no_path_leads_to_the_disk(address: str, path: str) -> None:
    class Plain(urllib.request.HTTPDefaultErrorHandler):
        def http_error_default(self, req, fp, code, msg, hdrs):
            return fp

    answer = urllib.request.build_opener(Plain).open(f"{address}/{path}")
    body = answer.read().decode("utf-8", "replace")
    assert "[project]" not in body and "import typer" not in body
    assert answer.status >= 400 or "<html" in body
