"""What a person reads: the HTML report, and the terminal's tables and progress in `terminal` and `listing`.

Only this package draws.
"""

from convstudy.report.html import write_html

__all__ = ["write_html"]
