from dash import dcc, html
from dash.dependencies import Input, Output

from app import app
from app import server  # noqa: F401
from pages import sales

app.layout = html.Div([dcc.Location(id="url"), html.Div(id="page")])


@app.callback(Output("page", "children"), Input("url", "pathname"))
def page(pathname: str) -> html.Div:
    return sales.layout if pathname == "/sales" else html.Div("start")


if __name__ == "__main__":
    app.run(debug=True)
