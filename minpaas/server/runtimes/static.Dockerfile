{% import "mounts.jinja" as mounts %}
# Made by MinPaas from runtimes/static.Dockerfile
{% if pages %}
{{ mounts.stages(config, installer) }}
{{ pages }}
RUN --mount=type=bind,source=config/find-pages,target=/run/minpaas/find-pages sh /run/minpaas/find-pages {{ root }}
{% endif %}
FROM {{ base }}
COPY {{ "--from=build /pages/" if pages else "app/" ~ root }} /site/
COPY config/site.conf /etc/minpaas/site.conf
USER app
CMD ["serve-site"]
