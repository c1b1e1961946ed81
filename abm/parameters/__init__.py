"""Every number of the model, with its range, unit, source, year and grade. See `registry.py`."""

from abm.parameters.registry import COLUMNS, GRADES, Parameter, Parameters, load_parameters

__all__ = ["COLUMNS", "GRADES", "Parameter", "Parameters", "load_parameters"]
