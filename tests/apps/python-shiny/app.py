from shiny.express import input, render, ui

ui.input_slider("number", "Number", 1, 10, 5)


@render.text
def doubled():
    return f"twice {input.number()} is {input.number() * 2}"
