import argparse

import gradio as gr

parser = argparse.ArgumentParser()
parser.add_argument("--server-name", default="127.0.0.1")
parser.add_argument("--server-port", type=int, default=7788)


if __name__ == "__main__":
    options = parser.parse_args()
    with gr.Blocks() as page:
        gr.Markdown("options of its own")
    page.launch(server_name=options.server_name, server_port=options.server_port)
