"""One pointer to the whole world, for the compiled rules.

Numba hands a named tuple to a function by value: some 250 words at every call of every rule, which cost four times
what the rules themselves do. `compiled(world)` puts the same arrays (not copies) behind one pointer; attribute access
reads the same in both, and without the compiler the world itself is the handle.
"""

from __future__ import annotations

import hashlib

from numba import types
from numba.experimental import structref

from abm.compiled import IS_DISABLED, rule
from abm.state import World

if IS_DISABLED:

    def compiled(world: World) -> World:
        """Return what the rules take: the world itself, as they run line by line."""
        return world

else:

    @structref.register
    class WorldType(types.StructRef):
        """Numba's type of the handle.

        Its own name would spell out every column of every table, and that name is part of every symbol of every rule:
        300 MB of names. A digest says as much.
        """

        def __init__(self, fields: tuple) -> None:
            super().__init__(fields)
            self.name = f"World_{hashlib.sha256(self.name.encode()).hexdigest()[:16]}"

        def preprocess_fields(self, fields: tuple) -> tuple:
            """Forget that some field was typed from a literal."""
            return tuple((name, types.unliteral(field)) for name, field in fields)

    class WorldHandle(structref.StructRefProxy):
        """The pointer as Python holds it; Python code reads the arrays in `World` instead."""

        def __new__(cls, *arrays: object) -> WorldHandle:
            """Put arrays behind a pointer, in the order of `World`."""
            return structref.StructRefProxy.__new__(cls, *arrays)

    structref.define_proxy(WorldHandle, WorldType, list(World._fields))

    @rule
    def compiled(world):
        """Return a handle on the arrays of a world."""
        return WorldHandle(*world)
