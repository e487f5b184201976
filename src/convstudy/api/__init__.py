"""The Python interface, as a notebook or a script has it; everything here is `convstudy.NAME`."""
