"""A repository of the loopback Hub: commits that are whole or not there, and what the Hub says of their files."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple


class Problem(Exception):
    """An answer that is not 2xx, in the Hub's form."""

    def __init__(self, status: int, message: str, code: str = "", **body):
        super().__init__(message)
        self.status, self.message, self.code, self.body = status, message, code, body


class Blob(NamedTuple):
    content: bytes
    lfs: bool = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def pointer(self) -> bytes:
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.content)}\n".encode()

    @property
    def oid(self) -> str:
        data = self.pointer if self.lfs else self.content
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def entry(self, path: str) -> dict:
        entry = {"type": "file", "path": path, "oid": self.oid, "size": len(self.content)}
        if self.lfs:
            entry["lfs"] = {"oid": self.sha256, "size": len(self.content), "pointerSize": len(self.pointer)}
        return entry


class Commit(NamedTuple):
    oid: str
    parent: str | None
    message: str
    tree: dict[str, Blob]


@dataclass
class Repo:
    kind: str  # "models", "datasets" or "spaces"
    id: str
    private: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)  # "refs/heads/main" -> commit
    stored: dict[str, bytes] = field(default_factory=dict)  # uploaded large files by SHA-256, committed or not
    pull_requests: list[str] = field(default_factory=list)  # titles; number n is the ref refs/pr/n

    def commit(self, ref: str, message: str, tree: dict[str, Blob]) -> Commit:
        parent = self.refs.get(ref)
        content = [ref, parent, message, sorted((path, blob.oid) for path, blob in tree.items()), len(self.commits)]
        oid = hashlib.sha1(json.dumps(content).encode()).hexdigest()
        self.commits[oid] = Commit(oid, parent, message, tree)
        self.refs[ref] = oid
        return self.commits[oid]

    def find(self, revision: str) -> Commit:
        for ref in (revision, f"refs/heads/{revision}", f"refs/tags/{revision}"):
            if ref in self.refs:
                return self.commits[self.refs[ref]]
        if revision in self.commits:
            return self.commits[revision]
        raise Problem(404, f"Invalid rev id: {revision}", "RevisionNotFound")

    def history(self, revision: str = "main") -> list[Commit]:
        """The commits of a revision, the first one first."""
        commits = [self.find(revision)]
        while commits[-1].parent:
            commits.append(self.commits[commits[-1].parent])
        return commits[::-1]

    def files(self, revision: str = "main") -> dict[str, bytes]:
        return {path: blob.content for path, blob in self.find(revision).tree.items() if path != ".gitattributes"}


def changed(repo: Repo, tree: dict[str, Blob], lines: list[dict]) -> dict[str, Blob]:
    """A tree after a commit's operations; a commit that cannot be carried out whole leaves all as it was."""
    for line in lines:
        value = line["value"]
        if line["key"] == "file":
            tree[value["path"]] = Blob(base64.b64decode(value["content"]))
        elif line["key"] == "lfsFile":
            if value["oid"] not in repo.stored:
                raise Problem(400, f"LFS pointer of {value['path']} points to a file that does not exist")
            tree[value["path"]] = Blob(repo.stored[value["oid"]], lfs=True)
        elif line["key"] == "deletedFile":
            if value["path"] not in tree:
                raise Problem(404, "A file with this name doesn't exist", "EntryNotFound")
            del tree[value["path"]]
        elif line["key"] == "deletedFolder":
            tree = {path: blob for path, blob in tree.items() if not path.startswith(value["path"].rstrip("/") + "/")}
    return tree


def folders(tree: dict[str, Blob]) -> list[dict]:
    names = {str(parent) for path in tree for parent in PurePosixPath(path).parents} - {"."}
    return [
        {"type": "directory", "path": name, "oid": hashlib.sha1(name.encode()).hexdigest(), "size": 0}
        for name in names
    ]
