import flet as ft


def main(page: ft.Page):
    page.add(ft.Text("a page of Flet"))


ft.run(main)
