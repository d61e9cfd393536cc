"""Two runs at a time keep out of each other's way."""

from __future__ import annotations

from pathlib import Path

from localcloud.demo.keeping import places


def test_each_run_has_places_of_its_own(tmp_path: Path) -> None:
    with places(tmp_path) as one:
        one.folder.mkdir()
        (one.folder / "log").write_text("mine")
        with places(tmp_path) as other:
            assert (one.folder.name, other.folder.name) == ("demo", "demo-2")
            assert (one.file.name, other.file.name) == ("cloud.json", "cloud-2.json")
        assert (one.folder / "log").read_text() == "mine"


def test_what_a_killed_run_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "log").write_text("old")
    (tmp_path / "cloud.json").write_text("{}")
    with places(tmp_path) as keeping:
        assert not keeping.folder.exists()
        assert not keeping.file.exists()
