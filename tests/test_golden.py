"""The golden run: the numbers of one short run, frozen. They are right by nothing but having been looked at.

Change them on purpose only, together with a line marked RESULTS CHANGED in CHANGELOG.md; print new ones with
`python tests/test_golden.py`.
"""

import json
from collections import Counter
from pathlib import Path

from abm import TerritoryModel
from abm.state import Outcome

GOLDEN = Path(__file__).with_name("golden_tiny.json")


def counts() -> dict[str, int]:
    """Count the episodes of the golden run by need and outcome, and fingerprint its people."""
    model = TerritoryModel("tiny", rng=1, days=120, warm_up_days=60, follow_up_days=60)
    model.run_to_end()
    episodes = model.records().episodes
    pairs = zip(episodes.kind.tolist(), episodes.outcome.tolist(), strict=True)
    return {
        f"{model.setting.kinds[kind]} {Outcome(outcome).name.lower()}": n
        for (kind, outcome), n in sorted(Counter(pairs).items())
    }


def test_the_golden_run_is_what_it_was():
    assert counts() == json.loads(GOLDEN.read_text(encoding="utf-8"))


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(counts(), indent=1) + "\n", encoding="utf-8")
