"""Classic findings of the lecture and its papers, as studies that can be repeated."""

from convstudy.findings.catalog import FINDINGS, finding, reproduce
from convstudy.findings.finding import Finding, Outcome, Setting

__all__ = ["FINDINGS", "Finding", "Outcome", "Setting", "finding", "reproduce"]
