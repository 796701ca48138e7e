from bokeh.models import Div
from bokeh.plotting import curdoc

curdoc().title = "served by Bokeh"
curdoc().add_root(Div(text="served by Bokeh"))
