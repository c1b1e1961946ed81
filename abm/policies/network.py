"""Care network: professionals are won for it, their patients enrol, members are followed more closely (ODD: network).

What happens in it is `abm.agents.network`; this file has its levers. `network_adherence` is the share of professionals
who can be won at all; the others of these levers do nothing without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abm.errors import InputError
from abm.policies import Lever, Policy

if TYPE_CHECKING:
    from abm.model import TerritoryModel

MAIN = "network_adherence"
DIRECT = "direct"
#: Levers of which only one can be asked for: what does nothing has no effect, and direct effects have no channels.
CONTRADICTIONS = (
    ("network_priority", "network_without_effect"),
    ("network_effect", "network_without_effect"),
    ("network_priority", "network_effect"),
)
DATE = r"\d{4}-\d{2}-\d{2}"


class Network(Policy):
    """An integrated care network, run by the staff of the action and paid by its funders."""

    name = "network"
    levers = (
        Lever(MAIN, "share", "share of the professionals whom the campaign can win for the care network"),
        Lever("network_start", "date as 2020-06-01", "first day of the network; empty: the first of the horizon",
              kind=str, neutral="", pattern=DATE, example="2020-04-01", of=MAIN),
        Lever("network_end", "date as 2022-06-01", "day from which on it is not run; empty: when its money is spent",
              kind=str, neutral="", pattern=DATE, example="2030-01-01", of=MAIN),
        Lever("network_communes", "names or INSEE codes", "communes in which it opens; empty: all",
              kind=str, neutral="", example="00001", of=MAIN),
        Lever("network_conditions", "names of diseases", "diseases of those who may enrol; empty: everybody may",
              kind=str, neutral="", example="diabetes", of=MAIN),
        Lever("network_without_effect", "0 or 1", "1: the network is run and paid for but does nothing to its members",
              kind=int, of=MAIN),
        Lever("network_priority", "0 or 1", "1: members may use time that specialists keep for the urgent",
              kind=int, of=MAIN),
        Lever("network_effect", "name", "how it acts on members: by their care (empty, the default), or direct: "
              "N020 on their deaths and N021 on their avoidable admissions instead",
              kind=str, neutral="", choices=(DIRECT,), of=MAIN),
    )  # fmt: skip
    streams = ("JOIN", "ENROL", "LEAVE_NETWORK", "INVITED")

    def prepare(self, model: TerritoryModel) -> None:
        """Check dates, communes, diseases, the plan of expenses; refuse what contradicts itself."""
        for one, other in CONTRADICTIONS:
            if self.value(one) and self.value(other):
                found, beside = self.value(one), self.value(other)
                raise InputError(f"'{one}': found {found} with '{other}' {beside}, expected one of the two")
        model.plan_network(**{name.removeprefix("network_"): value for name, value in self.values.items()})

    def on_month(self, model: TerritoryModel, today: int) -> None:
        """Let professionals and people join and leave, and pay what the month costs."""
        assert model.network is not None, "the network is planned before the first day"
        model.network.live_a_month(today)


POLICY = Network
