"""Who imports whom in the repository, read from the sources."""

import ast
from collections.abc import Iterator
from pathlib import Path


def module_name(path: Path) -> str:
    """The dotted name of a file given relative to the repository."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imported_names(tree: ast.AST) -> Iterator[tuple[str, ...]]:
    """(module,) or (module, name) of every import, also inside functions; not those for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name,) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield from ((node.module, alias.name) for alias in node.names)
        else:
            yield from imported_names(node)


def import_graph(repository: Path, files: list[Path]) -> dict[str, set[str]]:
    """Module -> the modules among `files` that it imports; `from package import module` counts as that module."""
    sources = {module_name(path): repository / path for path in files}
    graph: dict[str, set[str]] = {}
    for name, path in sources.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        places = [(".".join(parts), parts[0]) for parts in imported_names(tree)]
        found = {next((place for place in either if place in sources), "") for either in places}
        graph[name] = found - {name, ""}
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or through others: Tarjan's strongly connected components."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph[node]):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            place = stack.index(node)
            group = stack[place:]
            del stack[place:]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found
