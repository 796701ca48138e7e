# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "bottle>=0.13",
# ]
# ///
import os

import bottle

bottle.route("/")(lambda: "packages of the script")
bottle.run(host="0.0.0.0", port=int(os.environ["PORT"]))
