# The live-code image with Ray beside the executor: what the nodes of a Ray cluster run. One version of it for all nodes.
ARG IMAGE=live-code:torch
FROM ${IMAGE}
USER root
RUN /opt/live-code/venv/bin/uv pip install --python /opt/live-code/venv/bin/python --no-cache "ray[default,tune]==2.60.0" \
    && ln -s /opt/live-code/venv/bin/ray /usr/local/bin/ray
ENTRYPOINT []
