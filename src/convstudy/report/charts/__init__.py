"""The charts of reports, as scenes of marks, from which pages, PDF and PNG files are written."""
