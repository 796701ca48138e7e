from dash import html

layout = html.Div("sales")
