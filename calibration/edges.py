"""Which communes lie at the edge of a territory?

There the model knows only half of the doctors: those outside the territory are missing. What is compared with national
figures of access leaves these communes out.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abm.environment.territory import Territory

DECIMALS = 6  # of degrees, a tenth of a metre: corners that two communes share


def edge_communes(territory: Territory) -> NDArray[np.bool_]:
    """Tell which communes touch the outer border of the territory, in its order, shape (c,).

    A stretch of outline that belongs to one commune only is outer border. None do where the pack has no outlines.
    """
    outlines = territory.outlines
    stretches = {code: {s for ring in rings for s in _stretches(ring)} for code, rings in outlines.items()}
    owners = Counter(stretch for of_commune in stretches.values() for stretch in of_commune)
    codes = territory.communes["insee"].astype(str)
    return np.array([any(owners[stretch] == 1 for stretch in stretches.get(code, ())) for code in codes])


def _stretches(ring: NDArray) -> Iterator[frozenset[tuple[float, float]]]:
    """Yield the sides of a ring, whichever way round they are told."""
    corners = [(round(float(lon), DECIMALS), round(float(lat), DECIMALS)) for lon, lat in ring]
    for first, second in zip(corners, corners[1:] + corners[:1], strict=True):
        if first != second:
            yield frozenset((first, second))
