"""What every task needs: the clone it works in and its parameters."""

from gristmill.layout import Layout, find_workspace
from gristmill.params.load import parse, read_yaml
from gristmill.params.root import Params


def workspace() -> tuple[Layout, Params]:
    """The clone around the current folder and its parameters. Raises ProblemsError when these are wrong."""
    layout = find_workspace()
    return layout, parse(Params, read_yaml(layout.params), "params.yaml:")
