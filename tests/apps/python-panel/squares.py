import panel as pn

pn.extension()
number = pn.widgets.IntSlider(name="Number", start=1, end=10)
pn.Column(number, pn.bind(lambda one: one * one, number)).servable()
