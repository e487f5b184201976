"""What a person reads: the terminal's tables and the HTML report. Only this package draws.

`report.terminal` needs Rich and `report.html` needs Plotly and Jinja2, which take a moment to import; so each is
imported by its own name, where it is used.
"""
