"""The images of apps and stacks on the engine: built with BuildKit, kept from a prune while they are wanted, then let go."""

import io
import json
import secrets
import tarfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import requests
from docker.errors import APIError, ImageNotFound

from minpaas.server import buildkit
from minpaas.server.engine import INSTANCE, Engine
from minpaas.server.errors import BuildFailed
from minpaas.server.settings import Settings

HOLDS = "minpaas.holds"  # on a container that is never started: the id of the image that it keeps from a prune


class Images:
    """The images that one instance of ours has on one engine."""

    def __init__(self, engine: Engine, settings: Settings):
        self._engine = engine
        self._settings = settings

    def labels(self, app: str) -> dict[str, str]:
        """What every image of an app carries."""
        return self._engine.labels(app)

    def build(
        self,
        context: Iterable[bytes],
        *,
        tag: str,
        build_id: str,
        on_status: Callable[[Any], None],
        labels: dict[str, str],
        options: dict[str, Any] | None = None,
    ) -> str:
        """Build with BuildKit from a tar stream; the image's id. Raises BuildFailed with BuildKit's last words.

        The Engine API does BuildKit itself with version=2 (the SDK's own build call does not ask for it).
        """
        api = self._engine.streaming
        params = {
            "version": "2",
            "t": tag,
            "buildid": build_id,
            "rm": "1",
            "labels": json.dumps(labels),
            **(options or {}),
        }
        headers = {"Content-Type": "application/x-tar"}
        url = f"{api.base_url}/v{api.api_version}/build"
        image = ""
        with api.post(url, params=params, data=context, headers=headers, stream=True, timeout=None) as answer:
            if answer.status_code != 200:
                raise BuildFailed(answer.text.strip()[:2000])
            for line in answer.iter_lines():
                message = json.loads(line)
                if "error" in message:
                    raise BuildFailed(message["error"])
                if message.get("id") == "moby.buildkit.trace":
                    on_status(buildkit.decode(message["aux"]))
                elif message.get("id") == "moby.image.id":
                    image = message["aux"]["ID"]
        if not image:
            raise BuildFailed("the engine ended the build without an image")
        return image

    def cancel(self, build_id: str) -> None:
        """End a running build; its `build` call raises BuildFailed."""
        api = self._engine.api
        api.post(f"{api.base_url}/v{api.api_version}/build/cancel", params={"id": build_id}, timeout=30)

    def import_root(self, tar: Path, tag: str, changes: Sequence[str] = ()) -> None:
        """Make an image from a root file system."""
        repository, _, version = tag.partition(":")
        self._engine.streaming.import_image_from_file(
            str(tar), repository=repository, tag=version, changes=list(changes)
        )

    def pull(self, image: str) -> bool:
        """Fetch an image from its registry; False when it is not to be had."""
        try:
            self._engine.streaming.pull(image)
        except (APIError, requests.RequestException):
            return False
        return True

    def find(self, name: str) -> dict[str, Any] | None:
        """The engine's record of an image, or None."""
        try:
            return cast(dict[str, Any], self._engine.api.inspect_image(name))
        except ImageNotFound:
            return None

    def of(self, app: str | None = None) -> dict[str, list[str]]:
        """Images built for our apps: id -> tags."""
        found = self._engine.api.images(filters={"label": self._engine.filter(app)})
        return {image["Id"]: image["RepoTags"] or [] for image in found}

    def hold(self, app: str, images: set[str]) -> None:
        """Keep these images of an app, and let go of the others that were kept.

        `docker image prune -a` takes what no container has, tags or not: so each gets a container that is never started.
        """
        held: dict[str, str] = {}
        for one in self._engine.api.containers(all=True, filters={"label": [*self._engine.filter(app), HOLDS]}):
            image = one["Labels"][HOLDS]
            if image in images and image not in held:
                held[image] = one["Id"]
            else:
                self._engine.remove(one["Id"])
        for image in images - held.keys():
            name = f"{self._settings.instance}.{app}.image.{image[7:19]}"
            try:
                self._engine.remove_namesake(name)
                self._engine.api.create_container(
                    image, command=["true"], name=name, labels={**self._engine.labels(app), HOLDS: image}
                )
            except APIError:
                continue  # the image is gone already: a rollback to it is refused by name

    def adopt(self, image: str, app: str) -> str:
        """The same image for another app: the same layers under that app's label, so that each lets go of its own. Its id."""
        repository, tag = f"{self._settings.instance}/{app}", image[7:19]
        self._engine.api.tag(image, repository, tag)  # BuildKit takes no ids; the new image takes the tag over
        content, file = f"FROM {repository}:{tag}\n".encode(), io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as tar:
            entry = tarfile.TarInfo("Dockerfile")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        options = {"dockerfile": "Dockerfile"}
        return self.build(
            iter([file.getvalue()]),
            tag=f"{repository}:{tag}",
            build_id=f"adopt-{secrets.token_hex(8)}",
            on_status=lambda status: None,
            labels=self._engine.labels(app),
            options=options,
        )

    def let_go(self) -> None:
        """Remove every container that keeps an image of ours."""
        for one in self._engine.api.containers(all=True, filters={"label": [*self._engine.filter(None), HOLDS]}):
            self._engine.remove(one["Id"])

    def of_stacks(self) -> list[str]:
        """The ids of the stack images, unless another instance on this engine builds on them.

        App images inherit the stack's label, so what has an instance is an app's.
        """
        found = self._engine.api.images(filters={"label": "minpaas.stack"})
        owners = {(image["Labels"] or {}).get(INSTANCE) for image in found}
        if owners - {None, self._settings.instance}:
            return []
        return [image["Id"] for image in found if INSTANCE not in (image["Labels"] or {})]

    def remove(self, name: str) -> None:
        """Remove a tag, or an image by its id with all its tags. Nothing happens when it is gone or in use."""
        try:
            self._engine.api.remove_image(name, force=name.startswith("sha256:"))
        except (ImageNotFound, APIError):
            pass

    def tag(self, image: str, name: str) -> None:
        """Give an image another name, such as minpaas/python:3.13."""
        repository, _, tag = name.partition(":")
        self._engine.api.tag(image, repository, tag)
