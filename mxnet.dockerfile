# The live-code executor with mxnet 1.9.1, the last one released. scripts/build-images builds it; see docs/images.md.
# For machines without a GPU: --build-arg MXNET=mxnet==1.9.1 and a plain Debian or Ubuntu as BASE_IMAGE.
#
# mxnet-cu112 links to libcudart.so.11.0, libcudnn.so.8, libnccl.so.2 and libnvrtc.so.11.2, which every CUDA 11 from
# 11.2 on has; so this base may be newer than the wheel. It also links to the driver's libcuda.so.1: without --gpus it
# can't be imported. Its newest machine code is for compute capability 8.6; newer GPUs translate that at the first start.
ARG BASE_IMAGE=nvidia/cuda:11.7.1-cudnn8-runtime-ubuntu22.04

FROM ${BASE_IMAGE} AS executor
ARG APT_MIRROR=
ARG EXECUTOR_PYTHON=python3
ARG PYTHON_MIRROR=https://github.com/astral-sh/python-build-standalone/releases/download
ARG PYPI_MIRROR=https://pypi.org/simple
ENV UV_DEFAULT_INDEX=${PYPI_MIRROR} UV_PYTHON_INSTALL_MIRROR=${PYTHON_MIRROR} \
    UV_PYTHON_INSTALL_DIR=/opt/live-code/python UV_NO_CACHE=1
COPY scripts/image-steps requirements/image.txt requirements/dev.txt /build/
RUN /build/image-steps packages ca-certificates python3 python3-pip \
    && /build/image-steps environment /build/image.txt
COPY pyproject.toml README.md LICENSE /build/sources/
COPY live_code /build/sources/live_code
RUN /build/image-steps executor /build/sources /build/dev.txt

FROM ${BASE_IMAGE}
ARG APT_MIRROR=
ARG PACKAGES=
COPY scripts/image-steps requirements/job.txt /opt/live-code/
# libgomp1 and libquadmath0: mxnet and its OpenBLAS link to them and don't bring them. The last two lines as in the
# torch image: the libraries of opencv-python, programs that repositories' scripts call, and what a maintainer adds.
RUN /opt/live-code/image-steps packages ca-certificates git git-lfs libgomp1 libnss-wrapper libquadmath0 \
        openssh-client python3 tini \
        libglib2.0-0 libsm6 libxext6 libxrender1 curl unzip wget zip ${PACKAGES} \
    && ln -s /usr/lib/*/libnss_wrapper.so /usr/local/lib/ \
    && mkdir -m 0777 /app /cache
COPY --from=executor /opt/live-code /opt/live-code
ARG PYPI_MIRROR=https://pypi.org/simple
ARG MXNET=mxnet-cu112==1.9.1
# The job's Python: 3.11 at most, the newest that this numpy has wheels for.
ARG MXNET_PYTHON=python3
# mxnet 1.9.1 uses np.bool, which numpy 1.24 has dropped (https://github.com/apache/mxnet/issues/21165).
ARG NUMPY=numpy==1.23.5
ENV PATH=/opt/mxnet/bin:${PATH}
RUN export UV_DEFAULT_INDEX=${PYPI_MIRROR} UV_NO_CACHE=1 \
    && /opt/live-code/venv/bin/uv venv --quiet --seed --python "${MXNET_PYTHON}" /opt/mxnet \
    && /opt/live-code/venv/bin/uv pip install --quiet --python /opt/mxnet/bin/python --compile-bytecode \
        "${MXNET}" "${NUMPY}" \
    && /opt/live-code/image-steps job-side /opt/live-code/job.txt \
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
