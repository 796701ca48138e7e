"""An installed package has all that a checkout has."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("hatchling", reason="the build backend is in requirements.lock; make .venv brings it")


def test_the_wheel_carries_hooks_router_dashboard_samples_and_unit(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("minpaas-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        hook = archive.getinfo("minpaas/share/hooks/post-receive")
    assert hook.external_attr >> 16 & 0o111, "the hook must stay executable"
    for name in (
        "minpaas/share/nginx/nginx.conf",
        "minpaas/share/nginx/mime.types",
        "minpaas/samples/hello-python/Procfile",
        "minpaas/samples/hello-node/package-lock.json",
        "minpaas/cli/minpaas.service",
        "minpaas/server/runtimes/stack-python.Dockerfile",
    ):
        assert name in names
    assert [name for name in names if name.startswith("minpaas/share/web/")]
    assert not [name for name in names if "apps.map.conf" in name or "__pycache__" in name]
