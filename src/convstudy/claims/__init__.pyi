from .claim import Claim
from .printed_number import PrintedNumber, read_number
from .reading import parse_table, read_table
from .table import ClaimedRow, ClaimedTable

__all__ = ["Claim", "ClaimedRow", "ClaimedTable", "PrintedNumber", "parse_table", "read_number", "read_table"]
