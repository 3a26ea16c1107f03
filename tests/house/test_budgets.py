"""Files and functions stay short enough to be read in one sitting."""

import ast
from collections.abc import Iterator

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60
POSITIONAL_MAX = 5

# A function may be here because splitting it would hide an order that matters; say which order.
LONGER_BY_DECISION: dict[str, str] = {}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def lines_of(function: Function) -> int:
    """Return the lines from `def` to the end, without the docstring: promises are not a burden."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or 0) - first.lineno + 1
    return lines


def positional(function: Function) -> list[str]:
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    return [name for name in names if name not in {"self", "cls"}]


def test_no_file_is_longer_than_the_budget(repo):
    """Every Python and SQL file fits the hard budget of lines."""
    files = repo.files(".py", ".sql")

    found = [
        f"{repo.name(path)}: {lines} lines"
        for path in files
        if (lines := len(repo.text(path).splitlines())) > FILE_LINES_MAX
    ]

    assert found == []


def test_no_function_is_longer_than_the_budget(repo):
    """Every function of the product fits a screen, except the ones named with a reason."""
    long = {
        f"{repo.name(path)}:{function.name}": lines_of(function)
        for path in repo.files(".py")
        if repo.is_under(path, "tracesvc", "loadtests")
        for function in functions(ast.parse(repo.text(path)))
        if lines_of(function) > FUNCTION_LINES_MAX
    }

    assert long.keys() == LONGER_BY_DECISION.keys()


def test_long_parameter_lists_are_keyword_only(repo):
    """No function of the product takes more than a handful of positional parameters."""
    found = [
        f"{repo.name(path)}:{function.lineno} {function.name}"
        for path in repo.files(".py")
        if repo.is_under(path, "tracesvc")
        for function in functions(ast.parse(repo.text(path)))
        if len(positional(function)) > POSITIONAL_MAX
    ]

    assert found == []
