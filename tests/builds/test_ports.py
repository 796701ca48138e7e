"""Where a Python program listens, read from its code."""

import pytest

from minpaas.plan import python_ports


@pytest.mark.parametrize(
    ("code", "port"),
    [
        ("demo.launch(server_name='0.0.0.0', server_port=7860)", 7860),
        ("PORT = 8000\nwith socketserver.TCPServer(('', PORT), Handler) as server: ...", 8000),
        ("application.listen(8888)", 8888),
        ("make_server('0.0.0.0', 6543, app).serve_forever()", 6543),
        ("from nicegui import ui\nui.run()", 8080),
        ("from nicegui import ui\nui.run(port=9000)", 9000),
        ("mcp = FastMCP('demo', host='0.0.0.0', port=8050)", 8050),
        ("redis.Redis(host='cache', port=6379)\nweb.run_app(app)", 0),
        ("app.run(port=int(os.environ.get('PORT', 5000)))", 0),
        ("parser.add_argument('--port', default=7000)\napp.run(port=7000)", 0),
        ("app.run(debug=True", 0),
    ],
)
def test_a_program_that_names_its_port(code: str, port: int) -> None:
    assert python_ports.fixed(code) == port


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("add_argument('--ip'); add_argument('--port')", " --ip=0.0.0.0 --port=$PORT"),
        ("add_argument('--server_name'); add_argument('--server_port')", " --server_name=0.0.0.0 --server_port=$PORT"),
        ("define('port', default=8888)", " --port=$PORT"),
        ("add_argument('--name'); add_argument('--port')", " --port=$PORT"),
        ("add_argument('--host')", ""),
        ("add_argument('--port', default=os.environ['PORT'])", ""),
    ],
)
def test_the_options_that_tell_a_program_where_to_listen(code: str, options: str) -> None:
    assert python_ports.told(code) == options


def test_settings_that_read_the_port_are_no_program() -> None:
    assert not python_ports.listens("PORT = os.environ.get('PORT', 8443)\n")
    assert python_ports.listens("application.run_webhook(port=int(os.environ['PORT']))\n")
