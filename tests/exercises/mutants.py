"""Small faults put into a function's source: what a check must refuse."""

import ast
import copy
import inspect
import textwrap
import warnings

_OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_METHODS = {
    "median": "mean",
    "mean": "median",
    "nunique": "count",
    "isna": "notna",
    "max": "min",
    "min": "max",
    "sum": "max",
    "add": "discard",
    "setdefault": "get",
    "where": "mask",
    "T": "real",
}


def _changes(node):
    """What may stand in place of one node: another operator, constant, method or comparison, or a part of it."""
    if isinstance(node, ast.BinOp):
        if type(node.op) in _OPERATORS:
            yield ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right)
        yield node.left
        yield node.right
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        yield ast.Compare(node.left, [_COMPARISONS[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.BoolOp):
        yield from node.values
    elif isinstance(node, ast.Call):
        # One step less: x.sort() becomes x, sorted(x) becomes x.
        if isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Name):
            yield node.func.value
        if node.args:
            yield node.args[0]
    elif isinstance(node, ast.Attribute) and node.attr in _METHODS:
        yield ast.Attribute(node.value, _METHODS[node.attr], node.ctx)
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield node.value
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) == 2:
        yield ast.Tuple(node.elts[::-1], node.ctx)
        yield from node.elts


class _Put(ast.NodeTransformer):
    def __init__(self, place, new):
        self.place, self.new, self.seen = place, new, -1

    def visit(self, node):
        self.seen += 1
        if self.seen == self.place:
            return self.new
        return self.generic_visit(node)


class _Number(ast.NodeVisitor):
    """Nodes in the order in which _Put meets them."""

    def __init__(self):
        self.nodes = []

    def visit(self, node):
        self.nodes.append(node)
        self.generic_visit(node)


def mutants(function):
    """Every function that differs from *function* in one place, with the changed line as its name."""
    source = textwrap.dedent(inspect.getsource(function))
    tree = ast.parse(source)
    counted = _Number()
    counted.visit(tree)
    plain = ast.unparse(tree).splitlines()
    for place, node in enumerate(counted.nodes):
        for new in _changes(node):
            changed = ast.fix_missing_locations(_Put(place, new).visit(copy.deepcopy(tree)))
            text = ast.unparse(changed)
            line = next((b.strip() for a, b in zip(plain, text.splitlines(), strict=False) if a != b), "")
            names = dict(function.__globals__)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                code = compile(text, "<mutant>", "exec")
            exec(code, names)
            yield line, names[function.__name__]
