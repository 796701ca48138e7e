"""What is read of an app's own Dockerfile and of the files that stand beside it, with no engine."""

from pathlib import Path

import pytest

from minpaas.plan import Folder, dockerfile, heroku_yml, plan
from minpaas.server import build
from minpaas.server.transcript import Transcript


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("FROM a\nEXPOSE 80", 80),
        ("from a\nexpose 3000/tcp 4000", 3000),
        ("FROM a\nEXPOSE 0", None),
        ("FROM a\nEXPOSE 443\nEXPOSE 80", 80),
        ("FROM a\nEXPOSE 443", 443),
        ("FROM a\nEXPOSE 53/udp 8053", 8053),
        ("FROM a\nEXPOSE 3000-3005", 3000),
        ("FROM a\nARG WEB=8081\nEXPOSE ${WEB}", 8081),
        ('FROM a\nENV NAME="x y" WEB=8082\nEXPOSE $WEB', 8082),
        ("FROM a\nENV PORT=${PORT:-8083}\nEXPOSE $PORT", 8083),
        ("FROM a\nEXPOSE $PORT", None),
        ("FROM --platform=linux/amd64 a AS base\nEXPOSE 5000\nFROM base", 5000),
        ("FROM a AS base\nEXPOSE 5000\nFROM b\nCOPY --from=base /x /x", None),
        ("FROM a\nRUN <<EOF\nfrom x import y\nEXPOSE 1\nEOF\nEXPOSE 80", 80),
        ('FROM a\nCOPY <<"ONE" <<-TWO /to/\nfrom x\nONE\nEXPOSE 1\n\tTWO\nEXPOSE 80', 80),
        ("FROM a\nRUN echo \\\n# a comment\n  EXPOSE 1\nEXPOSE 80", 80),
    ],
)
def test_the_port_of_a_dockerfile(text: str, port: int | None) -> None:
    assert dockerfile.port(text) == port


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ('CMD ["fastapi", "run", "app/main.py", "--port", "80"]', 80),
        ("CMD uvicorn a:b --host 0.0.0.0 --port 8080", 8080),
        ('CMD ["gunicorn", "--bind=:5000", "a:b"]', 5000),
        ('CMD ["python", "manage.py", "runserver", "0.0.0.0:8001"]', 8001),
        ('ENTRYPOINT ["python", "-m"]\nCMD ["http.server", "9000"]', 9000),
        ("CMD serve -l 3000", 3000),
        ("CMD gunicorn --bind 0.0.0.0:$PORT a:b", None),
        ('CMD ["node", "8080.js"]', None),
        ("CMD x --port 80\nFROM b\nCMD y", None),
    ],
)
def test_the_port_that_the_command_names(tmp_path: Path, text: str, port: int | None) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM a\n{text}\n")
    made = plan(Folder(tmp_path))
    assert (made.port if made.port_known else None) == port


@pytest.mark.parametrize(
    ("text", "web"),
    [
        ('CMD ["gunicorn", "-b", "0.0.0.0:$PORT", "a:make(1)"]', "gunicorn -b \"0.0.0.0:$PORT\" 'a:make(1)'"),
        ('CMD ["serve", "-l", "${PORT:-3000}"]', 'serve -l "${PORT:-3000}"'),
        ('CMD ["node server/app.js"]', "node server/app.js"),
        ('CMD ["sh", "-c", "serve -l $PORT"]', ""),
        ('ENTRYPOINT ["serve"]\nCMD ["-l", "$PORT"]', ""),
        ('CMD ["node", "server.js"]', ""),
        ("CMD serve -l $PORT", ""),
        ('CMD ["serve", "$PORT"]\nFROM b\nCMD ["x"]', ""),
    ],
)
def test_a_list_that_only_a_shell_can_start(tmp_path: Path, text: str, web: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM a\n{text}\n")
    assert plan(Folder(tmp_path)).process_types["web"] == web


def test_the_build_args_that_are_declared() -> None:
    declared = dockerfile.arguments('ARG BASE=a\nFROM $BASE\nARG ONE TWO=2\nARG THREE="x y"\nRUN echo ARG FOUR')
    assert declared == {"BASE", "ONE", "TWO", "THREE"}


def test_the_port_of_a_compose_file(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    (tmp_path / "docker-compose.yml").write_text(
        "services:\n  db:\n    image: postgres\n    ports:\n      - 5432:5432\n"
        "  web:\n    build: .\n    ports:\n    - '127.0.0.1:8000:5000'\n"
    )
    assert plan(Folder(tmp_path)).port == 5000


class OneImage:
    """An engine that has one image, which exposes two ports."""

    def find(self, name: str) -> dict[str, object]:
        return {"Config": {"ExposedPorts": {"443/tcp": {}, "80/tcp": {}, "53/udp": {}}}}


def test_the_port_that_the_base_image_exposes(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM nginx\nCOPY . /usr/share/nginx/html\n")
    made = plan(Folder(tmp_path))
    assert build.with_port(OneImage(), made, "sha256:0", Transcript()).port == 80  # type: ignore[arg-type]
    (tmp_path / "Dockerfile").write_text("FROM nginx\nEXPOSE 8080\n")
    made = plan(Folder(tmp_path))
    assert build.with_port(OneImage(), made, "sha256:0", Transcript()).port == 8080  # type: ignore[arg-type]


def test_heroku_yml_with_a_worker_alone(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    (tmp_path / "heroku.yml").write_text("build:\n  docker:\n    worker: Dockerfile\nrun:\n  worker: python3 -m bot\n")
    made = plan(Folder(tmp_path))
    assert (made.process_types, made.formation) == ({"worker": "python3 -m bot"}, {"worker": 1})


def test_heroku_yml_whose_one_image_has_another_name(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM nginx\n")
    (tmp_path / "heroku.yml").write_text("build:\n    docker:\n        app: Dockerfile")
    assert plan(Folder(tmp_path)).process_types == {"web": ""}


def test_heroku_yml_that_sets_config_vars(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    (tmp_path / "heroku.yml").write_text(
        "setup:\n  config:\n    BUCKET: my-bucket # a comment\n  addons:\n  - plan: heroku-redis\nbuild:\n  docker:\n    web: ./Dockerfile\n"
    )
    made = plan(Folder(tmp_path))
    assert [(one.name, one.default) for one in made.config_vars] == [("BUCKET", "my-bucket")]
    assert [one.sets for one in made.addons] == ["REDIS_URL"]
    assert heroku_yml.read(Folder(tmp_path)) is not None


def test_what_fly_toml_runs_in_the_image(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    (tmp_path / "fly.toml").write_text(
        '[deploy]\nrelease_command = "bin/migrate"\n[processes]\napp = "bin/server"\nworker = "bin/work"\n'
    )
    made = plan(Folder(tmp_path))
    assert (made.start, made.release_command) == ("bin/server", "bin/migrate")


def test_render_yaml_that_builds_by_docker_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "Dockerfile").write_text("FROM a\n")
    (tmp_path / "render.yaml").write_text(
        "services:\n  - type: web\n    name: api\n    runtime: docker\n    dockerfilePath: ./api/Dockerfile\n"
        "    dockerContext: ./api\n    dockerCommand: ./serve --all\n    healthCheckPath: /up\n"
        "    envVars:\n      - key: PAGES\n        value: 5\n"
    )
    made = plan(Folder(tmp_path))
    assert (made.dockerfile_path, made.context) == ("api/Dockerfile", "api")
    assert (made.start, made.health_path) == ("./serve --all", "/up")
    assert [(one.name, one.default) for one in made.config_vars] == [("PAGES", "5")]
