import streamlit as st


def chart():
    st.line_chart([1, 2, 3])
