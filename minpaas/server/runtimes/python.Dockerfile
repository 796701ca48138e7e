{% import "mounts.jinja" as mounts %}
# Made by MinPaas from runtimes/python.Dockerfile
{{ mounts.stages(config, installer) }}
{% if assets %}
{{ assets }}
{% endif %}
{% if two_stages %}
FROM {{ base }}-build AS build
WORKDIR /app
{% if recipe.packages %}
{{ mounts.apt(recipe.packages) }}
{% endif %}
{% if recipe.tool %}
RUN {{ recipe.tool }}
{% endif %}
{% if recipe.whole_tree %}
COPY {{ tree }} .
{% else %}
{% for files in copies %}
COPY {{ files }}
{% endfor %}
{% endif %}
{% for command in recipe.before %}
{{ mounts.with_config(config, command) }}
{% endfor %}
{% for command in recipe.install %}
{{ mounts.with_installer(installer, cached, command) }}
{% endfor %}
{% if recipe.project %}
{% if not recipe.whole_tree %}
COPY {{ tree }} .
{% endif %}
{% for command in recipe.project %}
{{ mounts.with_config(config, command) }}
{% endfor %}
{% endif %}
{% endif %}

FROM {{ base }}
{% if recipe.packages %}
{{ mounts.apt(recipe.packages) }}
{% endif %}
{% if two_stages %}
COPY --from=build /venv /venv
{% else %}
{% for command in recipe.install %}
{{ mounts.with_tools(installer, bound ~ cached, base, command) }}
{% endfor %}
{% endif %}
COPY --chown=app:app {{ "--from=build /app" if changed else tree }} .
{% for name in shims %}
COPY --chmod=755 config/run-installed /usr/local/bin/{{ name }}
{% endfor %}
{% for name, value in environment %}
ENV {{ name }}="{{ value }}"
{% endfor %}
USER app
{% if collectstatic %}
{{ mounts.with_config(config, collectstatic) }}
{% endif %}
