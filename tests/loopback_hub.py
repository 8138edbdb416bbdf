"""A Hub on 127.0.0.1, out of the standard library: what the Hugging Face clients say to the real one, it understands.

    with LoopbackHub() as hub:
        environment = hub.environment(tmp_path / "hf")       # for a process that pushes or loads, clients unmodified
        hub.fail("POST .*/commit/", cut="after")             # the next commit takes place, but its answer is lost
        ...
        hub.repos["models/org/name"].history("main")         # every state that main ever had
        hub.requests                                         # "POST /api/models/org/name/commit/main", ...

Repositories have real commits: a commit is one new tree, made whole or not at all, and refuses a parent that main has
left. The protocol is the one that huggingface_hub 2.4, transformers 5.23 and datasets 5.2 speak.
"""

import hashlib
import json
import re
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote

import yaml
from loopback_http import Fault, Handler, Reply, Request, in_json
from loopback_repo import Blob, Commit, Problem, Repo, changed, folders

WRITER, READER, STRANGER = "writing-token", "reading-token", "strangers-token"
USERS = {
    WRITER: {"name": "writer", "role": "write", "namespaces": {"writer", "org"}},
    READER: {"name": "reader", "role": "read", "namespaces": {"reader", "org"}},
    STRANGER: {"name": "stranger", "role": "write", "namespaces": {"stranger"}},
}
LFS_SUFFIXES = (".safetensors", ".parquet", ".png", ".jpg", ".bin")  # as the Hub's own .gitattributes has them
NOW = "2026-01-01T00:00:00.000Z"


class LoopbackHub:
    """The server and all it holds. Tests may read and change its fields between requests."""

    def __init__(self):
        self.repos: dict[str, Repo] = {}  # "models/org/name"
        self.collections: list[dict] = []
        self.users = USERS
        self.requests: list[str] = []
        self.faults: list[Fault] = []
        self.lock = threading.RLock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("HubHandler", (Handler,), {"hub": self}))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def environment(self, home: Path, token: str | None = WRITER) -> dict[str, str]:
        """What sends the clients here; `home` is the cache."""
        environment = {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
        return environment | ({"HF_TOKEN": token} if token else {})

    def reset(self) -> None:
        """Nothing there, nothing asked, nothing to go wrong."""
        for held in (self.repos, self.collections, self.requests, self.faults):
            held.clear()

    def fail(self, pattern="", number=0, status=0, headers=None, cut="", spoil=False, then=None, times=1):
        """Makes a coming request go wrong; see `Fault`."""
        self.faults.append(Fault(pattern, number, status, headers or {}, cut, spoil, then, times))

    def add(self, key: str, files: dict[str, bytes], private: bool = False) -> None:
        """A repository that is there already, by its key, such as "models/org/name"."""
        kind, _, id = key.partition("/")
        self.repos[key] = Repo(kind, id, private)
        tree = {path: Blob(content) for path, content in files.items()}
        self.repos[key].commit("refs/heads/main", "initial commit", tree)

    def write(self, key: str, files: dict[str, bytes], message="Somebody else's change") -> Commit:
        """A commit on main, without a client."""
        repo = self.repos[key]
        return repo.commit("refs/heads/main", message, repo.find("main").tree | {p: Blob(c) for p, c in files.items()})

    def take_fault(self, request: Request) -> Fault | None:
        if request.path == "/api/agent-harnesses":  # asked once a day, under some agents only
            return None
        with self.lock:
            path = f"{request.method} {request.path}"
            self.requests.append(path)
            for fault in self.faults:
                if fault.number in (0, len(self.requests)) and re.match(fault.pattern, path):
                    fault.times -= 1
                    if not fault.times:
                        self.faults.remove(fault)
                    return fault
        return None

    def answer(self, request: Request) -> Reply:
        """One request, with all of its effect or none."""
        with self.lock:
            try:
                if request.headers.get("authorization") and not request.user:
                    raise Problem(401, "Invalid credentials in Authorization header")
                for method, pattern, action in ROUTES:
                    found = method == request.method.replace("HEAD", "GET") and re.fullmatch(pattern, request.path)
                    if found:
                        return action(self, request, **{k: unquote(v) for k, v in found.groupdict().items() if v})
                raise Problem(404, f"The loopback Hub knows no {request.method} {request.path}")
            except Problem as problem:
                headers = {"X-Error-Message": problem.message, "X-Error-Code": problem.code}
                return in_json({"error": problem.message} | problem.body, problem.status, headers)

    # Who may do what

    def whoami(self, request: Request) -> Reply:
        if not request.user:
            raise Problem(401, "Invalid username or password.")
        organisations = [{"name": name} for name in sorted(request.user["namespaces"] - {request.user["name"]})]
        access = {"accessToken": {"role": request.user["role"]}}
        return in_json({"type": "user", "name": request.user["name"], "orgs": organisations, "auth": access})

    def check_writer(self, request: Request, namespace: str) -> None:
        if not request.user:
            raise Problem(401, "Invalid username or password.")
        if request.user["role"] != "write" or namespace not in request.user["namespaces"]:
            raise Problem(403, f"You don't have the rights to write to {namespace}")

    def readable(self, request: Request, kind: str, id: str) -> Repo:
        repo = self.repos.get(f"{kind or 'models'}/{id}")
        namespaces = request.user["namespaces"] if request.user else set()
        if not repo or (repo.private and id.split("/")[0] not in namespaces):
            raise Problem(404 if request.user else 401, "Repository not found", "RepoNotFound")
        return repo

    def writable(self, request: Request, kind: str, id: str) -> Repo:
        repo = self.readable(request, kind, id)
        self.check_writer(request, id.split("/")[0])
        return repo

    # Repositories

    def create_repo(self, request: Request) -> Reply:
        wanted = request.json()
        namespace = wanted.get("organization") or (request.user or {}).get("name", "")
        self.check_writer(request, namespace)
        kind, id = wanted.get("type", "model") + "s", f"{namespace}/{wanted['name']}"
        url = f"{self.url}/{id}" if kind == "models" else f"{self.url}/{kind}/{id}"
        if f"{kind}/{id}" in self.repos:
            raise Problem(409, "You already created this repo", url=url)
        repo = Repo(kind, id, private=bool(wanted.get("private")) or wanted.get("visibility") == "private")
        repo.commit("refs/heads/main", "initial commit", {".gitattributes": Blob(b"*.safetensors filter=lfs\n")})
        self.repos[f"{kind}/{id}"] = repo
        return in_json({"url": url, "name": id, "id": id})

    def settings(self, request: Request, kind: str, id: str) -> Reply:
        repo, wanted = self.writable(request, kind, id), request.json()
        repo.private = wanted.get("visibility", "private" if repo.private else "public") == "private"
        return in_json(wanted)

    def info(self, request: Request, kind: str, id: str, revision: str = "main") -> Reply:
        repo = self.readable(request, kind, id)
        commit = repo.find(revision)
        siblings = [{"rfilename": path} for path in commit.tree]
        body = {"_id": id, "id": id, "sha": commit.oid, "private": repo.private, "lastModified": NOW, "tags": []}
        return in_json({**body, "author": id.split("/")[0], "disabled": False, "gated": False, "siblings": siblings})

    def refs(self, request: Request, kind: str, id: str) -> Reply:
        refs: dict[str, list] = {"branches": [], "tags": [], "pullRequests": [], "converts": []}
        names = {"heads": "branches", "tags": "tags", "pr": "pullRequests"}
        for ref, oid in self.readable(request, kind, id).refs.items():
            _, part, name = ref.split("/", 2)
            refs[names[part]].append({"name": name, "ref": ref, "targetCommit": oid})
        return in_json(refs)

    def tag(self, request: Request, kind: str, id: str, revision: str) -> Reply:
        return self.new_ref(self.writable(request, kind, id), f"refs/tags/{request.json()['tag']}", revision)

    def branch(self, request: Request, kind: str, id: str, revision: str) -> Reply:
        repo = self.writable(request, kind, id)
        return self.new_ref(repo, f"refs/heads/{revision}", request.json().get("startingPoint", "main"))

    def new_ref(self, repo: Repo, ref: str, revision: str) -> Reply:
        if ref in repo.refs:
            raise Problem(409, f"Reference already exists: {ref}")
        repo.refs[ref] = repo.find(revision).oid
        return Reply()

    def discussions(self, request: Request, kind: str, id: str) -> Reply:
        repo = self.readable(request, kind, id)
        found = [
            {"title": title, "num": number, "author": {"name": "writer"}, "createdAt": NOW, "status": "open"}
            | {"repo": {"name": id, "type": kind[:-1]}, "isPullRequest": True}
            for number, title in enumerate(repo.pull_requests, start=1)
        ]
        return in_json({"discussions": found, "count": len(found), "start": 0})

    # Files, there

    def tree(self, request: Request, kind: str, id: str, revision: str, path: str = "") -> Reply:
        tree = self.readable(request, kind, id).find(revision).tree
        prefix = f"{path.rstrip('/')}/" if path else ""
        inside = {name: blob for name, blob in tree.items() if name.startswith(prefix)}
        if prefix and not inside:
            raise Problem(404, f"{path} does not exist on {revision}", "EntryNotFound")
        entries = [blob.entry(name) for name, blob in inside.items()] + folders(inside)
        if request.query.get("recursive", ["false"])[0].lower() not in ("1", "true"):
            entries = [entry for entry in entries if "/" not in entry["path"].removeprefix(prefix)]
        return in_json([entry for entry in entries if entry["path"].startswith(prefix)])

    def paths_info(self, request: Request, kind: str, id: str, revision: str) -> Reply:
        tree = self.readable(request, kind, id).find(revision).tree
        known = [blob.entry(name) for name, blob in tree.items()] + folders(tree)
        form = parse_qs(request.body.decode()) if b"=" in request.body else request.json()
        return in_json([entry for entry in known if entry["path"] in form.get("paths", [])])

    def resolve(self, request: Request, id: str, revision: str, path: str, kind: str = "") -> Reply:
        commit = self.readable(request, kind, id).find(revision)
        blob = commit.tree.get(path)
        if blob is None:
            return in_json(
                {"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit.oid}
            )
        headers = {
            "ETag": f'"{blob.sha256 if blob.lfs else blob.oid}"',
            "Accept-Ranges": "bytes",
            "X-Repo-Commit": commit.oid,
        }
        if blob.lfs:
            headers |= {"X-Linked-Etag": f'"{blob.sha256}"', "X-Linked-Size": str(len(blob.content))}
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
        if not wanted:
            return Reply(200, blob.content, headers)
        size, (first, last) = len(blob.content), wanted.groups()
        start = int(first) if first else max(0, size - int(last))
        stop = min(size, int(last) + 1) if first and last else size
        if start >= stop:
            return Reply(416, b"", {"Content-Range": f"bytes */{size}"})
        return Reply(206, blob.content[start:stop], {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{size}"})

    # Files, on their way

    def validate_yaml(self, request: Request) -> Reply:
        matter = re.match(r"---\r?\n(.*?)\r?\n---", request.json()["content"], re.DOTALL)
        try:
            data = yaml.safe_load(matter[1]) if matter else {}
        except yaml.YAMLError as error:
            raise Problem(400, "Invalid metadata", errors=[{"message": str(error)}], warnings=[]) from None
        if not isinstance(data, dict):
            raise Problem(400, "Invalid metadata", errors=[{"message": "not a mapping"}], warnings=[])
        return in_json({"errors": [], "warnings": [] if data else [{"message": "empty or missing yaml metadata"}]})

    def preupload(self, request: Request, kind: str, id: str, revision: str) -> Reply:
        tree = self.writable(request, kind, id).find(revision).tree
        files = []
        for file in request.json()["files"]:
            lfs = file["path"].endswith(LFS_SUFFIXES) or file["size"] > 10_000_000
            blob = tree.get(file["path"])
            known = {"oid": blob.sha256 if blob.lfs else blob.oid} if blob else {}
            files.append(
                {"path": file["path"], "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False, **known}
            )
        return in_json({"files": files})

    def lfs_batch(self, request: Request, id: str, kind: str = "") -> Reply:
        repo, objects = self.writable(request, kind, id), []
        for file in request.json()["objects"]:
            objects.append({"oid": file["oid"], "size": file["size"]})
            if file["oid"] not in repo.stored:
                href = f"{self.url}/storage/{repo.kind}/{id}"
                upload, verify = {"href": f"{href}/{file['oid']}"}, {"href": f"{href}/verify"}
                objects[-1]["actions"] = {"upload": upload, "verify": verify}
        return in_json({"transfer": "basic", "objects": objects})

    def store(self, request: Request, kind: str, id: str, oid: str) -> Reply:
        if hashlib.sha256(request.body).hexdigest() != oid:
            raise Problem(400, "The content's SHA-256 is not the one announced", "BadDigest")
        self.repos[f"{kind}/{id}"].stored[oid] = request.body
        return Reply()

    def verify_stored(self, request: Request, kind: str, id: str) -> Reply:
        repo, wanted = self.writable(request, kind, id), request.json()
        if len(repo.stored.get(wanted["oid"], b"")) != wanted["size"]:
            raise Problem(404, "The object was not uploaded")
        return in_json({})

    def commit(self, request: Request, kind: str, id: str, revision: str) -> Reply:
        repo = self.writable(request, kind, id)
        lines = [json.loads(line) for line in request.body.splitlines()]
        header = next(line["value"] for line in lines if line["key"] == "header")
        as_pull_request = "create_pr" in request.query
        ref = f"refs/heads/{revision}"
        if ref not in repo.refs and not as_pull_request:
            raise Problem(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        base = repo.find(header.get("parentCommit", revision) if as_pull_request else revision)
        if not as_pull_request and header.get("parentCommit", base.oid) != base.oid:
            raise Problem(412, "A commit has happened since. Please refresh and try again.")
        tree = changed(repo, dict(base.tree), lines)
        if as_pull_request:
            repo.pull_requests.append(header["summary"])
            ref = f"refs/pr/{len(repo.pull_requests)}"
            repo.refs[ref] = base.oid
        oid, page = repo.commit(ref, header["summary"], tree).oid, f"{self.url}/{kind}/{id}".replace("/models/", "/")
        links = {"commitUrl": f"{page}/commit/{oid}"}
        if as_pull_request:
            links["pullRequestUrl"] = f"{page}/discussions/{len(repo.pull_requests)}"
        return in_json({"success": True, "commitOid": oid, **links})

    # Collections

    def list_collections(self, request: Request) -> Reply:
        owners = request.query.get("owner", [])
        found = [item for item in self.collections if not owners or item["owner"] in owners]
        # A list has no positions, and four items of each at most.
        return in_json([{k: v for k, v in c.items() if k != "position"} | {"items": c["items"][:4]} for c in found])

    def create_collection(self, request: Request) -> Reply:
        wanted = request.json()
        self.check_writer(request, wanted["namespace"])
        slug = f"{wanted['namespace']}/{wanted['title'].lower().replace(' ', '-')}-{len(self.collections):024x}"
        for known in self.collections:
            if (known["owner"], known["title"]) == (wanted["namespace"], wanted["title"]):
                raise Problem(409, "This collection exists", slug=known["slug"])
        self.collections.append(
            {"slug": slug, "title": wanted["title"], "owner": wanted["namespace"], "items": [], "lastUpdated": NOW}
            | {"position": 0, "theme": "green", "upvotes": 0, "private": wanted["private"]}
            | {"description": wanted.get("description")}
        )
        return in_json(self.collections[-1])

    def collection(self, slug: str) -> dict:
        for collection in self.collections:
            if collection["slug"] == slug:
                return collection
        raise Problem(404, "Collection not found")

    def get_collection(self, request: Request, slug: str) -> Reply:
        return in_json(self.collection(slug))

    def add_item(self, request: Request, slug: str) -> Reply:
        collection, item = self.collection(slug), request.json()["item"]
        self.check_writer(request, collection["owner"])
        if any((known["id"], known["type"]) == (item["id"], item["type"]) for known in collection["items"]):
            raise Problem(409, "This item is already in the collection")
        if item["type"] in ("model", "dataset", "space") and f"{item['type']}s/{item['id']}" not in self.repos:
            raise Problem(404, "Repository not found", "RepoNotFound")
        number = len(collection["items"])
        collection["items"].append(
            {"_id": f"{number:024x}", "id": item["id"], "type": item["type"], "position": number}
        )
        return in_json(collection)


REPO = r"(?P<kind>models|datasets|spaces)/(?P<id>[^/]+/[^/]+)"
PAGE = r"/(?:(?P<kind>datasets|spaces)/)?(?P<id>[^/]+/[^/]+)"  # a model's address has no kind
SLUG = r"(?P<slug>[^/]+/[^/]+)"
ROUTES = [
    ("GET", "/api/whoami-v2", LoopbackHub.whoami),
    ("POST", "/api/repos/create", LoopbackHub.create_repo),
    ("POST", "/api/validate-yaml", LoopbackHub.validate_yaml),
    ("GET", "/api/collections", LoopbackHub.list_collections),
    ("POST", "/api/collections", LoopbackHub.create_collection),
    ("POST", f"/api/collections/{SLUG}/items", LoopbackHub.add_item),
    ("GET", f"/api/collections/{SLUG}", LoopbackHub.get_collection),
    ("GET", rf"/api/{REPO}(?:/revision/(?P<revision>[^/]+))?", LoopbackHub.info),
    ("GET", f"/api/{REPO}/refs", LoopbackHub.refs),
    ("GET", f"/api/{REPO}/discussions", LoopbackHub.discussions),
    ("GET", rf"/api/{REPO}/tree/(?P<revision>[^/]+)/?(?P<path>.+)?", LoopbackHub.tree),
    ("PUT", f"/api/{REPO}/settings", LoopbackHub.settings),
    ("POST", f"/api/{REPO}/tag/(?P<revision>[^/]+)", LoopbackHub.tag),
    ("POST", f"/api/{REPO}/branch/(?P<revision>[^/]+)", LoopbackHub.branch),
    ("POST", f"/api/{REPO}/paths-info/(?P<revision>[^/]+)", LoopbackHub.paths_info),
    ("POST", f"/api/{REPO}/preupload/(?P<revision>[^/]+)", LoopbackHub.preupload),
    ("POST", f"/api/{REPO}/commit/(?P<revision>[^/]+)", LoopbackHub.commit),
    ("POST", rf"{PAGE}\.git/info/lfs/objects/batch", LoopbackHub.lfs_batch),
    ("POST", f"/storage/{REPO}/verify", LoopbackHub.verify_stored),
    ("PUT", f"/storage/{REPO}/(?P<oid>[0-9a-f]+)", LoopbackHub.store),
    ("GET", f"{PAGE}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", LoopbackHub.resolve),
]
