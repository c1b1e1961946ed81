"""The live page of the model, as in every Mesa model: `territoire dashboard`, or `solara run abm/app.py`.

The page itself is `experiments.page`: the model knows nothing of it. Needs the extra `dashboard`.
"""

from __future__ import annotations

from experiments.page.views import Page

__all__ = ["Page"]
