"""Every error that a person meets: raised elsewhere with facts, worded here, caught once in each door.

MinPaasError
  Refused            the request cannot be carried out as asked (HTTP 422)
    BadSetting, BadAppName, BadRef, BadRepoURL, BadCommand, NoRepository
  NotFound           NoSuchApp (404)
  Conflict           AppExists (409)
  NotAllowed         (403), NeedsToken (401)
  DeployFailed       the old release still serves; `reason` is what git shows beside [remote rejected]
    WrongBranch, BranchDeleted, Stale, NothingToDeploy, BadAppFile, VersionNotFound, BuildFailed, AppCrashed, NotListening, ...
  MachineTrouble     the engine, nginx or the disk is not as it must be (503)
"""

import re
from collections.abc import Sequence


class MinPaasError(Exception):
    """A title, what was found, and the next command to type.

    `reason` is a few words for one line of git's report; `status` the HTTP status; `slug` a stable name for programs.
    """

    title = "Something went wrong"
    hint = ""
    reason = "failed"
    status = 500

    def __init__(
        self, detail: str = "", *, hint: str | None = None, reason: str | None = None, title: str | None = None
    ):
        super().__init__(detail)
        self.detail = detail
        if hint is not None:
            self.hint = hint
        if reason is not None:
            self.reason = reason
        if title is not None:
            self.title = title

    @property
    def slug(self) -> str:
        """The error's stable name: NoSuchApp -> no-such-app."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(self).__name__).lower()

    def __str__(self) -> str:
        return f"{self.title}: {self.detail}" if self.detail else self.title

    def shape(self) -> dict[str, str]:
        """The one JSON shape of an error: error, title, detail, hint (all strings)."""
        return {"error": self.slug, "title": self.title, "detail": self.detail, "hint": self.hint}


class Refused(MinPaasError):
    """The request cannot be carried out as asked."""

    title = "That request cannot be carried out"
    status = 422


class BadSetting(Refused):
    """A MINPAAS_* variable holds what it may not."""

    title = "A setting is not valid"

    def __init__(self, name: str, value: str, wanted: str):
        super().__init__(f"{name} is {value!r}; it must be {wanted}", hint=f"unset {name}, or set it again")


class BadAppName(Refused):
    """Not a name that every door accepts."""

    title = "That is not an app name"
    reason = "bad app name"

    def __init__(self, name: str):
        kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).strip("-")
        kept = kept.removeprefix("xn--").lstrip("0123456789-")[:63].strip("-")
        if kept in ("minpaas", "localhost"):
            kept = f"my-{kept}"
        super().__init__(
            f"{name[:80]!r}: a name is 1 to 63 lower-case letters, digits and dashes, starts with a letter and does not "
            "end with a dash; 'minpaas' and 'localhost' are reserved",
            hint=f"try the name {kept!r}" if kept and kept != name else "try a name such as 'hello'",
        )


class BadRef(Refused):
    """Not a ref that may be fetched."""

    title = "That is not a branch, tag or commit"

    def __init__(self, ref: str):
        super().__init__(f"{ref[:80]!r}", hint="give a plain name such as --ref main, or a full commit id")


class BadRepoURL(Refused):
    """Not a URL that may be fetched from."""

    title = "That is not a repository URL"

    def __init__(self, url: str):
        super().__init__(
            f"{url[:120]!r}",
            hint="give an address such as https://HOST/OWNER/REPO.git or ssh://git@HOST/OWNER/REPO.git",
        )


class PrivateAddress(Refused):
    """The URL leads to this machine or a private network."""

    title = "That repository is on a private address"

    def __init__(self, host: str, address: str):
        super().__init__(
            f"{host} leads to {address}",
            hint=f"if you mean it, start the server with MINPAAS_REPO_HOSTS={host} and deploy again",
        )


class FetchFailed(Refused):
    """The repository could not be fetched."""

    title = "The repository could not be fetched"
    reason = "fetch failed"


class BadCommand(Refused):
    """Not a start command."""

    title = "That is not a start command"

    def __init__(self, command: str):
        super().__init__(f"{command[:80]!r}", hint="give one line, such as --command 'python app.py'")


class NotFound(MinPaasError):
    """It is not here."""

    title = "There is no such thing"
    status = 404


class NoSuchApp(NotFound):
    """No app of that name."""

    title = "There is no such app"
    reason = "no such app"

    def __init__(self, name: str):
        super().__init__(f"{name!r}", hint="see the ones there are with: minpaas apps")


class Conflict(MinPaasError):
    """What is there stands in the way."""

    title = "That is in the way of something else"
    status = 409


class AppExists(Conflict):
    """The name is taken."""

    title = "That app exists already"

    def __init__(self, name: str):
        super().__init__(f"{name!r}", hint=f"deploy to it with: minpaas deploy -a {name}")


class NotAllowed(MinPaasError):
    """The request comes from where it may not."""

    title = "That is not allowed"
    status = 403


class NeedsToken(MinPaasError):
    """Asked from another machine without a good token."""

    title = "A token is needed"
    status = 401


class DeployFailed(MinPaasError):
    """A deploy ended without its commit live; what served before still serves.

    `output` is what the app printed at last, where it was the app that failed.
    """

    title = "The deploy failed"
    reason = "deploy failed"
    status = 422
    output: Sequence[str] = ()


class WrongBranch(DeployFailed):
    """Pushed to a branch that does not deploy."""

    title = "Only one branch deploys"

    def __init__(self, branch: str, deploys: str):
        command = f"git push minpaas {branch}:{deploys}"
        super().__init__(
            f"{branch!r} is not deployed; this app deploys from {deploys!r}",
            hint=f"to deploy it, type: {command}",
            reason=f"wrong branch, type: {command}",
        )


class BranchDeleted(DeployFailed):
    """The deploy branch must not be deleted: it says what is live."""

    title = "The deploy branch stays"
    reason = "the deploy branch cannot be deleted"

    def __init__(self, app: str):
        super().__init__(
            "the branch is the commit of the live release, so it cannot be deleted",
            hint=f"to remove the whole app, type: minpaas delete {app}",
        )


class ForeignRef(DeployFailed):
    """A ref that we keep for ourselves or do not store."""

    title = "Only branches and tags can be pushed"
    reason = "only branches and tags can be pushed"


class Stale(DeployFailed):
    """The branch has moved since the pusher looked."""

    title = "The branch has moved since you fetched"
    hint = "take in what is live with: git pull minpaas main"
    reason = "stale: fetch first"


class Superseded(DeployFailed):
    """A newer push was waiting when this one's turn came."""

    title = "A newer deploy takes this one's place"
    hint = "nothing to do: the newer one says what became of it"
    reason = "superseded by a newer push"


class Cancelled(DeployFailed):
    """Someone cancelled it."""

    title = "The deploy was cancelled"
    hint = "push again when you want it"
    reason = "cancelled"


class Locked(DeployFailed):
    """The app is locked."""

    title = "The app is locked"
    reason = "app is locked"

    def __init__(self, app: str, why: str):
        super().__init__(why, hint=f"unlock it with: minpaas apps:unlock {app}")


class NoSuchRelease(NotFound):
    """No release of that number, or none that can be gone back to."""

    title = "There is no such release"

    def __init__(self, app: str, detail: str):
        super().__init__(detail, hint=f"see the ones there are with: minpaas releases {app}")


class ImageGone(DeployFailed):
    """A release's image is no longer on the machine."""

    title = "That release's image is gone"
    reason = "image is gone"

    def __init__(self, release: str, image: str):
        super().__init__(
            f"{release} needs {image[:19]}, which someone has removed",
            hint="the live release serves on; push that commit again",
        )


class ReleaseCommandFailed(DeployFailed):
    """The Procfile's release command ended with an error."""

    title = "The release command failed"
    reason = "release command failed"
    hint = "its output is above; mend it, commit, and push again"


class BadConfigVar(Refused):
    """Not a name or value that an environment can hold."""

    title = "That is not a config var"


class Interrupted(DeployFailed):
    """The server stopped in the middle."""

    title = "The server stopped during this deploy"
    hint = "push again"
    reason = "interrupted"


class NothingToDeploy(DeployFailed):
    """No runtime recognised the files."""

    title = "Nothing here says how to run it"
    reason = "no runtime detected"


class BadProcfile(DeployFailed):
    """The Procfile cannot be read."""

    title = "The Procfile cannot be read"
    reason = "bad Procfile"


class NoStartCommand(DeployFailed):
    """A runtime was found, but not what to start."""

    title = "No start command was found"
    reason = "no start command"


class BadAppFile(DeployFailed):
    """A file that says how to build, such as app.json or package.json, cannot be read."""

    title = "A file cannot be read"
    reason = "bad file"


class VersionNotFound(DeployFailed):
    """The version of a language that is asked for cannot be had."""

    title = "That version cannot be had here"
    hint = "ask for another version, commit, and push again"
    reason = "version cannot be had"


class BuildFailed(DeployFailed):
    """A step of the build ended with an error."""

    title = "The build failed"
    hint = "the step's own output is above; fix it, commit, and push again"
    reason = "build failed"


class AppCrashed(DeployFailed):
    """The new process ended before it answered."""

    title = "The app stopped before it answered"


class NotListening(DeployFailed):
    """The new process runs but is not to be reached where it must be."""

    title = "The app does not listen where it must"


class NoAnswer(DeployFailed):
    """The new process listens but gave no complete answer in time."""

    title = "The app did not answer in time"


class AnswersWorse(DeployFailed):
    """The new release answers 5xx where the live one does not."""

    title = "The new release answers with a server error"


class TakenBack(DeployFailed):
    """The new release did badly while it was watched; the one before serves again."""

    title = "The new release was taken back"


class MachineTrouble(MinPaasError):
    """The engine, nginx or the disk is not as it must be."""

    title = "The machine is not ready"
    hint = "see what is wrong with: minpaas doctor"
    reason = "the server has trouble"
    status = 503


class DiskFull(MachineTrouble):
    """Nothing more can be written, or no more than the apps that run need themselves."""

    title = "The disk is full"
    hint = "on the server: docker system df shows what takes it, docker builder prune frees the build cache; then push again"
    reason = "the server's disk is full"


class CorruptState(MachineTrouble):
    """A file of state/ does not parse. It is never overwritten."""

    title = "A state file cannot be read"


class AlreadyRunning(MachineTrouble):
    """Another server has this home."""

    title = "A server already runs on this home"
