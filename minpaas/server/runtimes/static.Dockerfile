{% import "mounts.jinja" as mounts %}
# Made by MinPaas from runtimes/static.Dockerfile
{% if pages %}
{{ mounts.stages(config, installer) }}
{{ pages }}
RUN --mount=type=bind,source=config/find-pages,target=/run/minpaas/find-pages sh /run/minpaas/find-pages {{ root }}
{% endif %}
FROM {{ base }}
{% if pages %}
COPY --from=build /pages/ /site/
{% else %}
COPY {{ source }}
{% endif %}
COPY config/site.conf /etc/minpaas/site.conf
USER app
CMD ["serve-site"]
