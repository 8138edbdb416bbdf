"""Folders to the Hub: compared with what is there, sent as one commit each, tagged, gathered in one collection.

    push(checkpoint_uploads([Path("checkpoints/nanovlm-base")], "org"), Settings(dry_run=True))

A commit is made on the state that was compared, or not at all: `main` holds the old files or the new ones. Whatever
stops a push, the next one begins with what the Hub has and does the rest. Where nothing differs, nothing is sent.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from nanovlm_hf import __version__
from nanovlm_hf.hub.verify import loading_problems, problems_of

COLLECTION = "NanoVLM"
COLLECTION_DESCRIPTION = "How small can a vision-language model be? Models of 5M to 25M parameters and their datasets."
TAG = f"v{__version__}"
PAUSE = 3.0  # seconds before a second attempt, where the Hub doesn't say how long
_HELD_BACK = (408, 409, 412, 425, 429, 500, 502, 503, 504)  # of which a second attempt may come to a good end


@dataclass(frozen=True)
class Settings:
    """How to push: to which visibility and branch, as a proposal, or only as a list of what would change."""

    private: bool = False
    revision: str | None = None
    create_pr: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        if self.create_pr and self.revision:
            raise ValueError("A pull request goes to main: use --create-pr or --revision, not both.")

    @property
    def publishes(self) -> bool:
        """Whether main is to change, rather than a branch or nothing but a proposal."""
        return not self.create_pr and self.revision in (None, "main")


@dataclass
class State:
    """What a repository holds at one commit; `commit` is `None` where there is no such repository."""

    commit: str | None = None
    private: bool = False
    has_branch: bool = True
    files: dict[str, Any] = field(default_factory=dict)  # path -> huggingface_hub.RepoFile
    tags: dict[str, str] = field(default_factory=dict)


Files = dict[str, Path | bytes | None]  # path in the repository -> content; `None` where it is to be deleted


@dataclass
class Upload:
    """What a repository is to hold, given what it holds now, and the folder that this comes from, if it is one."""

    repo_id: str
    kind: str  # "model", "dataset" or "space"
    files: Callable[[State], Files]
    folder: Path | None = None
    message: str = ""

    @property
    def name(self) -> str:
        return self.repo_id.split("/")[-1]


class Change(NamedTuple):
    path: str
    size: int
    what: str  # "new", "changed", "deleted" or "same"


def mirror(folder: Path, state: State) -> Files:
    """A folder's files, and the deletion of what an earlier push left behind.

    That is what lies at the repository's root or in a directory that the folder has too; other directories (an ONNX
    export, evaluation results) are somebody else's.
    """
    files: Files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    directories = {path.split("/")[0] for path in files if "/" in path}
    for path in state.files:
        if path not in files and path != ".gitattributes" and ("/" not in path or path.split("/")[0] in directories):
            files[path] = None
    return files


def compare(files: Files, state: State) -> list[Change]:
    """Each file and what would become of it."""
    changes = []
    for path, content in sorted(files.items()):
        there = state.files.get(path)
        if content is None:
            changes += [Change(path, there.size, "deleted")] if there else []
        else:
            size = len(content) if isinstance(content, bytes) else content.stat().st_size
            what = "new" if there is None else "same" if _is_same(content, size, there) else "changed"
            changes.append(Change(path, size, what))
    return changes


def _is_same(content: Path | bytes, size: int, there: Any) -> bool:
    if size != there.size:
        return False
    if there.lfs:
        digest, expected = hashlib.sha256(), there.lfs.sha256
    else:
        digest, expected = hashlib.sha1(f"blob {size}\0".encode()), there.blob_id  # as git has it
    if isinstance(content, bytes):
        digest.update(content)
    else:
        with content.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest() == expected


def read_state(api: Any, upload: Upload, revision: str | None = None) -> State:
    """What the Hub has now. Where the branch does not exist yet, what main has, of which it will start."""
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
    from huggingface_hub.hf_api import RepoFile

    repo: dict[str, str] = {"repo_id": upload.repo_id, "repo_type": upload.kind}
    try:
        info = api.repo_info(**repo, revision=revision)
        has_branch = True
    except RepositoryNotFoundError:
        return State()
    except RevisionNotFoundError:
        info = api.repo_info(**repo)
        has_branch = False
    entries = api.list_repo_tree(**repo, revision=info.sha, recursive=True)
    files = {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}
    tags = {tag.name: tag.target_commit for tag in api.list_repo_refs(**repo).tags}
    return State(info.sha, bool(info.private), has_branch, files, tags)


def push(uploads: list[Upload], settings: Settings, api: Any = None, console: Any = None) -> None:
    """Verifies folders, shows what would change, and unless `settings.dry_run` pushes, tags and collects.

    Raises:
        ValueError: a folder must not be published as it is (all reasons are named), or main changed meanwhile in files
            that this push would change too.
        huggingface_hub's errors: see `nanovlm_hf.hub.options.push_errors` for what they mean.
    """
    from huggingface_hub import HfApi
    from rich.console import Console

    api = api or HfApi(library_name="nanovlm_hf", library_version=__version__)
    console = console or Console(markup=False, highlight=False)
    with console.status("Reading all files ..."):
        _refuse([f"{up.name}/{problem}" for up in uploads if up.folder for problem in problems_of(up.folder, up.kind)])
    plans = []
    with console.status("Comparing with the Hub ..."):
        for upload in uploads:
            state = _twice(read_state, api, upload, settings.revision)
            plans.append((upload, state, compare(upload.files(state), state)))
    for upload, state, plan in plans:
        _show(console, upload, state, plan, settings)
    for kind in ("model", "dataset"):
        changed = [upload.folder for upload, _, plan in plans if upload.kind == kind and upload.folder and _sent(plan)]
        if changed:
            names = ", ".join(folder.name for folder in changed)
            with console.status(f"Loading {names} in a fresh process ..."):
                _refuse(loading_problems(changed, kind))
            console.print(f"{names}: loads in a fresh process, from its own files.", soft_wrap=True)
    if not settings.dry_run:
        for upload, state, _ in plans:
            console.print(push_one(api, upload, state, settings), soft_wrap=True)
    if settings.publishes:
        console.print(_twice(collect, api, uploads, settings), soft_wrap=True)


def _sent(plan: list[Change]) -> list[Change]:
    return [change for change in plan if change.what != "same"]


def _refuse(problems: list[str]) -> None:
    if problems:
        raise ValueError("Nothing was sent, for this must not be published:\n  " + "\n  ".join(problems))


def _show(console: Any, upload: Upload, state: State, plan: list[Change], settings: Settings) -> None:
    from rich.filesize import decimal
    from rich.table import Table

    where = "a new repository" if state.commit is None else f"on {settings.revision or 'main'} {state.commit[:7]}"
    privacy = "" if state.commit is None else ", private" if state.private else ", public"
    privacy += ", to be private" if settings.private and not state.private else ""
    console.print(f"{upload.kind} {upload.repo_id} ({where}{privacy})", style="bold", soft_wrap=True)
    table = Table(box=None, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    styles = {"new": "green", "changed": "yellow", "deleted": "red", "same": "dim"}
    for change in plan:
        table.add_row(change.path, decimal(change.size), change.what, style=styles[change.what])
    console.print(table)
    counts = {what: sum(change.what == what for change in plan) for what in styles}
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    tag = f"; tag {TAG} {'is there' if TAG in state.tags else 'is missing'}" if _tags(upload, settings) else ""
    console.print(f"{_count(plan)}: {said}{tag}\n")


def _count(changes: list[Change]) -> str:
    return f"{len(changes)} file{'s' * (len(changes) > 1)}"


def _tags(upload: Upload, settings: Settings) -> bool:
    """Whether this push is a release: a folder on main, rather than results beside it."""
    return upload.folder is not None and settings.publishes


def push_one(api: Any, upload: Upload, seen: State, settings: Settings) -> str:
    """Brings one repository from the state `seen` to what `upload` says, and returns a line that says what was done.

    An answer that never came or a main that moved on is no end: the Hub's new state is read and what is left to do is
    done on it, once, unless somebody changed the same files meanwhile.
    """
    try:
        return _push_to(api, upload, seen, settings)
    except Exception as error:
        wait = _wait_after(error)
        if wait is None:
            raise
        time.sleep(wait)
    now = read_state(api, upload, settings.revision)
    sent = [change.path for change in _sent(compare(upload.files(now), now))]
    theirs = [path for path in sent if seen.commit and _identity(now, path) != _identity(seen, path)]
    if theirs:
        raise ValueError(
            f"{upload.repo_id} was changed by somebody else during the push: {', '.join(theirs)}. Look at it there; "
            "running again replaces it."
        )
    return _push_to(api, upload, now, settings)


def _identity(state: State, path: str) -> str | None:
    return state.files[path].blob_id if path in state.files else None


def _twice(action: Callable[..., Any], *arguments: Any) -> Any:
    """What can be done again without harm, once more where it failed for a passing reason."""
    try:
        return action(*arguments)
    except Exception as error:
        wait = _wait_after(error)
        if wait is None:
            raise
        time.sleep(wait)
    return action(*arguments)


def _wait_after(error: Exception) -> float | None:
    """Seconds to wait before a second attempt; `None` where it would end like the first."""
    from huggingface_hub.errors import HTTPError

    cause = error.__cause__ if isinstance(error, RuntimeError) else error  # the client wraps what befalls large files
    if isinstance(cause, json.JSONDecodeError):  # a gateway's page in place of an answer
        return PAUSE
    if not isinstance(cause, HTTPError):
        return None
    response = getattr(cause, "response", None)  # none came where the connection was cut
    if response is None:
        return PAUSE
    if response.status_code not in _HELD_BACK:
        return None
    after = response.headers.get("Retry-After", "")
    return min(float(after), 300.0) if after.isdigit() else PAUSE


def _push_to(api: Any, upload: Upload, state: State, settings: Settings) -> str:
    repo: dict[str, Any] = {"repo_id": upload.repo_id, "repo_type": upload.kind}
    done = []
    if state.commit is None:
        sdk = "gradio" if upload.kind == "space" else None
        api.create_repo(**repo, private=settings.private or None, exist_ok=True, space_sdk=sdk)
        state = read_state(api, upload, settings.revision)
    if settings.private and not state.private:
        api.update_repo_settings(**repo, private=True)
        done.append("made private")
    if not state.has_branch:
        api.create_branch(**repo, branch=settings.revision, exist_ok=True)
    files = upload.files(state)
    changes = _sent(compare(files, state))
    commit = state.commit
    if changes:
        if settings.create_pr and (link := _open_pull_request(api, upload)):
            return f"{upload.repo_id}: {link} proposes this already"
        info = _commit(api, upload, state, {change.path: files[change.path] for change in changes}, settings)
        commit = info.oid
        _check(api, upload, files, commit)
        done.append(f"{_count(changes)} in commit {commit[:7]}" + f" of {info.pr_url}" * settings.create_pr)
    if _tags(upload, settings):
        if TAG not in state.tags:
            api.create_tag(**repo, tag=TAG, revision=commit, exist_ok=True)
            done.append(f"tagged {TAG}")
        elif changes:
            done.append(f"the tag {TAG} stays on {state.tags[TAG][:7]}: raise the package's version to tag this one")
    return f"{upload.repo_id}: {', '.join(done) or 'nothing to change'}"


def _message(upload: Upload) -> str:
    return upload.message or f"{upload.name}, by nanovlm_hf {__version__}"


def _commit(api: Any, upload: Upload, state: State, files: Files, settings: Settings) -> Any:
    """One commit of all of it. `upload_folder` would not do: with hf_xet it may split a folder over several."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    operations = [
        CommitOperationDelete(path) if content is None else CommitOperationAdd(path, content)
        for path, content in files.items()
    ]
    return api.create_commit(
        upload.repo_id,
        operations,
        commit_message=_message(upload),
        repo_type=upload.kind,
        revision=settings.revision,
        create_pr=settings.create_pr,
        parent_commit=state.commit,
    )


def _check(api: Any, upload: Upload, files: Files, commit: str) -> None:
    """Reads the commit back: the Hub's own hashes are those of our files."""
    from huggingface_hub.hf_api import RepoFile

    entries = api.list_repo_tree(upload.repo_id, repo_type=upload.kind, revision=commit, recursive=True)
    state = State(commit, files={entry.path: entry for entry in entries if isinstance(entry, RepoFile)})
    if wrong := [change.path for change in _sent(compare(files, state))]:
        raise ValueError(
            f"{upload.repo_id}: commit {commit[:7]} holds other content than was sent: {', '.join(wrong)}. Compare it on "
            "the Hub, and run again."
        )


def _open_pull_request(api: Any, upload: Upload) -> str | None:
    """The address of an open pull request that holds exactly this already."""
    for found in api.get_repo_discussions(
        upload.repo_id, repo_type=upload.kind, discussion_type="pull_request", discussion_status="open"
    ):
        if found.title == _message(upload):
            proposed = read_state(api, upload, found.git_reference)
            if not _sent(compare(upload.files(proposed), proposed)):
                return found.url
    return None


def collect(api: Any, uploads: list[Upload], settings: Settings) -> str:
    """Puts what was pushed into the namespace's collection, which is made where there is none."""
    namespace = uploads[0].repo_id.split("/")[0]
    found = next((item for item in api.list_collections(owner=namespace) if item.title == COLLECTION), None)
    inside = {(item.item_id, item.item_type) for item in api.get_collection(found.slug).items} if found else set()
    missing = [upload for upload in uploads if (upload.repo_id, upload.kind) not in inside]
    if settings.dry_run or not missing:
        said = f"lacks {', '.join(upload.repo_id for upload in missing)}" if missing else "holds all of it"
        return f"The collection {COLLECTION} {said}."
    if not found:
        found = api.create_collection(
            COLLECTION,
            namespace=namespace,
            description=COLLECTION_DESCRIPTION,
            private=settings.private,
            exists_ok=True,
        )
    for upload in missing:
        api.add_collection_item(found.slug, upload.repo_id, upload.kind, exists_ok=True)
    return f"{found.url}{' (private)' * found.private}: {len(missing)} added"
