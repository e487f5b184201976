"""Formulas with the numbers filled in: the text in a report is the text that is evaluated."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

SIGNS = str.maketrans({"·": "*", "−": "-", "⌊": "F(", "⌋": ")", "⌈": "C(", "⌉": ")"})
OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@lru_cache(maxsize=100_000)
def value_of(formula: str) -> Fraction:
    """Return the exact value of a formula of whole numbers, `+ − · /`, brackets, `⌊ ⌋` and `⌈ ⌉`.

    >>> value_of("(5·5·3 + 1)·8")
    Fraction(608, 1)
    >>> value_of("⌊(32 + 2·0 − 5)/2⌋ + 1"), value_of("⌈(32 + 2·0 − 5)/2⌉ + 1")
    (Fraction(14, 1), Fraction(15, 1))
    """
    return computed(ast.parse(formula.translate(SIGNS), mode="eval").body)


def computed(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int(value)):
            return Fraction(value)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATIONS:
            return OPERATIONS[type(op)](computed(left), computed(right))
        case ast.Call(func=ast.Name(id="F"), args=[argument]):
            return Fraction(math.floor(computed(argument)))
        case ast.Call(func=ast.Name(id="C"), args=[argument]):
            return Fraction(math.ceil(computed(argument)))
    raise ValueError(f"not a formula of whole numbers: {ast.unparse(node)}")
