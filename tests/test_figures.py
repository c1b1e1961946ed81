"""The figures of a run: drawn from tables alone, readable, the same bytes twice, and never of chance alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from abm.environment.territory import Territory, load_territory
from experiments import figures
from experiments.figures import (
    FEWEST_REQUESTS,
    gp_lead_time_distribution,
    house_style,
    lead_time_map,
    lead_time_table,
    lead_times_by_need,
    monthly_gp_lead_time,
)

NEEDS = ("gp", "gp_acute", "gp_follow_up", "gp_preventive", "specialist", "cardiologist", "ent_specialist")


@pytest.fixture(scope="module")
def tiny() -> Territory:
    return load_territory("tiny")


def indicators(needs: tuple[str, ...] = NEEDS) -> pd.DataFrame:
    rows = []
    for number, need in enumerate(needs):
        for column, factor in (("median", 1.0), ("mean", 1.4), ("p90", 3.0)):
            rows.append((f"lead_time_{column}_days.{need}", "days", factor * (number + 1)))
        rows.append((f"request_outcome_share.{need}.served", "share", 0.9))
    frame = pd.DataFrame(rows, columns=["indicator", "unit", "value"])
    return frame.assign(stratum_kind="all", stratum="all", period="all", n=100)


def lead_times() -> pd.DataFrame:
    days = np.arange(60)
    return pd.DataFrame({"kind": "gp_acute", "lead_time_days": days, "requests": 600 // (days + 1)})


def monthly(n_months: int) -> pd.DataFrame:
    months = pd.date_range("2020-01-01", periods=n_months, freq="MS")
    return pd.DataFrame({"month": months, "need": "gp", "lead_time_mean_days": 3 + np.sin(np.arange(n_months))})


def communes(territory: Territory, requests: int = 500) -> pd.DataFrame:
    codes = territory.communes["insee"]
    table = pd.DataFrame({"insee": codes, "lead_time_mean_days.gp": np.linspace(1, 9, len(codes))})
    return table.assign(**{"requests.gp": requests})


def drawings(territory: Territory) -> dict[str, Figure]:
    with house_style():
        return {
            "needs": lead_times_by_need(indicators(), "caption"),
            "distribution": gp_lead_time_distribution(lead_times(), "caption"),
            "months": monthly_gp_lead_time(monthly(48), "caption"),
            "map": lead_time_map(territory, communes(territory), "caption"),
        }


def texts(figure: Figure) -> str:
    found = [item.get_text() for item in figure.findobj(lambda item: hasattr(item, "get_text"))]
    return "\n".join(found)


def test_axes_carry_units_and_figures_their_caption(tiny: Territory) -> None:
    for name, figure in drawings(tiny).items():
        assert "days" in texts(figure), name
        assert "caption" in texts(figure), name


def drawn(figure: Figure) -> tuple[Figure, Bbox]:
    """Draw a figure; return it with the frame that everything must be in."""
    FigureCanvasAgg(figure).draw()
    return figure, figure.bbox.padded(0.5)


def boxes_of(axis: Axis) -> list[Bbox]:
    """Return the boxes of the tick labels that are seen."""
    low, high = sorted(axis.get_view_interval())
    seen = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [label.get_window_extent() for label in seen if label.get_text() and label.get_visible()]


def is_inside(box: Bbox, frame: Bbox) -> bool:
    return frame.x0 <= box.x0 and frame.y0 <= box.y0 and box.x1 <= frame.x1 and box.y1 <= frame.y1


def test_no_two_labels_of_an_axis_overlap_and_nothing_is_cut_off(tiny: Territory) -> None:
    for name, figure in drawings(tiny).items():
        figure, frame = drawn(figure)
        for axes in figure.axes:
            if not axes.axison:
                continue
            for axis in (axes.xaxis, axes.yaxis):
                boxes = boxes_of(axis)
                assert not any(a.overlaps(b) for a, b in zip(boxes, boxes[1:], strict=False)), name
                assert all(is_inside(box, frame) for box in boxes), name
        for text in (*figure.texts, *(text for axes in figure.axes for text in axes.texts)):
            assert is_inside(text.get_window_extent(), frame), (name, text.get_text())


def test_long_captions_are_wrapped(tiny: Territory) -> None:
    with house_style():
        figure, frame = drawn(lead_time_map(tiny, communes(tiny), "a long caption " * 20))
    assert all(is_inside(text.get_window_extent(), frame) for text in figure.texts)


def test_the_map_credits_openstreetmap_with_the_year_of_the_roads() -> None:
    saverne = load_territory("saverne")
    with house_style():
        shown = " ".join(texts(lead_time_map(saverne, communes(saverne))).split())
    assert "OpenStreetMap" in shown and str(saverne.description["years"]["roads"]) in shown


def test_communes_with_few_requests_are_hatched_not_coloured(tiny: Territory) -> None:
    with house_style():
        few = lead_time_map(tiny, communes(tiny, requests=FEWEST_REQUESTS - 1))
        many = lead_time_map(tiny, communes(tiny, requests=FEWEST_REQUESTS))
    assert all(patch.get_hatch() for patch in few.axes[0].patches) and len(few.axes[0].patches) == tiny.n_communes
    assert not any(patch.get_hatch() for patch in many.axes[0].patches)
    assert "hatched" in texts(few) and "hatched" not in texts(many)


def test_a_territory_without_outlines_gets_discs(tiny: Territory, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "pack"
    shutil.copytree(tiny.folder, folder)
    (folder / "communes.geojson").unlink()
    bare = load_territory(folder)
    with house_style():
        figure = lead_time_map(bare, communes(bare))
    assert len(figure.axes[0].collections) == bare.n_communes


def test_the_map_reads_in_black_and_white() -> None:
    """Lightness falls steadily with the value: longer is darker, whatever the colours look like to the reader."""
    from matplotlib import colormaps

    red, green, blue, _ = colormaps[figures.COLOURS](np.linspace(0, 1, 50)).T
    lightness = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert (np.diff(lightness) < 0).all()


@pytest.mark.parametrize("n_months", [1, 2, 12, 48, 400])
def test_months_are_labelled_at_any_length(n_months: int) -> None:
    with house_style():
        figure = monthly_gp_lead_time(monthly(n_months))
    assert 1 <= len(figure.axes[0].get_xticks()) <= figures.MOST_MONTH_LABELS


def test_empty_tables_still_draw(tiny: Territory) -> None:
    with house_style():
        lead_times_by_need(indicators(()))
        gp_lead_time_distribution(lead_times().iloc[:0])
        monthly_gp_lead_time(monthly(0))
        lead_time_map(tiny, communes(tiny).assign(**{"lead_time_mean_days.gp": np.nan}))


def test_the_table_behind_the_figure_takes_everybody_over_the_horizon() -> None:
    noise = indicators().assign(stratum_kind="sex", stratum="male", value=99.0)
    year = indicators().assign(period="2020", value=98.0)
    table = lead_time_table(pd.concat([noise, indicators(), year]))
    assert list(table["need"]) == list(NEEDS)
    assert table["median"].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert table["unserved"].to_numpy() == pytest.approx(0.1)


def test_the_same_tables_give_the_same_bytes(tiny: Territory, tmp_path: Path) -> None:
    written = []
    for turn in ("one", "two"):
        with house_style():
            paths = [figures._write(figure, tmp_path / f"{turn}-{name}") for name, figure in drawings(tiny).items()]
        written.append([path.read_bytes() for pair in paths for path in pair])
    assert written[0] == written[1]
