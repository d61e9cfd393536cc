"""The page in a browser: what a person sees, and what they can do with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect

from cli.anomaly_page.app import Setting, application
from cli.anomaly_page.desks import Clerks, SqliteDesks
from cli.anomaly_page.overview import MOST_OPEN
from tests.anomaly_page.asking import asking
from tests.anomaly_page.making import HOSTILE, Plant, quiet

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
ALERT_READ_OUT = r"value 500, expected [\d.]+, range [\d.]+ to [\d.]+, ▼ alert, score \d"
GROUND = "getComputedStyle(document.body).backgroundColor"
Open = Callable[..., Page]
Serve = Callable[..., str]
expect.set_options(timeout=15_000)


@pytest.fixture
def serve(plant: Plant) -> Iterator[Serve]:
    """Serve the page over the plant's database; its URL."""
    with ExitStack() as running:

        def start(by: str = "ann", token: str | None = None) -> str:
            clerks = Clerks(SqliteDesks(str(plant.path)))
            running.callback(clerks.close)
            client = running.enter_context(asking(application(clerks, Setting(by, token=token))))
            return f"{client.base_url}/"

        yield start


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open a page that must report nothing: no error, no violation of its policy, no dialog."""
    complaints: list[str] = []
    contexts = []

    def note(message: ConsoleMessage) -> None:
        # The browser notes by itself which answers are no success: some are not meant to be.
        if message.type in ("error", "warning") and "Failed to load" not in message.text:
            complaints.append(message.text)

    def opened(url: str, **look: object) -> Page:
        context = browser.new_context(**{"timezone_id": "UTC", **look})  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def series_url(url: str, series: str) -> str:
    return f"{url}#/series?name={quote(series, safe='')}"


def test_more_open_alerts_than_are_counted_are_said_to_be_more(
    plant: Plant, serve: Serve, open_page: Open
) -> None:
    plant.connection.executemany(
        "INSERT INTO alerts (alert_id, series, event_time, reason, raised_by)"
        " VALUES (?, 'cpu', '2026-01-01T00:00:00Z', 'strange', 'sweep')",
        [(f"a{number}",) for number in range(MOST_OPEN + 1)],
    )
    page = open_page(serve())
    expect(page).to_have_title("(2,000+) Millrace anomalies")


def test_a_new_alert_appears_by_itself_and_is_acknowledged(
    plant: Plant, serve: Serve, open_page: Open
) -> None:
    plant.send("cpu", *quiet(700))
    before = {one.alert_id for one in plant.desk.alerts()}
    for one in before:
        plant.desk.acknowledge(one, "earlier", 1)
    page = open_page(serve())
    expect(page.get_by_text("Nothing is open in any series")).to_be_visible()

    assert plant.send("cpu", 500.0).alerts == 1

    card = page.locator("#alerts .alert")
    expect(card).to_have_count(1)
    expect(card).to_contain_text("Value 500 is above")
    expect(page.locator("#said")).to_contain_text("New alert: cpu")
    expect(page).to_have_title("(1) Millrace anomalies")
    card.get_by_role("button", name="Acknowledge").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing is open in any series")).to_be_visible()
    found = plant.desk.alert("cpu#700")
    assert (found.acknowledged_by, found.false_alarm) == ("ann", False)


def test_a_new_point_moves_the_chart_and_what_is_said_of_a_series_is_kept(
    plant: Plant, serve: Serve, open_page: Open
) -> None:
    plant.send("cpu", *quiet(300), 500.0)
    page = open_page(series_url(serve(), "cpu"))
    chart = page.get_by_role("slider", name="Points of the series")
    expect(chart).to_have_attribute("aria-valuemax", "300")
    plant.send("cpu", 51.5)
    expect(chart).to_have_attribute("aria-valuemax", "301")
    expect(page.locator(".facts")).to_contain_text("51.5")

    page.get_by_label("Your name, on what you acknowledge").fill("bob")
    page.get_by_role("button", name="False alarm").click()
    expect(page.locator(".alert .state")).to_have_text("✕False alarm")
    page.get_by_label("Sensitivity").select_option("0.5")
    expect(page.locator("#said")).to_have_text("Sensitivity 0.5")
    page.get_by_label("Mute").select_option(label="for 8 hours")
    expect(page.get_by_text("Alerts are kept and not sent until")).to_be_visible()
    (view,) = plant.desk.series()
    assert (view.sensitivity, view.false_alarms, view.muted_until_ms is None) == (0.5, 1, False)
    assert plant.desk.alert("cpu#300").acknowledged_by == "bob"
    page.get_by_role("button", name="End the mute").click()
    expect(page.get_by_label("Mute")).to_be_visible()
    assert plant.desk.series()[0].muted_until_ms is None


def test_a_hostile_name_is_text_and_nothing_else(
    plant: Plant, serve: Serve, open_page: Open
) -> None:
    plant.send(HOSTILE, *quiet(300), 500.0)
    url = serve()
    page = open_page(url)
    page.locator("#alerts").get_by_role("link", name=HOSTILE).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".alert .state")).to_have_text("✓Acknowledged")
    page.locator(".brand").click()
    page.get_by_role("group", name="Which alerts").get_by_role("radio", name="All").check()
    page.get_by_label(f"Mute {HOSTILE}").select_option("until I end it")
    expect(page.locator("#toast")).to_have_text(f"Muted: {HOSTILE}")
    expect(page.locator("#series-list .chip")).to_have_text("muted")
    assert page.evaluate("[window.hacked ?? 0, document.images.length]") == [0, 1]
    assert plant.desk.alert(f"{HOSTILE}#300").acknowledged_by


def test_the_policy_lets_no_markup_in(plant: Plant, serve: Serve, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(serve())
    with pytest.raises(Error, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<b>x</b>'")
    page.close()


def test_a_phone_scrolls_one_way_only(plant: Plant, serve: Serve, open_page: Open) -> None:
    plant.send("a/very/long/name/" * 8, *quiet(300), 500.0)
    url = serve()
    page = open_page(url, color_scheme="light", **PHONE)
    expect(page.locator("#alerts .alert")).to_be_visible()
    assert_fits(page)
    page.get_by_role("link", name="Series 1").click()
    page.locator("#series-list a").click()
    expect(page.locator(".canvas svg")).to_be_visible()
    assert_fits(page)
    page.get_by_text("Flagged points as a table").click()
    assert_fits(page)
    # What is touched is large enough for a finger.
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    assert page.evaluate(GROUND) == "rgb(243, 245, 247)"
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(GROUND) == "rgb(13, 20, 26)"
    page.get_by_role("button", name="Change between light and dark").click()
    assert page.evaluate(GROUND) == "rgb(243, 245, 247)"


def assert_fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_it_is_understood_without_colour_and_without_a_mouse(
    plant: Plant, serve: Serve, open_page: Open
) -> None:
    plant.send("cpu", *quiet(700), 500.0, *quiet(20))
    page = open_page(series_url(serve(), "cpu"))
    expect(page.get_by_role("heading", name="cpu")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the link that skips what stands on every view
    expect(page.locator("main")).to_be_focused()
    legend = page.get_by_role("list", name="What is drawn").get_by_role("listitem")
    expect(legend).to_have_text(
        ["value", "expected", "expected range", "flagged point", "alert", "episode"]
    )
    # Each of them has a shape or a pattern of its own in the chart.
    chart = page.locator(".canvas svg")
    for shape in ("path.line", "path.flag", "path.pin", "path.bracket", "path.band-hatch"):
        expect(chart.locator(shape).first).to_be_attached()
    dashes = "getComputedStyle(document.querySelector('.canvas .expected')).strokeDasharray"
    assert page.evaluate(dashes) != "none"
    hatch = "getComputedStyle(document.querySelector('.canvas .band-hatch')).fill"
    assert "#hatch-band" in page.evaluate(hatch)
    expect(page.locator(".alert .state").first).to_have_text("◆Open")
    # And a keyboard reads it, point by point, and from one flagged point to the next.
    slider = page.get_by_role("slider", name="Points of the series")
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuenow", "0")
    page.keyboard.press("End")
    page.keyboard.press("p")
    while "value 500" not in (slider.get_attribute("aria-valuetext") or ""):
        before = slider.get_attribute("aria-valuenow")
        page.keyboard.press("p")
        assert slider.get_attribute("aria-valuenow") != before, "no earlier flagged point"
    expect(slider).to_have_attribute("aria-valuetext", re.compile(ALERT_READ_OUT))
    page.keyboard.press("+")
    expect(page.get_by_role("radio", name="Zoomed")).to_be_checked()
    page.get_by_role("radio", name="All").check()
    expect(slider).to_have_attribute("aria-valuemax", "720")
    # A mouse chooses a part of it.
    box = page.locator(".canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 160)
    page.mouse.up()
    expect(slider).to_have_attribute("aria-valuemax", re.compile(r"^1\d\d$"))


def test_it_waits_for_a_database_that_is_not_there(
    plant: Plant, serve: Serve, open_page: Open
) -> None:
    kept = plant.path.with_name("elsewhere.db")
    plant.send("cpu", *quiet(30))
    plant.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    plant.connection.close()
    plant.path.rename(kept)
    page = open_page(serve())
    expect(page.get_by_role("heading", name="No database yet")).to_be_visible()
    expect(page.locator("#live")).to_contain_text("Waiting for the database")
    kept.rename(plant.path)
    expect(page.locator("#series-list a")).to_have_count(1)
    expect(page.locator("#live")).to_have_text("Live")


def test_with_a_token_one_signs_in(plant: Plant, serve: Serve, open_page: Open) -> None:
    plant.send("cpu", *quiet(30))
    token = "correct-horse-battery-staple"
    url = serve(token=token)
    page = open_page(url)
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("That is not the token")).to_be_visible()
    page.get_by_label("Token").fill(token)
    page.keyboard.press("Enter")
    expect(page.locator("#series-list a")).to_have_count(1)
    page.reload()
    expect(page.locator("#series-list a")).to_have_count(1)
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], token in cookie["value"]) == (
        True,
        "Strict",
        False,
    )
