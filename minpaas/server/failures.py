"""Why a build failed, read from what it printed: a title, the cause, the next step. The output itself stays above."""

import re
from dataclasses import dataclass

from minpaas.server.errors import BuildFailed


@dataclass(frozen=True)
class _Known:
    """A failure that is met often. `{0}` in detail and hint is what the pattern's first group found."""

    pattern: str
    title: str
    detail: str
    hint: str


_LIBRARIES = {
    "pg_config": "libpq-dev",
    "mysql_config": "libmariadb-dev",
    "cairo": "libcairo2-dev",
    "libcairo": "libcairo2-dev",
    "gdal-config": "libgdal-dev",
    "xmlsec1": "libxmlsec1-dev",
    "portaudio.h": "portaudio19-dev",
    "ldap.h": "libldap-dev",
    "lber.h": "libldap-dev",
    "sasl.h": "libsasl2-dev",
    "sql.h": "unixodbc-dev",
    "cups/cups.h": "libcups2-dev",
    "zbar.h": "libzbar-dev",
    "vips": "libvips-dev",
    "snappy-c.h": "libsnappy-dev",
    "gmp.h": "libgmp-dev",
    "magick/MagickCore.h": "libmagickwand-dev",
    "hdf5.h": "libhdf5-dev",
    "geos_c.h": "libgeos-dev",
    "proj.h": "libproj-dev",
    "yaml.h": "libyaml-dev",
    "usb.h": "libusb-1.0-0-dev",
    "augeas.h": "libaugeas-dev",
}
# the first that is found counts: causes stand before what they bring about
_ALL = (
    _Known(
        r"(?i)no space left on device|ENOSPC(?!.*watch)|disk quota exceeded",
        "The disk is full",
        "the build needs more room than the server's disk has",
        "on the server: docker system df shows what takes it, docker builder prune frees the build cache; then push again",
    ),
    _Known(
        r"(?i)heap out of memory|ENOMEM|cannot allocate memory|exit code: 137|signal: killed|^Killed$|MemoryError",
        "The build ran out of memory",
        "a step needed more memory than it may have, or than the server has",
        "let it need less (fewer workers, NODE_OPTIONS=--max-old-space-size), or give the server more; then push again",
    ),
    _Known(
        r"ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENOTFOUND (\S+)|(?i:connection reset by peer|temporary failure in name resolution|"
        r"read timed out|network is unreachable|operation timed out|dns error|tcp connect error)",
        "The network failed during the build",
        "a package server could not be reached, or the connection broke",
        "push again: what was fetched so far is kept; if it happens again, see: minpaas doctor",
    ),
    _Known(
        r"npm ci.*can only install packages when your package\.json|ERR_PNPM_OUTDATED_LOCKFILE|lockfile needs to be updated|"
        r"The lockfile would have been modified|pyproject\.toml changed significantly|lockfile at `?uv\.lock`? needs to be updated|"
        r"poetry\.lock is not up to date|YN0028",
        "The lock file does not fit",
        "the lock file is not the one of this package.json or pyproject.toml",
        "make it anew ({lock}), commit it, and push again",
    ),
    _Known(
        r"npm ci.*can only install with an existing|ERR_PNPM_NO_LOCKFILE|Unable to find lockfile",
        "There is no lock file",
        "the install command needs a lock file, and none is in the repository",
        "make it ({lock}), git add it (is it in .gitignore?), commit, and push again",
    ),
    _Known(
        r"npm (?:ERR!|error) code ERESOLVE",
        "Packages do not go together",
        "npm refuses them: one asks for another version of its peer than the app has",
        "commit the package-lock.json that works for you, or let npm take them as npm 6 did: "
        "minpaas config:set NPM_CONFIG_LEGACY_PEER_DEPS=true; then push again",
    ),
    _Known(
        r"E: Unable to locate package (\S+)|E: Package '([^']+)' has no installation candidate",
        "A system package was not found",
        "Debian has no {0}",
        "give it the name that it has in Debian (Ubuntu's may differ) in the Aptfile, commit, and push again",
    ),
    _Known(
        r"(?i)engine \"?node\"? is incompatible|ERR_PNPM_UNSUPPORTED_ENGINE|EBADENGINE.*npm error|Requires-Python|"
        r"requires a different Python|does not satisfy Python ?[<>=]|current Python version .* does not satisfy|"
        r"no wheels with a matching Python|we only found wheels for",
        "A package asks for another version",
        "a package does not go with this version of the language",
        "ask for a version that it goes with (engines in package.json, or .python-version), commit, and push again",
    ),
    _Known(
        r"longintrepr\.h|'ImpImporter'|No module named '(?:distutils|imp)'|has no attribute '(?:cython_sources|_PyGen_Send)'|"
        r"_PyInterpreterState_Get|_PyUnicode_Ready|use_2to3 is invalid|has invalid metadata|cannot import name 'Feature' from 'setuptools'",
        "A package is too old for this Python",
        "a package is compiled here, and it was written for an older version of Python or of setuptools",
        "take a newer version of it, or ask for an older Python in .python-version; commit, and push again",
    ),
    _Known(
        r"(?:fatal error: ([\w./-]+\.h): No such file|(?:Package|Dependency) '?\"?([\w.+-]+)\"?'?,? (?:required by|was not found|not found)|"
        r"\b(pg_config|mysql_config|gdal-config)\b.* not found|No package '([\w.+-]+)' found)",
        "A native build misses a library",
        "a package is compiled here, and {0} is not there",
        "add a file named Aptfile with the line  {apt}  (a Debian package), commit, and push again",
    ),
    _Known(
        r"(?:Because|and) ([\w.-]+) was not found in the (?:package registry|provided)|No matching distribution found for (\S+)|"
        r"E404.*?'?([@\w./-]+)@[^']*'? is not in this registry|404 .*?'([@\w./-]+)@[^']*'|ERR_PNPM_FETCH_404|"
        r"there is no version of ([\w.-]+)==|version not found: (\S+)|No matching version found for (\S+)|Couldn't find (?:any versions for|package) \"([^\"]+)\"",
        "A package was not found",
        "{0} is not to be had under this name and version",
        "check its name and version (a private package needs its registry and token as config vars); commit, and push again",
    ),
    _Known(
        r"No solution found when resolving|your requirements are unsatisfiable|ResolutionImpossible|conflicting dependencies",
        "The packages do not go together",
        "no versions satisfy all that is asked for",
        "the cause is above: loosen one of the versions that it names, commit, and push again",
    ),
    _Known(
        r"gyp ERR! (?:build|configure) error|error: command '[^']*(?:gcc|cc|g\+\+|cl)[^']*' failed|Failed to build `?([\w.-]+)|"
        r"Failed building wheel for ([\w.-]+)",
        "A native build failed",
        "a package is compiled here, and its compiler ended with an error",
        "take a version of it that has ready-made files for this version of the language, or add what it needs to an Aptfile",
    ),
    _Known(
        r"dockerfile parse error line \d+: unknown instruction: (\S+)",
        "The Dockerfile cannot be read",
        "{0} is no instruction (a here-document, as in RUN <<EOF, needs Docker 23 or newer on the server)",
        "mend the Dockerfile (RUN one && two instead of a here-document), commit, and push again",
    ),
    _Known(
        r"(?:KeyError: '|UndefinedValueError: |Set the )([A-Z][A-Z0-9_]{2,})(?:'| not found| environment variable)",
        "A config var is missing",
        "the app's code asks for {0} while it is built, and there is none",
        "set it (minpaas config:set {0}=...), then push again",
    ),
    _Known(
        r"collectstatic",
        "collectstatic failed",
        "Django's collectstatic ended with an error",
        "mend what is said above, or turn it off with the config var DISABLE_COLLECTSTATIC=1; then push again",
    ),
)
_LOCKS = (
    ("npm", "npm install"),
    ("pnpm", "pnpm install"),
    ("yarn", "yarn install"),
    ("poetry", "poetry lock"),
    ("uv ", "uv lock"),
)


# what a process printed before it ended, and what to do about it
_AT_START = (
    (
        r"ModuleNotFoundError: No module named '(pkg_resources)'",
        "add  setuptools<81  to requirements.txt, which still has {0}, commit, and push again",
    ),
    (
        r"ModuleNotFoundError: No module named '(asynchat|asyncore|audioop|cgi|crypt|distutils|imghdr|imp|nntplib|pipes|telnetlib)'",
        "{0} was a part of older Pythons: write 3.11 into a file named .python-version, commit, and push again",
    ),
    (
        r"ModuleNotFoundError: No module named '([\w.]+)'",
        "{0} is neither in the tree nor installed: add the package that has it to requirements.txt (or to the lock file), or mend the "
        "name in the start command; commit, and push again",
    ),
    (
        r"ImportError: cannot import name '\w+' from '(\w+)",
        "a package does not go with this {0}: name the version of {0} that it was written for, commit, and push again",
    ),
    (
        r"(?:KeyError: '|UndefinedValueError: |Set the )([A-Z][A-Z0-9_]{2,})(?:'| not found| environment variable)",
        "it asks for the config var {0}, and there is none: minpaas config:set {0}=..., then push again",
    ),
    (
        r"(OperationalError|ServerSelectionTimeoutError|redis\.exceptions\.ConnectionError|Can't connect to MySQL|ECONNREFUSED [\d.:]+:(?:5432|3306|6379|27017))",
        "its database does not answer: set its address by a config var (minpaas config:set DATABASE_URL=...), then push again; to "
        "reach one in a Docker network: minpaas networks:attach",
    ),
    (
        r"numpy\.dtype size changed|compiled using NumPy 1\.x cannot be run in",
        "a package does not go with this numpy: add  numpy<2  to requirements.txt, commit, and push again",
    ),
    (
        r"PermissionError: \[Errno 13\] Permission denied: '(/[^']+)'",
        "it may write below /app, /tmp and its home: set the path of {0} to one there, by a config var or in the code, and push again",
    ),
    (
        r"(?:sh|bash|exec): (?:line )?(?:\d+: )?(?:exec: )?([\w.-]+): (?:command )?not found",
        "{0} is not installed: add the package that has it, or to an Aptfile, commit, and push again",
    ),
)


def of_process(lines: list[str]) -> str:
    """What to do about a process that ended or did not answer, by what it printed at last; empty where that says nothing."""
    said = "\n".join(lines)
    for pattern, hint in _AT_START:
        if found := re.findall(pattern, said):
            return hint.format(found[-1])
    return ""


def explain(failed: str, output: list[str], error: str) -> BuildFailed:
    """The error of a build whose command `failed`, which printed `output` at last, and of which BuildKit said `error`."""
    said = "\n".join([*output, error])
    for known in _ALL:
        where = failed if known.pattern == "collectstatic" else said
        match = re.search(known.pattern, where, re.M)
        if match:
            return _worded(known, match, failed)
    return BuildFailed(failed or error[-500:])


def _worded(known: _Known, match: re.Match[str], failed: str) -> BuildFailed:
    found = next((one for one in match.groups() if one), "")
    lock = next((command for word, command in _LOCKS if word in failed), "with its own tool")
    apt = _LIBRARIES.get(found) or next((p for name, p in _LIBRARIES.items() if found and name in found), "")
    facts = {"lock": lock, "apt": apt or f"lib{found.removeprefix('lib').removesuffix('.h') or 'NAME'}-dev"}
    detail = known.detail.format(found or "something", **facts)
    return BuildFailed(
        f"{failed}: {detail}" if failed else detail,
        title=known.title,
        hint=known.hint.format(found, **facts),
    )
