"""Compile every rule once, in a process of its own: `python -m experiments.warming`.

A run then only loads machine code, so neither its clock nor its memory holds the compiler's work. Does nothing when the
rules of these very sources are compiled already.
"""

from __future__ import annotations

import subprocess
import sys

from abm.compiled import is_compiled, mark_compiled

NOTICE = "Compiling the rules of the day: once, less than a minute"


def compile_apart() -> None:
    """Compile in a new process; when that fails, the rules are compiled where they are first used."""
    subprocess.run([sys.executable, "-m", "experiments.warming", "--quiet"], check=False, stdout=subprocess.DEVNULL)


def compile_here() -> None:
    """Live some weeks on the invented territory, policies and all, and in its smallest practice: every rule runs."""
    import numpy as np

    from abm.agents.professional import change_capacity
    from abm.model import TerritoryModel
    from experiments.verify import practice

    for scenario in ("baseline", "all_three"):
        model = TerritoryModel("tiny", scenario, rng=0, start="2024-01-01", days=63, warm_up_days=0, follow_up_days=0)
        model.run_for(7)
        change_capacity(model, 0, 0.5)
        model.run_to_end()
    model.bill_in_full(np.zeros(1, np.int64), "education_programme", "education", "education_team", 0)
    practice(10, 1, 0.1, days=10)
    mark_compiled()


if __name__ == "__main__":
    if not is_compiled():
        if "--quiet" not in sys.argv:
            print(NOTICE, flush=True)
        compile_here()
