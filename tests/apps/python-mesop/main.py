import mesop as me


@me.page(path="/", title="served by Mesop")
def page():
    me.text("served by Mesop")
