"""The live page as a browser shows it: Mesa's visualisation (Solara) over `experiments.page.pace`.

Owns what stands where. Every open page has a pair of worlds of its own, which ends with it. Drawing is done by three
small Vue templates beside this file, so that a month sends a few hundred numbers and no picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import solara

from abm.environment.territory import load_territory
from abm.errors import InputError
from experiments.page.geography import shapes
from experiments.page.pace import Pace, View
from experiments.page.pictures import MAPS, Picture
from experiments.page.words import LANGUAGES, say
from experiments.page.worlds import Worlds

if TYPE_CHECKING:
    from experiments.page.lives import Told

STRIDES = {"day": 1, "week": 7, "month": 30}
CHARTS = ("gp_wait", "specialist_wait", "emergency", "spend", "enrolled", "video")
CHART_TITLE = {"emergency": "emergency_series"}
PERCENT = 100.0
STYLE = """
.tt-head { font-size: 1.02rem; color: #1b3a57; margin: 0; }
.tt-head b { font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.tt-notice { min-height: 1.6em; color: #7a5a00; font-size: .9rem; margin: 0; }
.tt-world { font-weight: 600; color: #1b3a57; margin: 0 0 2px; }
.tt-world span { font-weight: 400; color: #667; font-size: .86rem; }
.tt-honest { color: #667; font-size: .8rem; margin-top: 10px; }
.tt-keys { color: #445; font-size: .86rem; margin: 6px 0 0; }
.tt-keys s, .tt-keys i { display: inline-block; width: 26px; margin: 0 3px 4px 10px; border-top: 2px dashed #5b6b7a; }
.tt-keys i { border-top: 2.5px solid #c8553d; }
.tt-charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(290px, 1fr)); gap: 10px 22px; }
.v-input__slider .v-input__slot { flex-direction: column; align-items: stretch !important; }
.v-input__slider .v-label { font-size: .88rem !important; margin: 0 !important; height: auto !important; color: #333; }
.v-input__slider .v-messages { display: none; }
.tt-maps { display: grid; grid-template-columns: repeat(auto-fill, minmax(330px, 1fr)); gap: 18px; }
"""


@dataclass(frozen=True)
class Options:
    """What the page is opened with; set by `experiments.page.serving` before the first browser comes."""

    territory: str = "tiny"
    seed: int = 1
    scenario: Any = "baseline"
    language: str = "en"


OPTIONS = Options()


@dataclass(frozen=True)
class Control:
    """One slider: a lever, how it is shown, and how far it goes."""

    lever: str
    highest: int
    step: int
    factor: float = 1.0


POLICY_CONTROLS = (
    Control("network_adherence", 100, 5, PERCENT),
    Control("patient_education", 20, 1),
    Control("teleconsultation", 50, 5, PERCENT),
)


def supply_controls(n_practices: int) -> tuple[Control, ...]:
    """Return the sliders of supply; not more practices than a territory of this size has use for."""
    most = max(2, min(20, n_practices // 2))
    return (Control("gp_recruited", most, 1), Control("gp_departures", most, 1))


@solara.component_vue("map.vue")
def Map(shapes: dict, values: list, low: float, high: float, unit: str, label: str, little: str, language: str,
        chosen: int = -1, event_choose: Callable[[int], None] = lambda _: None) -> None:  # fmt: skip
    """Draw the communes."""


@solara.component_vue("chart.vue")
def Chart(title: str, months: list, baseline: list, policy: list, pair: bool, language: str) -> None:
    """Draw one figure over the months."""


@solara.component_vue("life.vue")
def LifeView(people: list, person: int, who: str, cause: str, lines: list, pair: bool, names: list, empty: str,
             event_choose: Callable[[int], None] = lambda _: None) -> None:  # fmt: skip
    """Offer people, and tell one life."""


@solara.component
def Page() -> None:
    """The whole page."""
    language, set_language = solara.use_state(OPTIONS.language)
    view, set_view = solara.use_state(View())
    territory = solara.use_memo(lambda: load_territory(OPTIONS.territory), [])
    epoch, set_epoch = solara.use_state(0)  # counts new beginnings: sliders and clock as at first

    def begin() -> Pace:
        worlds = Worlds(territory, OPTIONS.seed, OPTIONS.scenario)
        return Pace(worlds, set_view)

    pace = solara.use_memo(begin, [epoch])

    def live() -> Callable[[], None]:
        pace.start()
        return pace.close

    solara.use_effect(live, [pace])
    solara.Style(STYLE)
    solara.Title(say("title", language))
    with solara.AppBar():
        solara.AppBarTitle(f"{say('title', language)} – {territory.title}")
        other = LANGUAGES[1 - LANGUAGES.index(language)]
        solara.Button(say("language", language), text=True, on_click=lambda: set_language(other))
    with solara.Sidebar(), solara.Column(gap="8px", style={"padding": "4px 14px"}):
        Clock(pace, view, language, lambda: set_epoch(epoch + 1))
        if view.pictures is not None:  # Mesa's inputs take seconds to import: the map comes first
            Levers(pace, territory, language).key(f"levers-{epoch}")
    with solara.Column(gap="10px", style={"padding": "12px 20px", "max-width": "1500px", "margin": "0 auto"}):
        Head(view, language)
        Maps(pace, view, territory, language)
        solara.HTML(tag="p", unsafe_innerHTML=say("honest", language), classes=["tt-honest"])


@solara.component
def Clock(pace: Pace, view: View, language: str, restart: Callable[[], None]) -> None:
    """Play, pause, step, and how far a step goes."""
    stride, set_stride = solara.use_state("month")
    is_ready = view.status in ("ready", "trying")

    def choose(name: str) -> None:
        set_stride(name)
        pace.days_a_frame = STRIDES[name]

    is_playing, set_playing = solara.use_state(False)

    def toggle() -> None:
        pace.play(not is_playing)
        set_playing(not is_playing)

    solara.use_effect(lambda: set_playing(False) if view.status == "over" else None, [view.status])
    solara.use_effect(lambda: set_playing(False), [pace])
    with solara.Card(say("clock", language), margin=0, elevation=1):
        with solara.Row(gap="6px"):
            label = say("pause" if is_playing else "play", language)
            solara.Button(label, icon_name="mdi-pause" if is_playing else "mdi-play", color="primary", on_click=toggle,
                          disabled=not is_ready, classes=["tt-play"])  # fmt: skip
            solara.Button(say("step", language), on_click=pace.step, disabled=is_playing or not is_ready,
                          classes=["tt-step"])  # fmt: skip
        solara.Text(say("pace", language), style={"font-size": ".85rem", "margin-top": "8px", "display": "block"})
        with solara.Row(gap="4px"):
            for name in STRIDES:
                solara.Button(say(name, language), small=True, outlined=name != stride, color="primary",
                              on_click=lambda name=name: choose(name))  # fmt: skip
        solara.Button(say("restart", language), text=True, small=True, on_click=restart, classes=["tt-restart"],
                      disabled=view.status in ("compiling", "preparing"))  # fmt: skip


@solara.component
def Levers(pace: Pace, territory: Any, language: str) -> None:
    """The sliders: Mesa's own inputs over the levers of the model."""
    from mesa.visualization import Slider
    from mesa.visualization.solara_viz import UserInputs

    places, set_places = solara.use_state(dict[str, int]())
    n_practices = int(territory.count("general_practitioner").sum())
    groups = {"levers": POLICY_CONTROLS, "supply": supply_controls(n_practices)}

    def ask(moved: dict[str, int]) -> None:
        set_places(moved)
        pace.ask_for(levers_at(moved, [control for group in groups.values() for control in group]))

    for title, controls in groups.items():
        sliders = {
            control.lever: Slider(
                f"{say(control.lever, language)}: {places.get(control.lever, 0)}",
                value=places.get(control.lever, 0),
                min=0,
                max=control.highest,
                step=control.step,
                dtype=int,
            )
            for control in controls
        }
        with solara.Card(say(title, language), margin=0, elevation=1):
            UserInputs(sliders, on_change=lambda name, value: ask({**places, name: value}))
    solara.Button(say("neutral", language), text=True, small=True, on_click=lambda: ask({}), classes=["tt-neutral"])


def levers_at(places: dict[str, int], controls: list[Control]) -> dict[str, float]:
    """Return the levers that sliders stand for; those at 0 ask for nothing."""
    of = {control.lever: control for control in controls}
    levers = {name: place if of[name].factor == 1.0 else place / of[name].factor for name, place in places.items()}
    return {name: level for name, level in levers.items() if level}


@solara.component
def Head(view: View, language: str) -> None:
    """The date, and what is being done."""
    if view.pictures is not None:
        before, after = view.pictures
        members = f" · {after.enrolled:,} {say('enrolled_people', language)}" if after.enrolled else ""
        text = f"<b>{before.date}</b> · {before.people:,} {say('people', language)}{members}"
        text += f" · {say('seed', language)} {OPTIONS.seed}"
        solara.HTML(tag="p", unsafe_innerHTML=text, classes=["tt-head"])
    notice = say(view.status, language) + (f" {view.message}" if view.message else "")
    with solara.Row(style={"align-items": "center", "height": "26px"}):
        if view.status in ("compiling", "preparing", "trying"):
            solara.SpinnerSolara(size="24px")
        solara.Text(notice, classes=["tt-notice"])


@solara.component
def Maps(pace: Pace, view: View, territory: Any, language: str) -> None:
    """Both maps, the curves, and the people of the commune that was clicked."""
    by, set_by = solara.use_state("delay")
    chosen, set_chosen = solara.use_state(-1)
    outlines = solara.use_memo(lambda: shapes(territory), [])
    pictures = view.pictures
    is_pair = bool(view.levers)
    with solara.Row(gap="6px", style={"align-items": "center"}):
        solara.Text(say("colour", language))
        for name in MAPS:
            solara.Button(say(name, language), small=True, outlined=name != by, color="primary",
                          on_click=lambda name=name: set_by(name), classes=[f"tt-by-{name}"])  # fmt: skip
    low, high = scale_of(pictures, by)
    with solara.Div(classes=["tt-maps"]):
        for place, name in enumerate(("baseline", "policy")):
            values: list[float | None] = [] if pictures is None else pictures[place].communes[by]
            with solara.Div(classes=[f"tt-{name}"]):
                note = f" <span>{say('same', language)}</span>" if name == "policy" and not is_pair else ""
                solara.HTML(tag="p", unsafe_innerHTML=say(name, language) + note, classes=["tt-world"])
                Map(shapes=outlines, values=values, low=low, high=high, unit=say(f"{by}_unit", language),
                    label=say(name, language), little=say("little", language), language=language, chosen=chosen,
                    event_choose=set_chosen)  # fmt: skip
    if pictures is not None:
        Curves(pictures, is_pair, language)
        Lives(pace, view, territory, chosen, language)


def scale_of(pictures: tuple[Picture, Picture] | None, by: str) -> tuple[float, float]:
    """Return one scale for both maps: from the lowest to the highest value of either; a share begins at 0."""
    values = [v for picture in pictures or () for v in picture.communes[by] if v is not None]
    if not values:
        return 0.0, 1.0
    low = 0.0 if by == "enrolment" else min(values)
    return low, max(max(values), low + (1.0 if by == "enrolment" else 1e-9))


@solara.component
def Curves(pictures: tuple[Picture, Picture], is_pair: bool, language: str) -> None:
    """Six figures over the months."""
    before, after = pictures
    keys = f"<s></s> {say('baseline', language)}" + (f" <i></i> {say('policy', language)}" if is_pair else "")
    told = f"{say('by_month', language)}: {keys}" if before.months else say("no_months", language)
    solara.HTML(tag="p", unsafe_innerHTML=told, classes=["tt-keys"])
    with solara.Div(classes=["tt-charts"]):
        for name in CHARTS:
            title = say(CHART_TITLE.get(name, name), language)
            Chart(title=title, months=list(before.months), baseline=before.series[name], policy=after.series[name],
                  pair=is_pair, language=language)  # fmt: skip


@solara.component
def Lives(pace: Pace, view: View, territory: Any, commune: int, language: str) -> None:
    """The people of a commune; of one of them, the life under both worlds."""
    from experiments.page.lives import Told, people_of, tell

    person, set_person = solara.use_state(-1)
    assert view.pictures is not None

    def people() -> list[dict[str, Any]]:
        if commune < 0:
            return []
        with pace.lock:
            return people_of(pace.worlds.baseline, commune, language)

    def life() -> Told | str:
        try:
            with pace.lock:
                return tell(person, pace.worlds.baseline, pace.worlds.policy, language)
        except InputError as error:
            return str(error)

    offered = solara.use_memo(people, [pace, commune, language])
    told = solara.use_memo(lambda: life() if person >= 0 else None, [view, person, language])
    with solara.Card(say("life", language), margin=0, elevation=1, classes=["tt-lives"]):
        if commune < 0:
            solara.Text(say("choose_commune", language))
        else:
            name = territory.communes["name"].iloc[commune]
            solara.Text(f"{say('inhabitants_of', language)} {name}. {say('choose_person', language)}")
        found = told if isinstance(told, Told) else None
        cause = "" if found is None else parting_of(found, bool(view.levers), language)
        LifeView(
            people=offered,
            person=person,
            who="" if found is None else f"{say('person', language)} {found.person}: {found.who}",
            cause=told if isinstance(told, str) else cause,
            lines=[] if found is None else [list(line) for line in found.lines],
            pair=bool(view.levers),
            names=[say("baseline", language), say("policy", language)],
            empty=say("nothing_yet", language),
            event_choose=set_person,
        )


def parting_of(told: Told, is_pair: bool, language: str) -> str:
    """Return where two lives part, in words."""
    if not is_pair:
        return ""
    return say("same_life", language) if told.parting is None else say("parts", language) + told.cause
