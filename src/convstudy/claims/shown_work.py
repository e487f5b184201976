"""Work shown in a cell: a formula and its result, such as `(5*5*3+1)*8=608`."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from fractions import Fraction

LONGEST_FORMULA = 200
NUMBER = re.compile(r"^[~≈]?\s*-?[\d][\d.,'’_ ]*\s*(?:[kKmMgGbB]\b)?$")


@dataclass(frozen=True)
class ShownWork:
    """A formula in a cell, its value, and the result that the cell states beside it, if any."""

    formula: str
    value: Fraction
    result: str | None


def read_work(text: str) -> ShownWork | None:
    """Read a formula of whole numbers with or without its result; None if the cell shows no work.

    >>> read_work("(5*5*3+1)*8=608")
    ShownWork(formula='(5·5·3 + 1)·8', value=Fraction(608, 1), result='608')
    >>> read_work("208=5*5*8+8").value, read_work("=5x5x8+8").result, read_work("48,120")
    (Fraction(208, 1), None, None)
    >>> read_work("48,120 (400*120 + 120)").result
    '48,120'
    """
    beside = re.fullmatch(r"([\d.,'’ ]*\d)\s*[(\[](.*[-+*x×·].*)[)\]]", text.strip())
    if beside:
        text = f"{beside[2]}={beside[1]}"  # 48,120 (400*120 + 120)
    sides = [side.strip() for side in re.split(r"=|≈|~=|→|->", text) if side.strip()]
    if not 1 <= len(sides) <= 3 or len(text) > LONGEST_FORMULA:
        return None
    formulas = [
        (side, value) for side in sides if not NUMBER.fullmatch(side) and (value := evaluated(side)) is not None
    ]
    results = [side for side in sides if NUMBER.fullmatch(side)]
    if not formulas or len(formulas) + len(results) < len(sides) or len(results) > 1:
        return None
    formula, value = formulas[0]
    return ShownWork(printed(formula), value, results[0] if results else None)


def evaluated(formula: str) -> Fraction | None:
    """Return the value of a formula of whole numbers, `+ - * x · /` and brackets; None if it is not one."""
    text = plain_formula(formula)
    if not re.search(r"[-+*/]", text) or not re.fullmatch(r"[\d\s+\-*/()]+", text):
        return None
    try:
        return result_of(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return None


def plain_formula(formula: str) -> str:
    """Return a formula with the signs of Python and without thousands separators."""
    text = re.sub(r"(?<=\d)[,'’](?=\d{3}(?!\d))", "", formula)
    text = re.sub(r"[x×X·∙⋅]", "*", text).replace("−", "-").replace("–", "-").replace("÷", "/")
    text = text.replace("[", "(").replace("]", ")").replace("^2", "**2").replace("²", "**2")
    text = re.sub(r"(\d+)\s*\*\*\s*2", r"(\1*\1)", text)
    text = re.sub(r"\)\s*\(", ")*(", text)
    return re.sub(r"(?<=\d)\s*\(", "*(", text)


def result_of(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int(value)):
            return Fraction(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -result_of(operand)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return result_of(left) + result_of(right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return result_of(left) - result_of(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return result_of(left) * result_of(right)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return result_of(left) / result_of(right)
    raise ValueError(ast.dump(node))


def printed(formula: str) -> str:
    """Return a formula in the notation of the reports: `5*5*3+1` as `5·5·3 + 1`."""
    text = re.sub(r"\s+", "", plain_formula(formula))
    return re.sub(r"(?<=[\d)])([+\-/])", r" \1 ", text).replace("*", "·").replace(" / ", "/").replace(" - ", " − ")


def factors_of(formula: str) -> list[int]:
    """Return the whole numbers in a formula, in order.

    >>> factors_of("(5·5·3 + 1)·8")
    [5, 5, 3, 1, 8]
    """
    return [int(number) for number in re.findall(r"\d+", formula)]
