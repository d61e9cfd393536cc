"""docs/production.md: complete, and true to the template."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from localcloud.stack.template import load_template
from tests.template.reading import EVERYTHING, EXISTING, ROOT, TEMPLATE, of_type, present
from tests.template.watched import alarms, dashboard

PAGE = (ROOT / "docs/production.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """A section with its subsections."""
    begin = PAGE.index(f"\n## {title}\n")
    end = PAGE.find("\n## ", begin + 1)
    return PAGE[begin:end]


def rows(text: str) -> dict[str, list[str]]:
    """The rows of tables whose first cell is a name, by that name."""
    found = {}
    for line in text.splitlines():
        if line.startswith("| `"):
            first, *others = [cell.strip() for cell in line.strip("|").split(" | ")]
            found[first.strip("` |")] = others
    return found


def test_every_parameter_is_there_with_its_default() -> None:
    said = {name: cells[0].strip("`") for name, cells in rows(section("Parameters")).items()}
    declared = load_template(TEMPLATE)["Parameters"]
    assert said == {
        name: "empty" if rules["Default"] == "" else str(rules["Default"])
        for name, rules in declared.items()
    }


def test_parameters_stand_in_the_groups_of_the_template() -> None:
    groups = load_template(TEMPLATE)["Metadata"]["AWS::CloudFormation::Interface"][
        "ParameterGroups"
    ]
    parts = section("Parameters").split("\n### ")[1:]
    assert [list(rows(part)) for part in parts] == [group["Parameters"] for group in groups]


def test_every_alarm_has_a_meaning_and_something_to_do() -> None:
    said = rows(section("Alarms"))
    assert set(said) == set(alarms(EVERYTHING)) | set(alarms(EXISTING))
    assert all(len(cells) == 2 and all(cells) for cells in said.values())


def test_what_alarms_cost_is_what_their_metrics_cost() -> None:
    (said,) = rows(section("What it costs"))["Alarms"]
    for overrides, words in (({"Alarms": "on"}, "as they come"), (EVERYTHING, "with every part")):
        metrics = sum(
            sum("MetricStat" in one for one in alarm.get("Metrics", [])) or 1
            for alarm in alarms(overrides).values()
        )
        assert f"{metrics / 10:.2f} {words}" in said


def test_every_bucket_is_emptied_before_all_is_taken_down() -> None:
    emptied = re.findall(r"for bucket in ((?:\$[A-Z]+ ?)+);", section("Taking it down"))
    assert [len(names.split()) for names in emptied] == [len(of_type("AWS::S3::Bucket"))]


def test_every_query_is_there() -> None:
    saved = {
        body["Properties"]["Name"].removeprefix("s/")
        for body in present({}).values()
        if body["Type"] == "AWS::Logs::QueryDefinition"
    }
    assert set(rows(section("Queries"))) == saved
    for query in re.findall(r"quer(?:y|ies) \*([a-z ]+)\*", PAGE):
        assert query in saved


def test_widgets_that_are_named_are_there() -> None:
    titles = {widget["properties"].get("title") for widget in dashboard(EVERYTHING)}
    named = re.findall(r"\*(Enrich: \w+)\*", PAGE)
    assert named
    for name in named:
        assert any(title and title.startswith(name) for title in titles), name


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`?((?:scripts|tests|layers)/[\w/-]+)", PAGE)))
)
def test_scripts_that_are_named_are_there(name: str) -> None:
    assert (ROOT / name).exists()


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"(?m)^#+ (.+)$", path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", PAGE))))
def test_links_lead_somewhere(link: str) -> None:
    if link.startswith("https://"):
        return
    name, _, anchor = link.partition("#")
    path = ROOT / "docs" / (name or "production.md")
    assert path.exists()
    assert not anchor or anchor in anchors(path)


def test_what_is_encrypted_is_said() -> None:
    """Kinds that take the key; see test_privacy."""
    assert len(of_type("AWS::SNS::Topic")) == 1
    for word in (
        "streams",
        "tables",
        "buckets",
        "variables",
        "log group",
        "topic",
        "feature group",
    ):
        assert word in section("Encryption")
