def greeting() -> str:
    return "a package of the workspace"
