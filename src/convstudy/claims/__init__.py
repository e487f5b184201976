"""Claimed numbers and layer tables, read with their printed precision."""

from convstudy.claims.claim import Claim
from convstudy.claims.printed_number import PrintedNumber, read_number
from convstudy.claims.reading import parse_table, read_table
from convstudy.claims.table import ClaimedRow, ClaimedTable

__all__ = ["Claim", "ClaimedRow", "ClaimedTable", "PrintedNumber", "parse_table", "read_number", "read_table"]
