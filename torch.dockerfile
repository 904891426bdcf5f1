# The live-code executor on a torch image. scripts/build-images builds it; docs/images.md tells what can be set.
# Any Debian or Ubuntu image does whose first python3 on PATH is 3.8 or newer and has torch.
ARG BASE_IMAGE=pytorch/pytorch:2.11.0-cuda12.8-cudnn9-runtime

FROM ${BASE_IMAGE} AS executor
# The executor's own Python, 3.10 or newer: a path, or a version, which is fetched when the base has none such.
ARG EXECUTOR_PYTHON=python3
ARG PYTHON_MIRROR=https://github.com/astral-sh/python-build-standalone/releases/download
ARG PYPI_MIRROR=https://pypi.org/simple
ENV UV_DEFAULT_INDEX=${PYPI_MIRROR} UV_PYTHON_INSTALL_MIRROR=${PYTHON_MIRROR} \
    UV_PYTHON_INSTALL_DIR=/opt/live-code/python UV_NO_CACHE=1
COPY scripts/image-steps requirements/image.txt requirements/dev.txt /build/
RUN /build/image-steps environment /build/image.txt
COPY pyproject.toml README.md LICENSE /build/sources/
COPY live_code /build/sources/live_code
RUN /build/image-steps executor /build/sources /build/dev.txt

FROM ${BASE_IMAGE}
ARG APT_MIRROR=
# More of Debian's or Ubuntu's, such as "gcc g++ libc6-dev" for repositories that compile.
ARG PACKAGES=
COPY scripts/image-steps requirements/job.txt /opt/live-code/
# tini hands signals on to bash and its children; nss-wrapper names a uid without a passwd entry, which ssh insists on.
# The rest is what repositories count on: the libraries of opencv-python, and programs that their scripts call.
RUN /opt/live-code/image-steps packages ca-certificates git git-lfs libnss-wrapper openssh-client tini \
        libglib2.0-0 libsm6 libxext6 libxrender1 curl unzip wget zip ${PACKAGES} \
    && ln -s /usr/lib/*/libnss_wrapper.so /usr/local/lib/ \
    && mkdir -m 0777 /app /cache
COPY --from=executor /opt/live-code /opt/live-code
ARG PYPI_MIRROR=https://pypi.org/simple
RUN UV_DEFAULT_INDEX=${PYPI_MIRROR} UV_NO_CACHE=1 /opt/live-code/image-steps job-side /opt/live-code/job.txt \
    && ln -s /opt/live-code/venv/bin/live-code /usr/local/bin/live-code
COPY img-man /img-man
# 2: detection, 3: semantic segmentation, 4: instance segmentation; 2,3,4 for platforms from 2.4 on.
ARG OBJECT_TYPE=2
RUN /opt/live-code/image-steps forms "${OBJECT_TYPE}"
COPY scripts/start.sh /usr/bin/start.sh
WORKDIR /app
# The name under which a run's record shows the image.
ARG IMAGE_NAME=
ENV LIVE_CODE_IMAGE=${IMAGE_NAME}
# The image's labels, a line each: a container can't ask for its own, and a run's record shows them.
ARG IMAGE_LABELS=
RUN printf '%s\n' "${IMAGE_LABELS}" >/opt/live-code/labels
ENTRYPOINT ["/usr/bin/tini", "-g", "--"]
CMD ["bash", "/usr/bin/start.sh"]
