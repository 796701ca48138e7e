from dash import Dash

app = Dash(__name__, title="dash of several pages", suppress_callback_exceptions=True)
server = app.server
