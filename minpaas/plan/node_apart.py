"""A Node.js app whose packages are all in folders: another platform's build command installs them, its start command enters one."""

from dataclasses import replace

from minpaas.plan import aptfile, build_lines, node, node_folders, node_packages
from minpaas.plan.model import Notes, Plan
from minpaas.plan.node_scripts import Scripts, entered
from minpaas.plan.tree import Tree, Under


def folder(tree: Tree, web: str) -> str:
    """The folder that web enters, where it is so; else empty."""
    told = [one for one, _, _ in build_lines.of_node(tree)]
    return next((one for one in entered(web) if one in told and not node.detect(tree)), "")


def plan(tree: Tree, types: dict[str, str], notes: Notes, sticky: str = "") -> Plan:
    """How to build it, as the folder that web enters asks; the devDependencies stay, as on those platforms. Raises PlanError."""
    started, inner = folder(tree, types["web"]), Notes()
    inside = Under(tree, started, above=("render.yaml",))
    notes.because(f"Node.js app, by the build command of another platform: {started}/ is started")
    package = node.package_json(inside)
    made = node.recipe(
        inside,
        inner,
        keep=True,
        told=" && ".join(line for _, _, line in build_lines.of_node(tree)),
        sticky=sticky,
        started=Scripts(package).told(types["web"]),
        packages=aptfile.read(tree, notes),
    )
    notes.reasons += [one for one in inner.reasons if not one.startswith(("Build: ", "Packages: "))]
    notes.warnings += [f"{started}/: {one}" for one in inner.warnings]
    manager = node_packages.choose(inside, package, Notes(), made.version)
    made = node_folders.within(tree, made, started, node_folders.beside(tree, manager, notes, ()))
    made = replace(made, empty=tuple(f"{started}/{one}" for one in made.empty))
    return node.started_by(inside, package, types, notes, made)
