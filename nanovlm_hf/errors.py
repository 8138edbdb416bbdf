"""How every command ends where its input is at fault: with one line that says what to do, and status 2.

with clear_errors("edge"):
    ...
"""

from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def clear_errors(extra: str = "", program: str = "nanovlm") -> Iterator[None]:
    """Turns what our code raises for a wrong input into a message on standard error and exit status 2.

    Args:
        extra: what to install where a library is missing, as setup.cfg names it.
        program: what the line begins with.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        typer.echo(f"{program}: {error}", err=True)
        raise typer.Exit(2) from None
    except ModuleNotFoundError as error:
        if not extra:
            raise
        typer.echo(f"{program}: {error.name} is not installed: pip install 'nanovlm-hf[{extra}]'", err=True)
        raise typer.Exit(2) from None
