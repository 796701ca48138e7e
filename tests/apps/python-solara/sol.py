import solara


@solara.component
def Page():
    solara.Text("served by Solara")
