"""The import closure of a stage: every file of the library that its code can load, found without running it."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent


def closure(module: str) -> set[str]:
    """Files (relative to the repository) that `module` imports, directly or not, itself and its packages included."""
    seen: set[str] = set()
    queue = [module]
    while queue:
        name = queue.pop()
        path = module_file(name)
        if path is None or path in seen:
            continue
        seen.add(path)
        queue.extend(_parents(name))
        queue.extend(_imports(ROOT / path, name))
    return seen


def module_file(name: str) -> str | None:
    """The module's file relative to the repository, or None when it is not ours."""
    base = Path(*name.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if name.split(".", maxsplit=1)[0] == "gristmill" and (ROOT / candidate).is_file():
            return candidate.as_posix()
    return None


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]


def _imports(path: Path, name: str) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are absolute"
            found.append(node.module or "")
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found
