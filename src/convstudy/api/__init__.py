"""The Python interface for notebooks and scripts; its names are available as `convstudy.NAME`."""
