import gradio as gr

with gr.Blocks() as page:
    gr.Markdown("a page")

if __name__ == "__main__":
    page.launch()
