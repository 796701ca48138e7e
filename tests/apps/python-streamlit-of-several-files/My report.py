import streamlit as st
from charts import chart

st.set_page_config(page_title="A report")
chart()
