"""The report as one self-contained HTML page."""

from ragkit.evaluation.page.write import write_comparison, write_page

__all__ = ["write_comparison", "write_page"]
