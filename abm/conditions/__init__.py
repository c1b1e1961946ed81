"""Which chronic diseases are there, who has them, what do they ask for, what do they bring about?

One file a disease, found by its presence, so that another disease is another file. A file holds no number: it names
rows of the parameter registry, which it may bring along in a `parameters` section of its own. Says nothing of who falls
ill when: that is drawn by the population and by the rules of the day.
"""

from abm.conditions.disease import Condition, Control, Event
from abm.conditions.reader import FOLDER, load_conditions

__all__ = ["FOLDER", "Condition", "Control", "Event", "load_conditions"]
