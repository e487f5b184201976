"""Readers of the tables that tools print, one file per tool."""

from convstudy.claims.printouts.find import printer_of, printout_grids

__all__ = ["printer_of", "printout_grids"]
