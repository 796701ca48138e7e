"""What would be built from a tree of files, and why: pure, with no server and no engine. See docs/builds.md."""

from minpaas.plan.choose import plan
from minpaas.plan.model import HOST, AddOn, ConfigVar, NodeRecipe, Plan, PlanError, PythonRecipe, Rule, SiteRecipe
from minpaas.plan.tree import Folder, Tree, Under
from minpaas.plan.versions import PYTHONS

__all__ = [
    "HOST",
    "PYTHONS",
    "AddOn",
    "ConfigVar",
    "Folder",
    "NodeRecipe",
    "Plan",
    "PlanError",
    "PythonRecipe",
    "Rule",
    "SiteRecipe",
    "Tree",
    "Under",
    "plan",
]
