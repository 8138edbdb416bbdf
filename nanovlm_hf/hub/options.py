"""What the push scripts share: their options, the namespace, and errors that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Annotated, Any, Optional

import typer

from nanovlm_hf.errors import clear_errors

Namespace = Annotated[
    Optional[str],  # noqa: UP045 (typer)
    typer.Option(help="A user or an organisation on the Hub. Default: whoever the token belongs to."),
]
Only = Annotated[Optional[list[str]], typer.Option(help="Push this one only. Repeat it for several.")]  # noqa: UP045
Private = Annotated[bool, typer.Option("--private", help="Only the namespace's members see it.")]
Revision = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="A branch to push to, made where there is none. Default: main."),
]
CreatePr = Annotated[
    bool, typer.Option("--create-pr", help="Propose it as a pull request and change nothing on main.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="List every file with its size and what would change, and send nothing.")
]


def resolve_namespace(api: Any, namespace: str | None, dry_run: bool) -> str:
    """The namespace to push to; asks the Hub whose token this is where none is given.

    Raises:
        ValueError: there is no token, and one is needed.
    """
    from huggingface_hub import get_token

    if not get_token() and not (dry_run and namespace):
        raise ValueError(
            "There is no token for the Hub. Log in with `hf auth login`, with a token that may write "
            "(https://huggingface.co/settings/tokens), or set HF_TOKEN. --dry-run with --namespace needs none."
        )
    return namespace or api.whoami()["name"]


@contextmanager
def push_errors() -> Iterator[None]:
    """Ends the program with one message and status 1 where the Hub refuses, 2 where the input is at fault."""
    from huggingface_hub.errors import HTTPError

    with clear_errors("train", program="push"):
        try:
            yield
            return
        except RuntimeError as error:  # the client wraps what befalls large files
            why = f" {explain(error.__cause__)}" if isinstance(error.__cause__, HTTPError) else ""
            said = f"{error}{why}"
        except HTTPError as error:
            said = explain(error)
        except JSONDecodeError:
            said = "The Hub has trouble: it answered with something that is not JSON. Run this again later."
        typer.echo(f"push: {said}", err=True)
        raise typer.Exit(1)


def explain(error: Any) -> str:
    """What an error of the Hub or of the way there means, and what to do."""
    response = getattr(error, "response", None)
    again = "What was pushed stays; running again does the rest."
    if response is None:
        return f"The Hub did not answer ({type(error).__name__}: {error}). Is the network there? {again}"
    status, request = response.status_code, f"{response.request.method} {response.request.url.path}"
    said = getattr(error, "server_message", None) or str(error)
    if status == 401:
        return f"The Hub does not know this token (401, {request}): {said}. Log in with `hf auth login`."
    if status == 403:
        needed = "collections" if "/collections" in request else "contents and settings of repositories"
        return (
            f"The token may not do this (403, {request}): {said}. It needs write access to {needed} of the namespace "
            f"(https://huggingface.co/settings/tokens), and in an organisation you need a role that may write. {again}"
        )
    if status in (409, 412):
        return f"Somebody else changed it at the same time, twice ({status}, {request}): {said}. {again}"
    if status == 429:
        wait = response.headers.get("Retry-After")
        return f"The Hub asks for fewer requests (429, {request}): wait {wait + ' s' if wait else 'a while'}. {again}"
    if status >= 500:
        return f"The Hub has trouble ({status}, {request}): {said}. {again}"
    return f"The Hub refuses ({status}, {request}): {said}"
