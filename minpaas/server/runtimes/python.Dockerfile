# Made by MinPaas from runtimes/python.Dockerfile
FROM {{ base }}-build AS build
WORKDIR /app
{% if requirements %}
{% for file in requirements %}
COPY app/{{ file }} {{ file }}
{% endfor %}
RUN uv pip install --no-cache --compile-bytecode -r requirements.txt
{% elif project %}
COPY app/ .
RUN uv pip install --no-cache --compile-bytecode .
{% else %}
COPY app/ .
RUN if [ -f requirements.txt ]; then uv pip install --no-cache --compile-bytecode -r requirements.txt; fi
{% endif %}

FROM {{ base }}
WORKDIR /app
COPY --from=build /venv /venv
COPY --chown=app:app app/ .
USER app
