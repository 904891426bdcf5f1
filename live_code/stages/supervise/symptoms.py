"""What known causes look like in the words of Python, CUDA, torch, mxnet and the system: one table."""

from __future__ import annotations

import re
from collections.abc import Iterable

from live_code.job.ymir_exc import protocol
from live_code.stages.supervise.contract import Report
from live_code.tools.machine.inventory import FRAMEWORKS
from live_code.tools.packages.messages.breakage import BREAKAGES
from live_code.values import NamedTuple

# What `retries: {on: ...}` may name.
NETWORK = "network"
INFRASTRUCTURE = "infrastructure"


class Cause(NamedTuple):
    """``retry``: the class of causes that may pass by themselves, '' for what the user has to change."""

    kind: str
    code: int
    retry: str
    message: str
    hint: str


class Symptom(NamedTuple):
    cause: Cause
    pattern: re.Pattern[str]


GPU_MEMORY = Cause(
    "GPU_OUT_OF_MEMORY",
    protocol.CODE_OUT_OF_MEMORY,
    "",
    "the job ran out of GPU memory",
    "Use a smaller batch or image size, or a GPU with more memory.",
)
HOST_MEMORY = Cause(
    "OUT_OF_MEMORY",
    protocol.CODE_OUT_OF_MEMORY,
    "",
    "the job ran out of memory",
    "Use fewer data loader workers or a smaller batch, or give the container more memory.",
)
SHARED_MEMORY = Cause(
    "SHARED_MEMORY",
    protocol.CODE_OUT_OF_MEMORY,
    "",
    "the job ran out of shared memory",
    "Raise shm_size, or use fewer data loader workers.",
)
GPU_MISMATCH = Cause(
    "GPU_MISMATCH",
    protocol.CODE_GPU_MISMATCH,
    "",
    "the image's CUDA and the host's driver or GPU do not fit each other",
    "Take an image made for this driver and GPU, or update the driver.",
)
OTHER_CUDA = Cause(
    "GPU_MISMATCH",
    protocol.CODE_GPU_MISMATCH,
    "",
    "a package was built for another CUDA than the image's",
    "Ask for a version of it that was built for the image's CUDA, or use an image with the CUDA that it names.",
)
NO_GPU = Cause(
    "NO_GPU",
    protocol.CODE_NO_GPU,
    "",
    "the job found no GPU",
    "Check gpu_id and gpu_count, and that the container is started with --gpus.",
)
# Somebody asks for a GPU, and it is the code.
ASKS_FOR_CUDA = (
    "The task has no GPU (gpu_id is empty), but the code asks for one: let it choose by torch.cuda.is_available(),"
    " or give the task a GPU."
)
NO_CUDA_BUILD = Cause(
    "NO_GPU",
    protocol.CODE_NO_GPU,
    "",
    "the job asks for CUDA, and its torch is built without it",
    "Take an image whose torch is built for CUDA, or let the code choose by torch.cuda.is_available(): --gpus alone"
    " does not help.",
)
GPU_ASSERT = Cause(
    "GPU_ASSERT",
    protocol.CODE_OTHER,
    "",
    "an index on the GPU is out of range",
    "Look for labels outside of the number of classes; CUDA_LAUNCH_BLOCKING=1, or the CPU, shows the line.",
)
GPU_FAULT = Cause(
    "GPU_FAULT",
    protocol.CODE_OTHER,
    INFRASTRUCTURE,
    "a GPU failed",
    "Try again; if it repeats on this machine, have the GPU looked at.",
)
PEERS_LOST = Cause(
    "PEERS_LOST",
    protocol.CODE_OTHER,
    INFRASTRUCTURE,
    "the ranks of the job lost each other",
    "Look for the rank that died first; if there is none, the machine or its network failed.",
)
NOT_A_NUMBER = Cause(
    "NOT_A_NUMBER",
    protocol.CODE_NAN,
    "",
    "the training diverged: a loss is no number any more",
    "Lower the learning rate, or check the data for broken annotations.",
)
NO_SPACE = Cause(
    "DISK_FULL",
    protocol.CODE_OTHER,
    "",
    "there is no space left on the disk",
    "Free some space, keep fewer checkpoints, or mount a larger disk.",
)
OFFLINE = Cause(
    "NETWORK",
    protocol.CODE_NETWORK,
    NETWORK,
    "the job could not reach a server",
    "Check that the container has a network, or ship what is downloaded with the image or the task.",
)
MODEL_FILE = Cause(
    "MODEL_FILE",
    protocol.CODE_MODEL_FILE,
    "",
    "a model file is missing or broken",
    "Check pretrained_model_params or model_params_path: the files have to be made by the same repo.",
)
OTHER_MODEL = MODEL_FILE._replace(message="a model file can't be loaded")
IMAGE_FORMAT = Cause(
    "IMAGE_FORMAT",
    protocol.CODE_IMAGE_FORMAT,
    "",
    "an image of the dataset can't be read",
    "Look at the file that is named, and remove it from the dataset or convert it.",
)
DATASET = Cause(
    "DATASET",
    protocol.CODE_DATASET,
    "",
    "something of the dataset is missing or broken",
    "Check the dataset and the export_format of the task.",
)
MISSING_MODULE = Cause(
    "MISSING_MODULE",
    protocol.CODE_OTHER,
    "",
    "the job imports a module that is not there",
    "Add it to the repo's requirements.",
)
NOEXEC = Cause(
    "NOEXEC",
    protocol.CODE_OTHER,
    "",
    "the compiled part of a package can't be loaded, as from a folder that is mounted noexec",
    "Mount a store at /cache, or start the container with --tmpfs /tmp:exec.",
)

MISSING_FRAMEWORK = Cause(
    "MISSING_MODULE",
    protocol.CODE_OTHER,
    "",
    "the job's Python has no such framework",
    "It comes with the image, not with the requirements: take an image that has it, or name a Python that does in"
    " LIVE_CODE_PYTHON.",
)

# The first that fits counts: from the surely known to the likely. Each fits the text of an exception as well as a
# line of the log, so a pattern has to be something that a healthy job does not print.
TABLE = (
    (GPU_MEMORY, r"CUDA out of memory|(?:torch|cuda)\.OutOfMemoryError|CUDNN_STATUS_ALLOC_FAILED"),
    (GPU_MEMORY, r"CUBLAS_STATUS_ALLOC_FAILED|cudaMalloc failed: out of memory|CUDA error: out of memory"),
    (SHARED_MEMORY, r"insufficient shared memory|unable to (?:open|allocate|mmap|write) .*shared memory"),
    (SHARED_MEMORY, r"DataLoader worker .* killed by signal: Bus error|No space left on device: '?/dev/shm"),
    (HOST_MEMORY, r"^MemoryError\b|DefaultCPUAllocator: (?:can't|not enough memory)|Cannot allocate memory"),
    (HOST_MEMORY, r"std::bad_alloc|Unable to allocate .* for an array|DataLoader worker .* killed by signal: Killed"),
    (NO_SPACE, r"\[Errno 28\]|No space left on device|\[Errno 122\]|Disk quota exceeded|file write failed"),
    (GPU_MISMATCH, r"no kernel image is available for execution|CUDA driver version is insufficient"),
    (GPU_MISMATCH, r"NVIDIA driver on your system is too old|CUDA capability sm_\d+ is not compatible"),
    (GPU_MISMATCH, r"forward compatibility was attempted|unsupported (?:toolchain|PTX)"),
    (GPU_MISMATCH, r"Driver/library version mismatch"),
    (GPU_MISMATCH, r"CUDNN_STATUS_VERSION_MISMATCH"),
    (OTHER_CUDA, r"lib(?:cu(?!da\.so)[a-z]+|nv[\w-]+|nccl)\.so[.\d]*: cannot open shared object"),
    (NO_GPU, r"libcuda\.so[.\d]*: cannot open shared object"),
    (NO_GPU, r"No CUDA GPUs are available|no CUDA-capable device|Found no NVIDIA driver|invalid device ordinal"),
    (NO_CUDA_BUILD, r"Torch not compiled with CUDA enabled|GPU is not enabled"),
    (NO_GPU, r"Invalid CUDA 'device="),
    (GPU_ASSERT, r"device-side assert triggered"),
    (NO_GPU, r"Attempting to deserialize object on a CUDA device|CUDA unknown error - this may be due to"),
    (GPU_FAULT, r"uncorrectable ECC error|GPU has fallen off the bus|CUDA error: unspecified launch failure|\bXid\b"),
    (PEERS_LOST, r"NCCL (?:communicator was aborted|error|timeout)|Watchdog caught collective operation timeout"),
    (PEERS_LOST, r"Connection closed by peer \[|Broken pipe.*(?:gloo|TCPStore)|Dist(?:Backend|Network|Store)Error"),
    (PEERS_LOST, r"\bgloo/transport/.*(?:Connection|rror|imed out|Broken pipe|pair closure)"),
    (NOT_A_NUMBER, r"\bloss\b[^\n]{0,20}\b(?:is|became|=|:) ?(?:nan|[+-]?inf)\b.*(?:stop|abort|exit|rais)"),
    (NOT_A_NUMBER, r"^FloatingPointError|(?:loss|gradient|weights?)\b[^\n]{0,30}\b(?:is|are|became) (?:nan|inf)"),
    (NOT_A_NUMBER, r"(?:NaN|inf) (?:loss|gradient)s? (?:encountered|detected|found)|returned nan values"),
    (OFFLINE, r"Temporary failure in name resolution|Name or service not known|getaddrinfo failed"),
    (OFFLINE, r"Network is unreachable|No route to host|^(?:urllib\.error\.)?URLError|Max retries exceeded with url"),
    (OFFLINE, r"^(?:ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|MaxRetryError|gaierror)\b"),
    (OFFLINE, r"^Connection(?:Refused|Reset|Aborted)Error|HTTP Error 5\d\d|Could not resolve host"),
    (MODEL_FILE, r"PytorchStreamReader failed|Error\(s\) in loading state_dict|invalid magic number; corrupt file"),
    (MODEL_FILE, r"(?:No such file|not found|cannot (?:open|load)|invalid)[^\n]*\.(?:pth?|weights|params|onnx|ckpt)\b"),
    (MODEL_FILE, r"\.(?:pth?|weights|params|onnx|ckpt)'?\"? (?:is missing|does not exist|is not found|was not found)"),
    (IMAGE_FORMAT, r"UnidentifiedImageError|cannot identify image file|image file is truncated|unknown image format"),
    (DATASET, r"No such file[^\n]*/(?:assets|annotations)/|No such file[^\n]*index\.tsv|No labels found"),
    (DATASET, r"num_samples should be a positive integer|(?:dataset|index file) is (?:empty|missing)"),
    (DATASET, r"^(?:xml\.etree\.ElementTree\.)?ParseError\b"),
    (NOEXEC, r"failed to map segment from shared object"),
    *(
        (Cause(broken.kind, protocol.CODE_OTHER, "", broken.message, broken.remedy), broken.pattern)
        for broken in BREAKAGES
    ),
    (MISSING_FRAMEWORK, rf"No module named '(?:{'|'.join(known.module for known in FRAMEWORKS)})\b"),
    (MISSING_MODULE, r"ModuleNotFoundError|^ImportError: No module named|No module named '[\w.]+'"),
)  # fmt: skip
_SYMPTOMS = tuple(Symptom(cause, re.compile(pattern, re.IGNORECASE | re.MULTILINE)) for cause, pattern in TABLE)


# Where frameworks read a model: the file, and a function of it ('' for any).
_LOADERS = (
    ("torch/serialization.py", ""),
    ("torch/_weights_only_unpickler.py", ""),
    ("torch/jit/_serialization.py", ""),
    ("torch/nn/modules/module.py", "load_state_dict"),
    ("torch/optim/optimizer.py", "load_state_dict"),
    ("mxnet/ndarray/utils.py", "load"),
    ("mxnet/gluon/parameter.py", "load"),
    ("mxnet/gluon/block.py", "load_parameters"),
)
_LOADS = re.compile(
    r"\b(?:torch\.(?:jit\.)?load|load_state_dict|(?:nd|ndarray)\.load|load_parameters|load_checkpoint)\s*\("
)


def loads_a_model(report: Report) -> bool:
    """Whether an exception came out of the reading of a model file, of whatever type it is."""
    for frame in report.frames:
        if any(frame.file.endswith(f"/{file}") and name in frame.function for file, name in _LOADERS):
            return True
    return bool(report.frames and _LOADS.search(report.frames[-1].code))


def find(lines: Iterable[str]) -> tuple[Cause, str] | None:
    """The first cause of the table that any of the lines shows, and the last line that shows it."""
    stripped = [line.strip() for line in lines]
    for cause, pattern in _SYMPTOMS:
        for line in reversed(stripped):
            if pattern.search(line):
                return cause, line
    return None
