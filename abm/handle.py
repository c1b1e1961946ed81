"""One pointer to the whole world, for the compiled rules.

Numba hands a named tuple to a function by value: some 250 words at every call of every rule, which cost four times
what the rules themselves do. `compiled(world)` puts the same arrays (not copies) behind one pointer; attribute access
reads the same in both, and without the compiler the world itself is the handle.
"""

from __future__ import annotations

import hashlib
from typing import Any

from numba import types
from numba.core import cgutils
from numba.core.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    unbox,
)
from numba.core.typing.templates import AttributeTemplate
from numba.experimental import structref

from abm.compiled import IS_DISABLED, rule
from abm.state import World

if IS_DISABLED:

    def compiled(world: World) -> Any:
        """Return what the rules take: the world itself, as they run line by line."""
        return world

else:

    @structref.register
    class ShelfType(types.StructRef):
        """Numba's type of what holds the arrays.

        Its own name would spell out every column of every table, and that name is part of every symbol of every rule:
        300 MB of names. A digest says as much.
        """

        def __init__(self, fields: tuple) -> None:
            super().__init__(fields)
            self.name = f"Shelf_{hashlib.sha256(self.name.encode()).hexdigest()[:16]}"

        def preprocess_fields(self, fields: tuple) -> tuple:
            """Forget that some field was typed from a literal."""
            return tuple((name, types.unliteral(field)) for name, field in fields)

    class Shelf(structref.StructRefProxy):
        """What holds the arrays, in the order of `World`."""

        def __new__(cls, *arrays: object) -> Shelf:
            """Put arrays on a shelf."""
            return structref.StructRefProxy.__new__(cls, *arrays)

    structref.define_proxy(Shelf, ShelfType, list(World._fields))

    class WorldType(types.Type):
        """Numba's type of the handle: the address of a shelf, and nothing to count."""

        def __init__(self, shelf: ShelfType) -> None:
            self.shelf = shelf
            super().__init__(name=shelf.name.replace("Shelf", "World"))

    register_model(WorldType)(models.OpaqueModel)

    class WorldHandle(structref.StructRefProxy):
        """The handle as Python holds it, and with it the shelf; Python code reads the arrays in `World` instead."""

    @unbox(WorldType)
    def address_of(world_type: WorldType, handle: Any, c: Any) -> NativeValue:
        """Give a rule the address alone; the caller's handle keeps what is there."""
        pointer_type = types.MemInfoPointer(types.voidptr)
        holder = c.pyapi.object_getattr_string(handle, "_meminfo")
        pointer = c.unbox(pointer_type, holder).value
        address = c.context.nrt.meminfo_data(c.builder, pointer)
        c.context.nrt.decref(c.builder, pointer_type, pointer)
        c.pyapi.decref(holder)
        return NativeValue(address)

    @infer_getattr
    class WorldColumns(AttributeTemplate):
        """The type of each column, by name."""

        key = WorldType

        def generic_resolve(self, world_type: Any, name: str) -> Any:  # type: ignore[override]
            """Return it, or None."""
            return world_type.shelf.field_dict.get(name)

    @lower_getattr_generic(WorldType)
    def lend(context: Any, builder: Any, world_type: WorldType, address: Any, name: str) -> Any:
        """Lend a column: nobody is counted, and where it lies is read once.

        No rule puts another array in a column's place, and the handle outlives every rule. Numba cannot know: it would
        count whoever looks at an array, and look up where it lies after each value written anywhere.
        """
        layout = context.data_model_manager[world_type.shelf.get_data_type()]
        columns = builder.bitcast(address, layout.get_value_type().as_pointer())
        place, column = layout.get_field_position(name), world_type.shelf.field_dict[name]
        never_changes = builder.module.add_metadata([])

        def read_once(*parts: int) -> Any:
            value = builder.load(cgutils.gep_inbounds(builder, columns, 0, place, *parts))
            value.set_metadata("invariant.load", never_changes)
            return value

        lent = context.make_array(column)(context, builder)
        for part, part_name in enumerate(context.data_model_manager[column]._fields):
            if part_name in ("meminfo", "parent"):
                setattr(lent, part_name, cgutils.get_null_value(getattr(lent, part_name).type))
            elif part_name in ("shape", "strides"):
                sizes = [read_once(part, axis) for axis in range(column.ndim)]
                setattr(lent, part_name, cgutils.pack_array(builder, sizes))
            else:
                setattr(lent, part_name, read_once(part))
        return lent._getvalue()

    @rule
    def put_on_shelf(world):
        """Return the arrays of a world on a shelf."""
        return Shelf(*world)

    def compiled(world: World) -> Any:
        """Return a handle on the arrays of a world."""
        shelf = put_on_shelf(world)
        return WorldHandle._numba_box_(WorldType(shelf._numba_type_), shelf._meminfo)
