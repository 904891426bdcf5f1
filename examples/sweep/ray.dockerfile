# The live-code image with Ray beside the executor: what the nodes of a Ray cluster run. One version of it for all nodes.
#   docker build --file ray.dockerfile --build-arg IMAGE=live-code:torch --tag live-code:torch-ray .
ARG IMAGE=live-code:torch
FROM ${IMAGE}
USER root
ARG APT_MIRROR=
ARG PYPI_MIRROR=https://pypi.org/simple
# wget: KubeRay asks by it whether a node is well, in its releases up to 1.5.
RUN /opt/live-code/image-steps packages wget
RUN UV_DEFAULT_INDEX=${PYPI_MIRROR} UV_NO_CACHE=1 /opt/live-code/venv/bin/uv pip install --quiet \
        --python /opt/live-code/venv/bin/python "ray[default,tune]==2.60.0" \
    && ln -s /opt/live-code/venv/bin/ray /usr/local/bin/ray
ENTRYPOINT []
